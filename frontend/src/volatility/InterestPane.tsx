// Volume and open interest by strike, calls up and puts down, of one expiry or of all; their ratios, and max pain.
import { createMemo, createSignal, Index, Show } from "solid-js";
import { strikeText } from "../chain/row";
import type { Desk } from "../desk";
import { age, count, fixed } from "../format";
import { Plot, type PlotAxis, type PlotLine, type PlotMark } from "../plot/Plot";
import { domainOf } from "../plot/scale";
import { Choice } from "../views/Choice";
import { type Interest, type Measure, maxPain, merged, totals } from "./interest";
import { daysOf, ORIGIN, originOf, type Surface } from "./surface";
import { Values } from "./Values";
import type { Volatility } from "./volatility";
import { daysText, expiryName } from "./words";

const MEASURES: readonly (readonly [Measure, string, string])[] = [
  ["open_interest", "Open interest", "Open contracts, as the venue says them; most venues count once a day"],
  ["volume", "Volume", "Contracts traded in this session"],
];
const NONE: Readonly<Record<Measure, string>> = {
  open_interest: "The venue tells no open interest of these options.",
  volume: "No volume of this session is known: the venue tells none, or only one of the last 24 hours.",
};

export function InterestPane(props: { desk: Desk; state: Volatility; surface: Surface }) {
  const { state } = props;
  const [wanted, setWanted] = createSignal("");
  const measure = () => state.choices().measure;
  const expiry = () => props.surface.expiries.find((one) => one.name === wanted());
  const strikes = createMemo((): readonly Interest[] => {
    const one = expiry();
    return one ? one.points : merged(props.surface.expiries.map((each) => each.points));
  });
  /** Only of one expiry is there a max pain: beside all of them stands that of the next. */
  const painful = () => expiry() ?? props.surface.expiries[0];
  const pain = createMemo(() => maxPain(painful()?.points ?? []));
  const of = (one: Interest, side: "call" | "put") => one[`${side}_${measure()}`];
  const lines = createMemo((): readonly PlotLine[] => [
    {
      name: "calls",
      style: 0,
      drawing: "bars",
      points: strikes().map((one) => ({ x: one.strike, y: of(one, "call") })),
    },
    {
      name: "puts",
      style: 1,
      drawing: "bars",
      points: strikes().map((one) => {
        const value = of(one, "put");
        return { x: one.strike, y: value === null ? null : -value };
      }),
    },
  ]);
  const isKnown = () => lines().some((line) => line.points.some((point) => point.y !== null));
  const x = (): PlotAxis => ({
    label: "strike",
    domain: domainOf(
      strikes().map((one) => one.strike),
      0.03,
    ) ?? [0, 1],
    write: strikeText,
  });
  const y = createMemo((): PlotAxis => {
    const most = Math.max(
      1,
      ...lines().flatMap((line) => line.points.map((point) => Math.abs(point.y ?? 0))),
    );
    return {
      label: "calls ↑ puts ↓",
      domain: [-most * 1.05, most * 1.05],
      write: (value) => count(Math.abs(value)),
    };
  });
  const spot = () => {
    props.desk.beat();
    return props.desk.chain.priceOf(state.to.feed, state.to.underlying) ?? props.surface.underlying_price;
  };
  const marks = (): readonly PlotMark[] => {
    const [now, least] = [spot(), expiry() ? pain() : null];
    return [
      ...(now === null ? [] : [{ x: now, text: state.to.underlying }]),
      ...(least === null ? [] : [{ x: least, text: "max pain" }]),
    ];
  };
  const readout = (strike: number) => {
    const one = strikes().find((each) => each.strike === strike);
    if (!one) return "";
    const side = (name: "call" | "put") => {
      const value = of(one, name);
      return `${name}s ${value === null ? "not known" : fixed(value, 0)}`;
    };
    return `Strike ${strikeText(strike)}   ·   ${side("call")}   ·   ${side("put")}`;
  };
  const received = () => {
    props.desk.beat();
    const times = (expiry() ? [expiry()!] : props.surface.expiries).flatMap((one) =>
      one.received_at === null ? [] : [Date.parse(one.received_at)],
    );
    const now = props.desk.feedNow(state.to.feed);
    return times.length && !Number.isNaN(now) ? `${age(now - Math.max(...times))} ago` : "";
  };
  const figures = createMemo(() =>
    MEASURES.map(([name, text]) => ({ name, text, ...totals(strikes(), name) })),
  );
  const sheet = () => ({
    name: `${props.surface.underlying} ${expiry()?.name ?? "all expiries"} interest`,
    header: ["strike", "call_volume", "put_volume", "call_open_interest", "put_open_interest", ...ORIGIN],
    rows: strikes().map((one) => [
      one.strike,
      one.call_volume,
      one.put_volume,
      one.call_open_interest,
      one.put_open_interest,
      ...originOf(props.surface, expiry() ? [expiry()!] : props.surface.expiries),
    ]),
  });
  return (
    <div class="pane interest-pane">
      <div class="pane-tools">
        <label class="range">
          <span class="unseen">Expiry</span>
          <select
            data-testid="interest-expiry"
            value={wanted()}
            onChange={(event) => setWanted(event.currentTarget.value)}
          >
            <option value="">All expiries</option>
            <Index each={props.surface.expiries}>
              {(one) => (
                <option value={one().name}>
                  {expiryName(one())} · {daysText(daysOf(one()))}
                </option>
              )}
            </Index>
          </select>
        </label>
        <Choice
          label="Measure"
          all={MEASURES}
          chosen={measure()}
          onChoose={(value) => state.choose({ measure: value })}
        />
      </div>
      <dl class="interest-figures" data-testid="interest-figures">
        <Index each={figures()}>
          {(one) => (
            <div data-testid={`total-${one().name}`}>
              <dt>{one().text}</dt>
              <dd>
                calls <strong data-value={one().call ?? ""}>{count(one().call) || "–"}</strong>, puts{" "}
                <strong data-value={one().put ?? ""}>{count(one().put) || "–"}</strong>, put/call{" "}
                <strong
                  data-value={one().ratio ?? ""}
                  title={
                    one().ratio === null ? "One of the two is not known, or no call is counted" : undefined
                  }
                >
                  {one().ratio === null ? "–" : fixed(one().ratio, 2)}
                </strong>
              </dd>
            </div>
          )}
        </Index>
        <div>
          <dt>Max pain</dt>
          <dd
            data-testid="max-pain"
            data-value={pain() ?? ""}
            title="The strike at which all open options of the expiry together would pay their holders least"
          >
            <Show when={pain() !== null} fallback={<span class="muted">no open interest is known</span>}>
              <strong>{strikeText(pain()!)}</strong>
            </Show>
            <Show when={!expiry() && painful()}>
              {(next) => <span class="muted"> of {expiryName(next())}</span>}
            </Show>
          </dd>
        </div>
      </dl>
      <Show when={isKnown()} fallback={<p class="pane-blank">{NONE[measure()]}</p>}>
        <Plot
          testid="interest-plot"
          label={`${MEASURES.find(([name]) => name === measure())![1]} of ${props.surface.underlying} by strike`}
          x={x()}
          y={y()}
          lines={lines()}
          marks={marks()}
          readout={readout}
          rest={`Calls above, puts below, in contracts${expiry() ? "" : ", all expiries added up"}`}
        />
      </Show>
      <Values desk={props.desk} sheet={sheet} of="Volume and open interest by strike" />
      <p class="foot-note">
        As the venue says them in its quotes; the newest of these was received{" "}
        {received() || "at a time not known"}. Sums, ratios and max pain are computed by this page; what is
        not known is not counted.
      </p>
    </div>
  );
}
