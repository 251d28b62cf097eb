// The address of a chain: `#chain/FEED/UNDERLYING/EXPIRY`, the expiry left out where none is chosen yet. Pure.
import { hashOf, partsOf } from "../hash";

export interface Address {
  readonly feed: string;
  readonly underlying: string;
  readonly expiry: string | null;
}

export function addressOf(feed: string, underlying: string, expiry?: string | null): string {
  return hashOf("chain", expiry ? [feed, underlying, expiry] : [feed, underlying]);
}

/** What a hash means, or null where it is no chain's. */
export function chainOf(hash: string): Address | null {
  const parts = partsOf(hash, "chain");
  if (!parts || parts.length < 2 || parts.length > 3) return null;
  const [feed, underlying, expiry] = parts;
  return feed && underlying ? { feed, underlying, expiry: expiry || null } : null;
}
