// Which columns a chain shows, in which order, and how many have room. Pure.
import { BESIDE, COLUMN_OF, type GridColumn } from "../grid/columns";

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

const WIDTHS: Readonly<Record<string, number>> = {
  bid: 62,
  ask: 62,
  last: 62,
  mark: 62,
  change: 64,
  change_percent: 56,
  bid_size: 46,
  ask_size: 46,
  implied_volatility: 46,
  bid_iv: 50,
  ask_iv: 50,
  delta: 48,
  gamma: 62,
  theta: 56,
  vega: 52,
  rho: 52,
  volume: 52,
  open_interest: 52,
  age: 48,
};
const DOLLARS_WIDTH = 62;
const LARGE_WIDTH = 12;

/** What of a chain makes its prices wide. */
export interface Prices {
  /** In a coin, so that US dollars stand beside them. */
  readonly dollars: boolean;
  /** Five digits and decimals. */
  readonly large: boolean;
}

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

export function widthOf(key: string, prices: Prices): number {
  const width = WIDTHS[key] ?? 56;
  if (!COLUMN_OF.get(key)?.beside) return width;
  return width + (prices.dollars ? DOLLARS_WIDTH : 0) + (prices.large ? LARGE_WIDTH : 0);
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

/** A value for `grid-template-columns`: each at least its width, and room left over in proportion. */
export function tracks(keys: readonly string[], prices: Prices): string {
  return keys
    .map((key) => {
      const width = widthOf(key, prices);
      return `minmax(${width}px, ${width}fr)`;
    })
    .join(" ");
}

/** What stands above a column: as in a list, but that sizes need not stand beside their prices. */
export function headerOf(column: GridColumn, prices: Prices): string {
  if (prices.dollars && column.beside) return `${column.header} ${BESIDE}`;
  return SIZES[column.key] ?? column.header;
}

const SIZES: Readonly<Record<string, string>> = { bid_size: "Bid sz", ask_size: "Ask sz" };

export function columnsOf(keys: readonly string[]): GridColumn[] {
  return keys.map((key) => COLUMN_OF.get(key)).filter((column) => column !== undefined);
}

/** Keys that someone chose, without what is not offered and what stands twice; null where nothing is left. */
export function chosenKeys(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  const keys = [...new Set(value)].filter((key): key is string => OFFERED.includes(key));
  return keys.length ? keys : null;
}
