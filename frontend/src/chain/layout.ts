// Which columns a chain shows, in which order, and how many have room. Pure.
import { BESIDE, type GridColumn } from "../grid/columns";
import { chosenKeys as chosen, type Prices, widthOf } from "../grid/layout";

export { columnsOf, type Prices, tracks, widthOf } from "../grid/layout";

/** From the strike outwards. */
export const USUAL: readonly string[] = [
  "bid_size",
  "bid",
  "ask",
  "ask_size",
  "implied_volatility",
  "delta",
  "volume",
  "open_interest",
  "last",
  "change",
];

/** What the chooser offers, in this order where nothing was chosen. */
export const OFFERED: readonly string[] = [
  "bid_size",
  "bid",
  "ask",
  "ask_size",
  "mark",
  "last",
  "change",
  "change_percent",
  "bid_iv",
  "implied_volatility",
  "ask_iv",
  "delta",
  "gamma",
  "theta",
  "vega",
  "rho",
  "volume",
  "open_interest",
  "age",
];

/** Books read bid before ask, and volatilities bid, mid, ask, on both sides of the strike. */
const KEPT_IN_ORDER: readonly ReadonlySet<string>[] = [
  new Set(["bid_size", "bid", "ask", "ask_size"]),
  new Set(["bid_iv", "implied_volatility", "ask_iv"]),
];

/** The columns of the calls, left of the strike, for those of the puts: mirrored, but for runs that keep their order. */
export function mirrored(keys: readonly string[]): string[] {
  const runs: string[][] = [];
  let before: ReadonlySet<string> | undefined;
  for (const key of keys) {
    const group = KEPT_IN_ORDER.find((one) => one.has(key));
    if (group && group === before) runs.at(-1)!.push(key);
    else runs.push([key]);
    before = group;
  }
  return runs.reverse().flat();
}

/** As many of `keys`, from the first on, as have room in `width` px; at least two. */
export function fitting(keys: readonly string[], width: number, prices: Prices): readonly string[] {
  let used = 0;
  let count = 0;
  for (const key of keys) {
    used += widthOf(key, prices);
    if (used > width && count >= 2) break;
    count += 1;
  }
  return keys.slice(0, count);
}

/** What stands above a column: as in a list, but that sizes need not stand beside their prices. */
export function headerOf(column: GridColumn, prices: Prices): string {
  if (prices.dollars && column.beside) return `${column.header} ${BESIDE}`;
  return SIZES[column.key] ?? column.header;
}

const SIZES: Readonly<Record<string, string>> = { bid_size: "Bid sz", ask_size: "Ask sz" };

export const chosenKeys = chosen(OFFERED);
