// The smiles of several expiries together, live: the volatility of the mark as the line, bid and ask around it.
import { createMemo, createSignal, Index, Show } from "solid-js";
import { strikeText } from "../chain/row";
import type { Desk } from "../desk";
import { fixed, percent } from "../format";
import { Plot, type PlotAxis, type PlotLine, type PlotMark } from "../plot/Plot";
import { domainOf } from "../plot/scale";
import { Choice } from "../views/Choice";
import { computedBy, deltaName, deltaPlace, type Point, volatilityAt, whyNone } from "./smile";
import { daysOf, type LiveSmile, type Surface, type SurfaceExpiry } from "./surface";
import { Values } from "./Values";
import { type AxisName, MOST_CHOSEN, type Volatility } from "./volatility";
import { daysText, expiryName } from "./words";

const AXES: readonly (readonly [AxisName, string, string])[] = [
  ["strike", "Strike", "By strike"],
  ["moneyness", "Moneyness", "By the logarithm of strike over forward, in percent"],
  ["delta", "Delta", "By delta of the out-of-the-money option"],
];
const DELTA_TICKS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
/** Beyond so many standard deviations hardly anything is quoted, and what is would flatten the rest. */
const REACH = 4;

interface Shown {
  readonly expiry: SurfaceExpiry;
  readonly smile: LiveSmile;
  readonly style: number;
}

export function SmilePane(props: { desk: Desk; state: Volatility; surface: Surface }) {
  const { state } = props;
  const [refused, setRefused] = createSignal(false);
  const axis = () => state.choices().axis;
  const shown = createMemo((): readonly Shown[] =>
    state.chosen().flatMap((name, style) => {
      const expiry = props.surface.expiries.find((one) => one.name === name);
      const smile = state.smileOf(name);
      return expiry && smile ? [{ expiry, smile, style }] : [];
    }),
  );
  const place = (point: Point): number | null => {
    if (axis() === "strike") return point.strike;
    return axis() === "moneyness" ? point.log_moneyness : deltaPlace(point);
  };
  /** What of a smile is drawn: not the far wings. */
  const near = ({ expiry, smile }: Shown): readonly Point[] => {
    const years = (daysOf(expiry) ?? 365) / 365;
    const reach = REACH * Math.max(expiry.at_the_money_volatility ?? 0.5, 0.05) * Math.sqrt(years);
    return smile.points.filter((point) => Math.abs(point.log_moneyness) <= Math.max(reach, 0.02));
  };
  const y = createMemo((): PlotAxis => {
    const all = shown().flatMap((one) => near(one).flatMap((point) => volatilityAt(point) ?? []));
    return {
      label: "IV %",
      domain: domainOf(all, 0.12) ?? [0, 1],
      write: (value) => fixed(value * 100, 1),
    };
  });
  const lines = createMemo((): readonly PlotLine[] => {
    const [low, high] = y().domain;
    const held = (value: number | null) => (value === null ? null : Math.min(high, Math.max(low, value)));
    return shown().map((one) => ({
      name: one.expiry.name,
      style: one.style,
      points: near(one)
        .flatMap((point) => {
          const x = place(point);
          if (x === null) return [];
          return [{ x, y: volatilityAt(point), low: held(point.bid_iv), high: held(point.ask_iv) }];
        })
        .sort((a, b) => a.x - b.x),
    }));
  });
  const x = createMemo((): PlotAxis => {
    if (axis() === "delta") return { label: "delta", domain: [0, 1], write: deltaName, ticks: DELTA_TICKS };
    const domain = domainOf(
      lines().flatMap((line) => line.points.map((point) => point.x)),
      0.02,
    ) ?? [0, 1];
    return axis() === "strike"
      ? { label: "strike", domain, write: strikeText }
      : { label: "ln(strike / forward), %", domain, write: (value) => fixed(value * 100, 1) };
  });
  const spot = () => {
    props.desk.beat();
    return props.desk.chain.priceOf(state.to.feed, state.to.underlying) ?? props.surface.underlying_price;
  };
  const marks = (): readonly PlotMark[] => {
    if (axis() === "delta") return [{ x: 0.5, text: "at the money" }];
    if (axis() === "moneyness") return [{ x: 0, text: "forward" }];
    const now = spot();
    return now === null ? [] : [{ x: now, text: state.to.underlying }];
  };
  const readout = (at: number) => {
    const head =
      axis() === "strike"
        ? `Strike ${strikeText(at)}`
        : axis() === "delta"
          ? deltaName(at)
          : `${fixed(at * 100, 1)} %`;
    const parts = shown().flatMap((one) =>
      near(one)
        .filter((point) => place(point) === at)
        .map((point) => `${expiryName(one.expiry)} ${pointText(point, axis() === "strike")}`),
    );
    return [head, ...parts].join("   ·   ");
  };
  const by = () => {
    const all = new Set(
      shown().flatMap((one) => one.smile.points.map((point) => computedBy(point.flags)).filter(Boolean)),
    );
    return [...all].join(" and ");
  };
  const sheet = () => ({
    name: `${props.surface.underlying} smiles`,
    header: [
      "expiry",
      "strike",
      "log_moneyness",
      "right",
      "delta",
      "bid_iv",
      "mark_iv",
      "ask_iv",
      "computed_by",
      "why_none",
      "symbol",
      "forward",
      "received_at",
    ],
    rows: shown().flatMap(({ expiry, smile }) =>
      smile.points.map((point) => [
        expiry.name,
        point.strike,
        point.log_moneyness,
        point.right,
        point.delta,
        point.bid_iv,
        point.mark_iv,
        point.ask_iv,
        computedBy(point.flags) || null,
        whyNone(point) || null,
        point.symbol,
        smile.forward,
        smile.received_at,
      ]),
    ),
  });
  return (
    <div class="pane smile-pane">
      <div class="pane-tools">
        <fieldset class="expiry-chips">
          <legend class="unseen">Expiries, at most {MOST_CHOSEN}</legend>
          <Index each={props.surface.expiries}>
            {(one) => {
              const style = () => state.chosen().indexOf(one().name);
              return (
                <button
                  type="button"
                  class={`chip style-${Math.max(0, style())}`}
                  aria-pressed={style() >= 0}
                  data-testid="smile-expiry"
                  data-name={one().name}
                  onClick={() => setRefused(!state.toggle(one().name))}
                >
                  <Show when={style() >= 0}>
                    <svg class="plot-sample" aria-hidden="true">
                      <path d="M0 4H22" />
                    </svg>
                  </Show>
                  {expiryName(one())} <span class="muted">{daysText(daysOf(one()))}</span>
                </button>
              );
            }}
          </Index>
        </fieldset>
        <Choice
          label="Along the bottom"
          all={AXES}
          chosen={axis()}
          onChoose={(value) => state.choose({ axis: value })}
        />
      </div>
      <Show
        when={shown().length}
        fallback={<p class="pane-blank">Choose an expiry above to see its smile.</p>}
      >
        <Plot
          testid="smile-plot"
          label={`Smiles of ${props.surface.underlying} by ${axis()}`}
          x={x()}
          y={y()}
          lines={lines()}
          marks={marks()}
          readout={readout}
          rest="IV of the mark, with those of bid and ask around it. The call from the forward up, the put below"
        />
      </Show>
      <Values desk={props.desk} sheet={sheet} of="Smiles" />
      <p class="foot-note">
        <Show when={refused()}>
          <span class="bad" role="alert">
            {MOST_CHOSEN} expiries at most: take one away first.{" "}
          </span>
        </Show>
        Live, drawn once a second; volatilities and greeks by {by() || "nobody yet"}. Where the mark has no
        volatility the line is of the middle of bid and ask; where there is neither it has a gap.
      </p>
    </div>
  );
}

function pointText(point: Point, withDelta: boolean): string {
  const volatility = volatilityAt(point);
  const delta = withDelta && point.delta !== null ? `, delta ${fixed(point.delta, 2)}` : "";
  if (volatility === null) return `– (${whyNone(point)})`;
  const sides =
    point.bid_iv === null && point.ask_iv === null
      ? ""
      : ` (${percent(point.bid_iv) || "–"} × ${percent(point.ask_iv) || "–"})`;
  const right = point.right === "C" ? "call" : "put";
  return `${percent(volatility)} %${sides} ${right}${delta}`;
}
