// The chart of a payoff with its cursor, by pointer or arrow keys, and the line that says what is under it.
import { createEffect, createSignal, on, onCleanup, onMount } from "solid-js";
import { fixed } from "../format";
import type { Domain } from "../plot/scale";
import type { Assessment } from "./assessment";
import { PayoffDrawing } from "./chart";
import { curveOf, kept, keptProfits, neededPrices } from "./curve";
import { isLinearAt, strikesOf } from "./position";
import { gainText } from "./words";

/** A step of the arrow keys, as a part of the axis; with Shift ten. */
const STEP = 1 / 200;

export function PayoffChart(props: {
  state: Assessment;
  /** Decimals of the underlying's price. */
  places: number;
  /** What the second curve is called: `now`, or its day. */
  when: string;
  underlying: string;
  onPrices: (prices: Domain) => void;
}) {
  let host!: HTMLDivElement;
  let drawing: PayoffDrawing | undefined;
  let prices: Domain | null = null;
  let profits: Domain | null = null;
  let drawn = "";
  const [cursor, setCursor] = createSignal<number | null>(null);
  const [axis, setAxis] = createSignal<Domain>([0, 1]);

  /** Where the line under the chart speaks of: the cursor, else the price of now. */
  const at = () => cursor() ?? props.state.spot;
  const profitsAt = (spot: number): readonly (number | null)[] =>
    [props.state.atExpiry, props.state.atTime].map((profit) => profit?.(spot) ?? null);

  const draw = () => {
    const { state } = props;
    const { position, outcome, spot } = state;
    if (typeof position === "string" || spot === null || (!state.atExpiry && !state.atTime)) {
      drawing?.draw(null);
      return;
    }
    const strikes = strikesOf(position);
    const breakevens = typeof outcome === "string" ? [] : outcome.breakevens;
    // Other contracts begin with an axis of their own.
    const contracts = strikes.join();
    if (contracts !== drawn) [prices, profits] = [null, null];
    drawn = contracts;
    const before = prices;
    prices = kept(prices, neededPrices(spot, strikes, breakevens, state.move));
    if (before !== prices) {
      setAxis(prices);
      props.onPrices(prices);
    }
    const isLinear = isLinearAt(position, state.first_ms ?? state.at_ms);
    const atExpiry = state.atExpiry ? curveOf(state.atExpiry, prices, strikes, isLinear) : [];
    const atTime = state.atTime ? curveOf(state.atTime, prices, strikes, false) : [];
    profits = keptProfits(
      profits,
      [...atExpiry, ...atTime].map((point) => point.profit).filter(Number.isFinite),
    );
    const wanted = cursor();
    drawing?.draw({
      prices,
      profits,
      atExpiry,
      atTime,
      spot,
      breakevens,
      strikes,
      cursor: wanted === null ? null : { spot: wanted, profits: profitsAt(wanted) },
    });
  };

  onMount(() => {
    drawing = new PayoffDrawing(host, () => ({
      price: (value) => fixed(value, props.places),
      tick: (value) => fixed(value, decimalsOf(value, props.places)),
      profit: (value) => fixed(value, decimalsOf(value, 2)),
      names: {
        price: `price of ${props.underlying}`,
        profit: ["profit", props.state.net.currency].filter(Boolean).join(", "),
      },
    }));
    const resizing = new ResizeObserver(() => drawing?.resize());
    resizing.observe(host);
    drawing.resize();
    onCleanup(() => resizing.disconnect());
    createEffect(on([() => props.state, cursor], draw));
  });

  const move = (event: PointerEvent) => setCursor(drawing?.priceAt(event.clientX) ?? null);
  const onKey = (event: KeyboardEvent) => {
    const [low, high] = axis();
    const from = at();
    const step = (high - low) * STEP * (event.shiftKey ? 10 : 1);
    const to: Readonly<Record<string, number | null>> = {
      ArrowLeft: from === null ? null : Math.max(low, from - step),
      ArrowRight: from === null ? null : Math.min(high, from + step),
      Home: low,
      End: high,
      Escape: null,
    };
    if (!(event.key in to) || (event.key === "Escape" && cursor() === null)) return;
    event.preventDefault();
    event.stopPropagation();
    setCursor(to[event.key] ?? null);
  };

  const said = (): string => {
    const spot = at();
    if (spot === null || (!props.state.atExpiry && !props.state.atTime)) return "";
    const [atExpiry, atTime] = profitsAt(spot);
    const away = props.state.spot ? (spot / props.state.spot - 1) * 100 : 0;
    const parts = [
      `${props.state.spot === spot ? "At the price of now, " : "At "}${fixed(spot, props.places)}${
        cursor() === null ? "" : ` (${gainPercent(away)})`
      }`,
    ];
    if (atExpiry !== null && atExpiry !== undefined) parts.push(`${first()} ${gainText(atExpiry)}`);
    if (atTime !== null && atTime !== undefined) parts.push(`${props.when} ${gainText(atTime)}`);
    return parts.join(" · ");
  };
  const first = () => (props.state.first_ms === null ? "profit" : "at expiry");

  return (
    <>
      <p class="payoff-read" data-testid="payoff-read">
        {said()}
      </p>
      <div
        ref={host}
        class="payoff-host"
        role="slider"
        tabIndex={0}
        aria-label="Profit by the price of the underlying"
        aria-valuemin={axis()[0]}
        aria-valuemax={axis()[1]}
        aria-valuenow={at() ?? 0}
        aria-valuetext={said()}
        data-testid="payoff-chart"
        onPointerMove={move}
        onPointerDown={move}
        onPointerLeave={(event) => event.pointerType === "mouse" && setCursor(null)}
        onKeyDown={onKey}
      />
    </>
  );
}

function gainPercent(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)} %`;
}

/** As many decimals as a round number has, up to `most`. */
function decimalsOf(value: number, most: number): number {
  let places = 0;
  while (places < most && Math.abs(value * 10 ** places - Math.round(value * 10 ** places)) > 1e-6)
    places += 1;
  return places;
}
