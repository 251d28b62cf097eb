// The recent trades of one instrument: those that are stored where the feed tells of each, else the last ones that quotes named
// while the page looked. Pure.
import type { StoredTrade } from "../api";

export interface Trade {
  /** Ms since 1970 on the feed's clock. */
  readonly at_ms: number;
  readonly price: number;
  /** Contracts or shares; null where it is not told. */
  readonly size: number | null;
}

export const MOST = 30;

/** Newest first. */
export function stored(trades: readonly StoredTrade[]): readonly Trade[] {
  return trades
    .map(({ traded_at, price, size }) => ({ at_ms: Date.parse(traded_at), price, size }))
    .reverse();
}

/** The trades seen so far and the one that a row names, if that is another; newest first. Without its time a trade cannot be
 * told from the one before. */
export function withLast(
  seen: readonly Trade[],
  last: number | null,
  lastTime: number | null,
  lastSize: number | null,
): readonly Trade[] {
  if (last === null || lastTime === null) return seen;
  const newest = seen[0];
  if (newest && (lastTime < newest.at_ms || (lastTime === newest.at_ms && last === newest.price)))
    return seen;
  return [{ at_ms: lastTime, price: last, size: lastSize }, ...seen].slice(0, MOST);
}
