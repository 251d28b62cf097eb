// The term structure: volatility at the money by days to expiry, and beside it expected moves and the skew.
import { createMemo, Index, Show } from "solid-js";
import { addressOf } from "../chain/address";
import { moveText, volatilityText } from "../chain/expiry";
import type { Desk } from "../desk";
import { fixed } from "../format";
import { Plot, type PlotAxis, type PlotLine } from "../plot/Plot";
import { domainOf } from "../plot/scale";
import { type Skew, skew } from "./smile";
import { daysOf, ORIGIN, originOf, type Surface, type SurfaceExpiry } from "./surface";
import { Values } from "./Values";
import { daysText, expiryName, partText, pointsText, termText } from "./words";

const DAYS = [0, 1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095];
const NOT_QUOTED = "Not quoted on both sides of that delta";
const NO_MONEY = "Not quoted on both sides of the forward";

export function TermPane(props: { desk: Desk; surface: Surface }) {
  const skews = createMemo(
    () =>
      new Map<string, Skew>(
        props.surface.expiries.map((one) => [one.name, skew(one.points, one.at_the_money_volatility)]),
      ),
  );
  const placed = () => props.surface.expiries.filter((one) => daysOf(one) !== null);
  const x = (): PlotAxis => ({
    label: "days to expiry",
    domain: [0, Math.max(2, ...placed().map((one) => daysOf(one)! * 1.02))],
    write: (value) => fixed(value, 0),
    ticks: DAYS,
    // As uncertainty grows: the near expiries are not crowded.
    spread: Math.sqrt,
  });
  const y = (): PlotAxis => ({
    label: "IV %",
    domain: domainOf(
      placed().flatMap((one) => one.at_the_money_volatility ?? []),
      0.12,
    ) ?? [0, 1],
    write: (value) => fixed(value * 100, 1),
  });
  /** A line a root: those that settle at another hour of the same day are another term structure. */
  const lines = createMemo((): readonly PlotLine[] =>
    [...new Set(placed().map((one) => one.root))].map((root, style) => ({
      name: root,
      style,
      points: placed()
        .filter((one) => one.root === root)
        .map((one) => ({ x: daysOf(one)!, y: one.at_the_money_volatility })),
    })),
  );
  const readout = (days: number) => {
    const at = placed().filter((one) => daysOf(one) === days);
    return at.map((one) => termText(one, skews().get(one.name)!)).join("\n");
  };
  const sheet = () => ({
    name: `${props.surface.underlying} term structure`,
    header: [
      "expiry",
      "days_left",
      "forward",
      "at_the_money_volatility",
      "expected_move",
      "put_25_volatility",
      "call_25_volatility",
      "risk_reversal_25",
      "butterfly_25",
      ...ORIGIN,
    ],
    rows: props.surface.expiries.map((one) => {
      const { put, call, risk_reversal, butterfly } = skews().get(one.name)!;
      const { name, days_left, forward, at_the_money_volatility, expected_move } = one;
      return [
        name,
        days_left,
        forward,
        at_the_money_volatility,
        expected_move,
        put,
        call,
        risk_reversal,
        butterfly,
        ...originOf(props.surface, [one]),
      ];
    }),
  });
  return (
    <div class="pane term-pane">
      <Plot
        testid="term-plot"
        label={`Volatility at the money of ${props.surface.underlying} by days to expiry`}
        x={x()}
        y={y()}
        lines={lines()}
        readout={readout}
        rest="Volatility at the money, a year, by days to expiry"
      >
        <Show when={lines().length > 1}>
          <ul class="plot-legend">
            <Index each={lines()}>
              {(line) => (
                <li class={`style-${line().style % 6}`}>
                  <svg class="plot-sample" aria-hidden="true">
                    <path d="M0 4H22" />
                  </svg>
                  {line().name}
                </li>
              )}
            </Index>
          </ul>
        </Show>
      </Plot>
      <div class="table-scroll">
        <table class="figures-table" data-testid="term-table">
          <thead>
            <tr>
              <th scope="col">Expiry</th>
              <th scope="col">Left</th>
              <th scope="col" title="Implied volatility at a strike equal to the forward, percent a year">
                IV %
              </th>
              <th
                scope="col"
                title="Expected move: one standard deviation of the price until then, forward × IV × √years"
              >
                ± Move
              </th>
              <th scope="col" title="The expected move as a part of the forward">
                ± %
              </th>
              <th
                scope="col"
                title="25-delta risk reversal: IV of the call of delta 0.25 less that of the put of −0.25, in points"
              >
                RR 25Δ
              </th>
              <th
                scope="col"
                title="25-delta butterfly: the middle of both IVs less the IV at the money, in points"
              >
                BF 25Δ
              </th>
            </tr>
          </thead>
          <tbody>
            <Index each={props.surface.expiries}>
              {(one) => (
                <TermRow one={one()} skew={skews().get(one().name)!} chain={chainOf(props.surface, one())} />
              )}
            </Index>
          </tbody>
        </table>
        <Values desk={props.desk} sheet={sheet} of="Term structure and skew" shown />
        <p class="foot-note">
          Volatility at the money and expected move are computed by the server from the greeks of each expiry,
          risk reversal and butterfly by this page: linear in delta between the strikes next to it, each seen
          from its out-of-the-money option. Nothing is continued beyond what is quoted.
        </p>
      </div>
    </div>
  );
}

function TermRow(props: { one: SurfaceExpiry; skew: Skew; chain: string }) {
  const of = () => props.one;
  const part = () =>
    of().expected_move === null || !of().forward ? null : of().expected_move! / of().forward!;
  return (
    <tr data-testid="term-row" data-name={of().name}>
      <th scope="row">
        <a href={props.chain} title="The chain of this expiry">
          {expiryName(of())}
        </a>
      </th>
      <td title={of().expires_at ?? undefined}>{daysText(daysOf(of()))}</td>
      <td
        data-value={of().at_the_money_volatility ?? ""}
        title={blank(of().at_the_money_volatility, NO_MONEY)}
      >
        {volatilityText(of().at_the_money_volatility).replace(" %", "")}
      </td>
      <td title={blank(of().expected_move, NO_MONEY)}>{moveText(of().expected_move).replace("±", "")}</td>
      <td title={blank(part(), NO_MONEY)}>{partText(part()).replace(" %", "")}</td>
      <td data-value={props.skew.risk_reversal ?? ""} title={blank(props.skew.risk_reversal, NOT_QUOTED)}>
        {pointsText(props.skew.risk_reversal)}
      </td>
      <td data-value={props.skew.butterfly ?? ""} title={blank(props.skew.butterfly, NOT_QUOTED)}>
        {pointsText(props.skew.butterfly)}
      </td>
    </tr>
  );
}

function blank(value: number | null, why: string): string | undefined {
  return value === null ? why : undefined;
}

function chainOf(surface: Surface, one: SurfaceExpiry): string {
  return addressOf(surface.feed, surface.underlying, one.name);
}
