// The address of an underlying's volatility: `#volatility/FEED/UNDERLYING`. Pure.
import { hashOf, partsOf } from "../hash";

export interface VolatilityAddress {
  readonly feed: string;
  readonly underlying: string;
}

export function volatilityAddress(feed: string, underlying: string): string {
  return hashOf("volatility", [feed, underlying]);
}

/** What a hash means, or null where it is no underlying's volatility. */
export function volatilityOf(hash: string): VolatilityAddress | null {
  const parts = partsOf(hash, "volatility");
  const [feed, underlying] = parts ?? [];
  return parts?.length === 2 && feed && underlying ? { feed, underlying } : null;
}
