// The figures of a position: cost, bounds, breakevens, probability, greeks; a blank has its reason on hover.
import { For, type JSX } from "solid-js";
import { fixed, percent, significant } from "../format";
import type { Assessment, Known } from "./assessment";
import { deltaText, extremeText, gainText } from "./words";

type Figure = readonly [term: string, value: JSX.Element, note: string, testid: string];

export function Figures(props: { state: Assessment; places: number; when: string }) {
  const outcome = () => props.state.outcome;
  const bound = (which: "most" | "least"): string => {
    const found = outcome();
    if (typeof found === "string") return "";
    const value = found[which];
    return found.isExact || value === "unlimited" ? extremeText(value) : `≈ ${extremeText(value)}`;
  };
  const exactness = () => {
    const found = outcome();
    if (typeof found === "string") return found;
    const where = props.state.first_ms === null ? "" : " at the first expiry";
    return found.isExact
      ? `Over all prices of the underlying${where}; exact, by the contracts and the prices of the legs`
      : `Over all prices of the underlying${where}; legs that expire later are valued by Black-76 with their volatility of now`;
  };
  const breakevens = () => {
    const found = outcome();
    if (typeof found === "string") return "";
    if (!found.breakevens.length) return "none";
    const all = found.breakevens.map((price) => fixed(price, props.places)).join(" · ");
    return found.isExact ? all : `≈ ${all}`;
  };
  const net = () => props.state.net;
  const money = (): readonly Figure[] => [
    [
      net().cost === null ? "Net cost" : net().cost! < 0 ? "Net credit" : "Net debit",
      net().cost === null
        ? ""
        : [fixed(Math.abs(net().cost!), 2), <span class="unit"> {net().currency}</span>],
      net().reason || `${net().currency}, price × quantity × multiplier of all legs`,
      "net",
    ],
    ["Max profit", bound("most"), exactness(), "most"],
    ["Max loss", bound("least"), exactness(), "least"],
    ["Breakeven", breakevens(), exactness(), "breakeven"],
    [
      "Chance of profit",
      shown(props.state.probability, (value) => `${percent(value)} %`),
      reason(
        props.state.probability,
        `At the first expiry, if the price is lognormal with the volatility at the money of ${percent(props.state.volatility)} % and its mean is the forward. No forecast`,
      ),
      "probability",
    ],
  ];
  const by = () =>
    props.state.areQuoted
      ? "of the legs’ quotes, × quantity × multiplier"
      : `by Black-76, ${props.when}, × quantity × multiplier`;
  /** `per` is what the sum of money is a change by. */
  const greek = (
    term: string,
    value: Known<number>,
    write: (value: number) => string,
    what: string,
    per = "",
  ): Figure => [
    term,
    typeof value === "string"
      ? ""
      : [write(value), per && <span class="unit">{` ${net().currency} ${per}`}</span>],
    reason(value, `${what}; ${by()}`),
    `greek-${term.toLowerCase()}`,
  ];
  const greeks = (): readonly Figure[] => {
    const of = props.state.greeks;
    return [
      greek("Delta", of.delta, deltaText, "Change for 1 of the underlying"),
      greek("Gamma", of.gamma, (value) => significant(value, 3), "Change of delta for 1 of the underlying"),
      greek("Theta", of.theta, gainText, "Change in a calendar day", "a day"),
      greek("Vega", of.vega, gainText, "Change for a point of volatility", "a point"),
      greek("Rho", of.rho, gainText, "Change for a point of interest", "a point"),
    ];
  };
  return (
    <div class="payoff-figures">
      <List of={money()} label="Outcome" />
      <List of={greeks()} label="Greeks" faint />
    </div>
  );
}

function List(props: { of: readonly Figure[]; label: string; faint?: boolean }) {
  return (
    <dl class="figures" classList={{ faint: props.faint === true }} aria-label={props.label}>
      <For each={props.of.map(([, , , testid]) => testid)}>
        {(testid, index) => (
          <div title={props.of[index()]![2]}>
            <dt>{props.of[index()]![0]}</dt>
            <dd data-testid={testid}>
              {props.of[index()]![1] || (
                <>
                  <span class="muted" aria-hidden="true">
                    –
                  </span>
                  <span class="unseen">{props.of[index()]![2]}</span>
                </>
              )}
            </dd>
          </div>
        )}
      </For>
    </dl>
  );
}

function shown(value: Known<number>, write: (value: number) => string): string {
  return typeof value === "string" ? "" : write(value);
}

function reason(value: Known<number>, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
