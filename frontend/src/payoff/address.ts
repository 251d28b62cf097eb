// The address of a position: `#payoff/FEED/UNDERLYING/LEGS`; leg.ts says how legs are written. Pure.
import { hashOf, partsOf } from "../hash";

export interface PayoffAddress {
  readonly feed: string;
  readonly underlying: string;
  /** As written in the address; empty where no leg is picked yet. */
  readonly legs: string;
}

export function payoffAddress(feed: string, underlying: string, legs: string): string {
  const hash = hashOf("payoff", legs ? [feed, underlying, legs] : [feed, underlying]);
  // Both may stand in the part after `#` as they are, and are read more easily so.
  return hash.replaceAll("%2B", "+").replaceAll("%40", "@");
}

/** What a hash means, or null where it is no position's. */
export function payoffOf(hash: string): PayoffAddress | null {
  const parts = partsOf(hash, "payoff");
  if (!parts || parts.length < 2 || parts.length > 3) return null;
  const [feed, underlying, legs = ""] = parts;
  return feed && underlying ? { feed, underlying, legs } : null;
}
