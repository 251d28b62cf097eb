// A chain by strike: calls and puts side by side, where the money is, which strikes are shown. Pure.
import type { Named } from "../grid/cells";
import type { Facts } from "../protocol";

export type Side = "C" | "P";

export interface Strike {
  readonly strike: number;
  readonly call: Named | null;
  readonly put: Named | null;
}

/** Which strikes to show: all, so many on each side of the money, or so many expected moves to each side of it. */
export type Range =
  | { readonly kind: "all" }
  | { readonly kind: "count"; readonly each: number }
  | { readonly kind: "deviations"; readonly each: number };

/** What the choice offers, with what it says. */
export const RANGES: readonly (readonly [string, Range, string])[] = [
  ["all", { kind: "all" }, "All strikes"],
  ["5", { kind: "count", each: 5 }, "5 each side"],
  ["10", { kind: "count", each: 10 }, "10 each side"],
  ["20", { kind: "count", each: 20 }, "20 each side"],
  ["1sd", { kind: "deviations", each: 1 }, "± 1 SD"],
  ["2sd", { kind: "deviations", each: 2 }, "± 2 SD"],
  ["3sd", { kind: "deviations", each: 3 }, "± 3 SD"],
];

/** What of an option's facts its place in a chain follows from. */
export type Placed = Pick<Facts, "id" | "feed" | "symbol" | "strike" | "right">;

/** The options of `contracts` by rising strike. What is no option is left out. */
export function byStrike(contracts: Iterable<Placed>): Strike[] {
  const found = new Map<number, { strike: number; call: Named | null; put: Named | null }>();
  for (const facts of contracts) {
    if (facts.strike === null || facts.right === null) continue;
    const row = found.get(facts.strike) ?? { strike: facts.strike, call: null, put: null };
    const named = { feed: facts.feed, symbol: facts.symbol ?? "", instrument: facts.id };
    if (facts.right === "C") row.call = named;
    else row.put = named;
    found.set(facts.strike, row);
  }
  return [...found.values()].sort((a, b) => a.strike - b.strike);
}

/** How many strikes lie at or below the price: the money is between that row and the one before. Null without a price. */
export function moneyAt(strikes: readonly Strike[], price: number | null): number | null {
  if (price === null) return null;
  let [low, high] = [0, strikes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (strikes[middle]!.strike <= price) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** In the money: a call below the price, a put above it. At the price itself neither is. */
export function isInTheMoney(side: Side, strike: number, price: number | null): boolean {
  if (price === null) return false;
  return side === "C" ? strike < price : strike > price;
}

/** The strikes of `range` round `price`. Where the price, or the expected move, is unknown nothing is left out. */
export function within(
  strikes: readonly Strike[],
  range: Range,
  price: number | null,
  move: number | null,
): readonly Strike[] {
  const at = moneyAt(strikes, price);
  if (range.kind === "all" || at === null || price === null) return strikes;
  if (range.kind === "count") return strikes.slice(Math.max(0, at - range.each), at + range.each);
  if (move === null || move <= 0) return strikes;
  const reach = range.each * move;
  return strikes.filter(({ strike }) => Math.abs(strike - price) <= reach);
}

/** The rows from `first` on and before `last` that a window of `height` shows, and `beyond` more on either side. */
export function rowsInSight(
  scrolled: number,
  height: number,
  row: number,
  count: number,
  beyond: number,
): readonly [number, number] {
  const first = Math.floor(scrolled / row) - beyond;
  const last = Math.ceil((scrolled + height) / row) + beyond;
  return [Math.min(count, Math.max(0, first)), Math.min(count, Math.max(0, last))];
}

/** `102.5 %` of the price, and how many expected moves away: what is said of a strike on hover. */
export function strikeNote(strike: number, price: number | null, move: number | null): string {
  if (price === null || price <= 0) return "";
  const percent = `${((strike / price) * 100).toFixed(1)} % of ${price}`;
  if (move === null || move <= 0) return percent;
  const away = (strike - price) / move;
  return `${percent}, ${away < 0 ? "\u2212" : "+"}${Math.abs(away).toFixed(1)} expected moves`;
}
