// A position and its curve as one table, for a file: the legs first, then the profit by the underlying's price. Pure.
import type { CsvValue } from "../export";
import { isCoinPriced } from "../money";
import type { Domain } from "../plot/scale";
import type { Assessment } from "./assessment";
import { strikesOf } from "./position";
import { type LegView, pricedLeg } from "./quoted";

/** Prices of the curve, beside the strikes and breakevens. */
const STEPS = 60;

const HEADER = [
  "part",
  "symbol",
  "quantity",
  "right",
  "strike",
  "expiry",
  "multiplier",
  "price",
  "price_currency",
  "cost",
  "cost_currency",
  "bid",
  "ask",
  "implied_volatility",
  "delta",
  "underlying_price",
  "profit_at_expiry",
  "profit_at_time",
  "time",
  "seq",
  "venue_at",
] as const;

export interface CsvTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly CsvValue[])[];
}

type Cells = Partial<Record<(typeof HEADER)[number], CsvValue>>;

export function tableOf(
  views: readonly LegView[],
  state: Assessment,
  prices: Domain,
  underlying: string,
): CsvTable {
  const rows = [...views.map((view) => legCells(view, state, underlying)), ...curveCells(state, prices)];
  return { header: HEADER, rows: rows.map((cells) => HEADER.map((name) => cells[name] ?? null)) };
}

function legCells(view: LegView, state: Assessment, underlying: string): Cells {
  const { leg, facts } = view;
  const { price, money } = pricedLeg(view, state.spot);
  const units = leg.quantity * (facts?.multiplier ?? 1);
  const venue = view.value("venue_time_ms");
  return {
    part: "leg",
    symbol: view.symbol ?? underlying,
    quantity: leg.quantity,
    ...(leg.kind === "option" ? { right: leg.right, strike: leg.strike, expiry: leg.expiry } : {}),
    multiplier: facts?.multiplier ?? null,
    price,
    price_currency: facts?.currency ?? null,
    cost: money === null ? null : tidy(units * money),
    cost_currency: isCoinPriced(facts) ? "USD" : (facts?.currency ?? null),
    bid: view.value("bid"),
    ask: view.value("ask"),
    implied_volatility: leg.kind === "option" ? view.value("implied_volatility") : null,
    delta: leg.kind === "option" ? view.value("delta") : 1,
    underlying_price: state.spot,
    seq: view.value("seq"),
    venue_at: venue === null ? null : new Date(venue).toISOString(),
  };
}

function curveCells(state: Assessment, [low, high]: Domain): readonly Cells[] {
  const { atExpiry, atTime, outcome, position } = state;
  if (typeof position === "string" || (!atExpiry && !atTime) || !(high > low)) return [];
  const even = Array.from({ length: STEPS + 1 }, (_, index) => tidy(low + (index / STEPS) * (high - low)));
  const marked = [
    ...strikesOf(position),
    ...(typeof outcome === "string" ? [] : outcome.breakevens.map(tidy)),
  ];
  const all = [...new Set([...even, ...marked])].filter((price) => price > 0).sort((a, b) => a - b);
  const time = Number.isNaN(state.at_ms) ? null : new Date(state.at_ms).toISOString();
  return all.map((price) => ({
    part: "curve",
    cost_currency: state.net.currency,
    underlying_price: price,
    profit_at_expiry: atExpiry ? tidy(atExpiry(price)) : null,
    profit_at_time: atTime ? tidy(atTime(price)) : null,
    time: atTime ? time : null,
  }));
}

/** Without the noise of doubles beyond what anybody pays. */
function tidy(value: number): number {
  return Number(value.toFixed(6));
}
