// One instrument's newest row as cells, sorting and files read it. Before: store.ts; after: cells.ts, lists/arrange.ts.
import type { DayLine } from "../lists/dayLines";
import { type Column, columnValue, type Facts } from "../protocol";
import type { Store } from "../store";

/** An instrument as a page names it; `instrument` is its id in rows. */
export interface Named {
  readonly feed: string;
  readonly symbol: string;
  readonly instrument: number;
}

/** All that a cell may depend on. */
export interface RowView {
  readonly held: boolean;
  readonly facts: Facts | undefined;
  /** Why no rows come for this symbol, where the server said so. */
  readonly refused: string | undefined;
  /** Feed time, ms; NaN while the feed's clock is unknown. */
  readonly feedNow: number;
  /** The day's course, where it was asked for. */
  readonly day?: DayLine | undefined;
  value(column: Column): number | null;
  has(flag: number): boolean;
}

/** What is held of an instrument at this moment; it does not follow. */
export function viewOf(store: Store, named: Named, feedNow: number): RowView {
  const { feed, symbol, instrument } = named;
  const row = store.rows.get(instrument);
  const value = (column: Column) => (row ? columnValue(row, store.columns, column) : null);
  return {
    held: row !== undefined,
    facts: store.facts.get(instrument),
    refused: row ? undefined : store.refusal(feed, symbol, instrument),
    feedNow,
    day: store.days.get(instrument),
    value,
    has: (flag) => ((value("flags") ?? 0) & flag) !== 0,
  };
}
