// Which columns a grid shows, in which order, how wide they are, and which have room. Pure; the chain's own part of it is
// in chain/layout.ts.
import { COLUMN_OF, type GridColumn } from "./columns";

const WIDTHS: Readonly<Record<string, number>> = {
  bid: 62,
  ask: 62,
  last: 62,
  mark: 62,
  change: 64,
  change_percent: 56,
  day: 90,
  bid_size: 46,
  ask_size: 46,
  implied_volatility: 46,
  bid_iv: 50,
  ask_iv: 50,
  delta: 48,
  gamma: 72,
  theta: 64,
  vega: 56,
  rho: 56,
  volume: 52,
  open_interest: 52,
  age: 48,
};
/** The width of a digit in the page's type, and what a cell keeps free at its sides. */
const DIGIT = 7.4;
const SIDES = 12;
const DOLLARS_WIDTH = 62;
const LARGE_WIDTH = 12;

/** What makes prices wide. */
export interface Prices {
  /** In a coin, so that US dollars stand beside them. */
  readonly dollars: boolean;
  /** Five digits and decimals. */
  readonly large: boolean;
}

export function widthOf(key: string, prices: Prices): number {
  const width = WIDTHS[key] ?? 56;
  if (!COLUMN_OF.get(key)?.beside) return width;
  return width + (prices.dollars ? DOLLARS_WIDTH : 0) + (prices.large ? LARGE_WIDTH : 0);
}

/** So many characters surely have room in a column that has its least width. */
export function charactersOf(key: string): number {
  return Math.floor(((WIDTHS[key] ?? 56) - SIDES) / DIGIT);
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

export function columnsOf(keys: readonly string[]): GridColumn[] {
  return keys.map((key) => COLUMN_OF.get(key)).filter((column) => column !== undefined);
}

/** Keys that someone chose, without what is not offered and what stands twice; null where nothing is left. */
export function chosenKeys(offered: readonly string[]): (value: unknown) => readonly string[] | null {
  return (value) => {
    if (!Array.isArray(value)) return null;
    const keys = [...new Set(value)].filter((key): key is string => offered.includes(key));
    return keys.length ? keys : null;
  };
}
