// A watchlist as lines on the screen: instruments, headings, and what follows the money with the contracts that it holds.
// Pure; the grid shows them, the desk turns what happens to a line into an edit.
import type { InstrumentItem, Item, RollingItem, SectionItem } from "../api";
import type { Named } from "../grid/cells";
import { dayOf } from "../names";

interface Placed {
  /** Names the line among those of its list for ever. */
  readonly key: string;
  /** Which item of the list it is of, counted from 0. */
  readonly item: number;
}

/** A line with an instrument's values; `held` where it stands there by a rolling entry's rule. */
export interface QuoteLine extends Placed, Named {
  readonly kind: "quote";
  readonly held: boolean;
  /** Within its list; 0 for what is held. */
  readonly id: number;
}

export interface HeadingLine extends Placed {
  readonly kind: "heading";
  readonly of: SectionItem | RollingItem;
}

export type Line = QuoteLine | HeadingLine;

export function linesOf(items: readonly Item[]): Line[] {
  return items.flatMap((one, item): Line[] => {
    switch (one.kind) {
      case "instrument":
        return [quote(`${one.id}`, item, one, one.id)];
      case "section":
        return [{ key: `section-${one.id}`, item, kind: "heading", of: one }];
      case "rolling":
        return [
          { key: `rolling-${one.id}`, item, kind: "heading", of: one },
          ...one.held.map((named) => quote(`rolling-${one.id}-${named.instrument}`, item, named, 0)),
        ];
      default:
        return []; // a kind that this page does not know yet
    }
  });
}

function quote(key: string, item: number, { feed, symbol, instrument }: Named, id: number): QuoteLine {
  return { key, item, kind: "quote", feed, symbol, instrument, held: id === 0, id };
}

/** The instruments that stand there by themselves. */
export function entriesOf(items: readonly Item[]): InstrumentItem[] {
  return items.filter((one) => one.kind === "instrument");
}

/** How many instruments the list shows. */
export function shownCount(items: readonly Item[]): number {
  return items.reduce(
    (sum, one) => sum + (one.kind === "instrument" ? 1 : one.kind === "rolling" ? one.held.length : 0),
    0,
  );
}

export function feedsOf(items: readonly Item[]): string[] {
  return [...new Set(items.flatMap((one) => (one.kind === "section" ? [] : [one.feed])))];
}

/** The items with the one at `from` where the one at `to` is now. */
export function moved(items: readonly Item[], from: number, to: number): readonly Item[] {
  const item = items[from];
  return item ? items.toSpliced(from, 1).toSpliced(to, 0, item) : items;
}

export const RULES: readonly (readonly [RollingItem["rule"], string])[] = [
  ["next", "next expiry"],
  ["weekly", "next weekly expiry"],
  ["monthly", "next monthly expiry"],
  ["30d", "expiry nearest to 30 days"],
  ["60d", "expiry nearest to 60 days"],
];
export const RIGHTS: readonly (readonly [RollingItem["rights"], string])[] = [
  ["CP", "calls and puts"],
  ["C", "calls"],
  ["P", "puts"],
];

/** What a rolling entry follows: `next expiry, at the money ± 2 strikes, calls and puts`. */
export function ruleText(one: Pick<RollingItem, "rule" | "strikes" | "rights">): string {
  const rule = RULES.find(([name]) => name === one.rule)?.[1] ?? one.rule;
  const rights = RIGHTS.find(([name]) => name === one.rights)?.[1] ?? one.rights;
  const strikes = one.strikes ? ` ± ${one.strikes} ${one.strikes === 1 ? "strike" : "strikes"}` : "";
  return `${rule}, at the money${strikes}, ${rights}`;
}

/** Where it stands now, or why it holds nothing. */
export function stateText(one: Pick<RollingItem, "state" | "expiry" | "centre">): string {
  if (one.state === "waiting") return "waits for a price of the underlying";
  if (one.state === "none" || one.expiry === null) return "no contract fits";
  return one.centre === null ? dayOf(one.expiry) : `${dayOf(one.expiry)}, around ${one.centre}`;
}
