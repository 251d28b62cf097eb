// Which columns a watchlist shows, and how: one line a row, two on a phone. Pure.
import { COLUMN_OF } from "../grid/columns";
import { type Prices, widthOf } from "../grid/layout";

export const USUAL: readonly string[] = [
  "last",
  "change",
  "change_percent",
  "day",
  "bid_size",
  "bid",
  "ask",
  "ask_size",
  "mark",
  "implied_volatility",
  "delta",
  "volume",
  "open_interest",
  "age",
];

export const OFFERED: readonly string[] = [
  ...USUAL.slice(0, 9),
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

/** Where there is too little room: what matters most comes in first; what makes no sense alone, together. Prices that are
 * not among them are always there. */
const COME_FIRST: readonly (readonly string[])[] = [
  ["implied_volatility"],
  ["delta"],
  ["age"],
  ["bid_size", "ask_size"],
  ["change"],
  ["mark"],
  ["day"],
  ["bid_iv", "ask_iv"],
  ["gamma"],
  ["theta"],
  ["vega"],
  ["rho"],
  ["change_percent"],
  ["open_interest"],
  ["volume"],
];
/** On two lines the change and the sizes stand below their prices, and cost no room; how old a row is can be done without. */
const COME_FIRST_ON_PHONES: readonly (readonly string[])[] = [
  ["change"],
  ["bid_size"],
  ["ask_size"],
  ...COME_FIRST.filter(([key]) => !["change", "bid_size", "age"].includes(key!)),
  ["age"],
];
/** What belongs below what, on two lines. */
const BELOW: readonly (readonly [string, string])[] = [
  ["last", "change"],
  ["bid", "bid_size"],
  ["ask", "ask_size"],
  ["implied_volatility", "delta"],
  ["bid_iv", "ask_iv"],
  ["day", "change_percent"],
  ["volume", "open_interest"],
  ["gamma", "theta"],
  ["vega", "rho"],
];

/** So many are there however little room they have. */
const LEAST = 2;
const NAME = 284;
const CURRENCY = 24;
const PADDING = 28;
/** Narrower than this a row has two lines, and so many places on each. */
export const PHONE = 600;
const PLACES = 4;
/** Narrower than this US dollars stand below a price. */
const BELOW_UP_TO = 879;
const BELOW_WIDTH = 14;
const BESIDE_WIDTH = 9;

export interface Room {
  readonly currency: boolean;
  readonly dollars: boolean;
  readonly large: boolean;
}

export interface Fitted {
  /** In the order of the screen; on two lines, by pairs, upper before lower. */
  readonly keys: readonly string[];
  /** A value for `grid-template-columns`. */
  readonly tracks: string;
  readonly isPhone: boolean;
  readonly dollarsBelow: boolean;
  /** Of two lines: whether there are prices on the lower one. */
  readonly pricesBelow: boolean;
}

/** What of `chosen` has room in `width` px; where little has, at least the two that matter most. */
export function fitted(chosen: readonly string[], width: number, room: Room): Fitted {
  if (width <= PHONE) return onTwoLines(chosen, room);
  const dollarsBelow = room.dollars && width <= BELOW_UP_TO;
  // Where there are two prices to a cell, one alone has all the room that it may need.
  const prices: Prices = { dollars: room.dollars && !dollarsBelow, large: room.large && !room.dollars };
  const more = dollarsBelow ? BELOW_WIDTH : prices.dollars ? BESIDE_WIDTH : 0;
  const widthIn = (key: string) => widthOf(key, prices) + (COLUMN_OF.get(key)?.beside ? more : 0);
  const name = NAME + (room.currency ? CURRENCY : 0);
  const sum = (keys: readonly string[]) => keys.reduce((all, key) => all + widthIn(key), PADDING + name);
  const keys = filled(chosen, COME_FIRST, (held) => sum(held) <= width);
  const tracks = keys.map((key) => `minmax(${widthIn(key)}px, ${widthIn(key)}fr)`);
  return {
    keys,
    tracks: `minmax(${name}px, ${Math.round(name * 0.9)}fr) ${tracks.join(" ")}`,
    isPhone: false,
    dollarsBelow,
    pricesBelow: false,
  };
}

function onTwoLines(chosen: readonly string[], room: Room): Fitted {
  const keys = filled(chosen, COME_FIRST_ON_PHONES, (held) => paired(held).length <= PLACES);
  const pairs = paired(keys).slice(0, PLACES);
  const isPriced = ([upper, lower]: readonly string[]) =>
    [upper, lower].some((key) => COLUMN_OF.get(key ?? "")?.beside);
  const parts = pairs.map((pair) => {
    const part = !room.dollars ? 1 : isPriced(pair) ? 1.1 : 0.8;
    return `minmax(0, ${part}fr)`;
  });
  return {
    keys: pairs.flat(),
    tracks: `minmax(0, 1.75fr) ${parts.join(" ")}`,
    isPhone: true,
    dollarsBelow: room.dollars,
    pricesBelow: pairs.some(([, lower]) => COLUMN_OF.get(lower ?? "")?.beside !== undefined),
  };
}

/** `keys` in columns of two, in the order in which the first of each stands there. */
export function paired(keys: readonly string[]): readonly (readonly string[])[] {
  const pairs: string[][] = [];
  const open: string[][] = [];
  const taken = new Set<string>();
  for (const key of keys) {
    if (taken.has(key)) continue;
    const pair = BELOW.find((one) => one.includes(key) && one.every((part) => keys.includes(part)));
    const alone = open.pop();
    if (pair) {
      pairs.push([...pair]);
      for (const part of pair) taken.add(part);
      if (alone) open.push(alone);
    } else if (alone) alone.push(key);
    else {
      const made = [key];
      pairs.push(made);
      open.push(made);
    }
  }
  return pairs;
}

/** Of `chosen`, in its order, what fits: first what is in no group, then group by group. */
function filled(
  chosen: readonly string[],
  groups: readonly (readonly string[])[],
  fits: (keys: readonly string[]) => boolean,
): readonly string[] {
  const grouped = new Set(groups.flat());
  let keys = chosen.filter((key) => !grouped.has(key));
  for (const group of groups) {
    const more = chosen.filter((key) => keys.includes(key) || group.includes(key));
    if (fits(more) || keys.length + group.length <= LEAST) keys = more;
  }
  return keys;
}
