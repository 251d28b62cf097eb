// The currency of a price, and what a price in a coin is worth in US dollars. Pure; grid and views use it.
import type { Facts } from "./protocol";

/** A venue's option name: `BTC-30JUL21-24000-P`, priced in the coin; `XRP_USDC-5AUG26-0d55-C`, in what follows it. */
const VENUE_OPTION = /^([A-Z0-9]+)(?:_([A-Z0-9]+))?-\d{1,2}[A-Z]{3}\d{2}-\d+(?:d\d+)?-[CP]$/;

/** Whether prices are in the coin that the option is on, and the underlying's in US dollars. */
export function isCoinPriced(facts: Facts | undefined): boolean {
  if (facts?.kind !== "option" || facts.currency === "USD") return false;
  const [coin, quoted = "USD"] = facts.underlying.split(/[-_]/);
  return facts.currency === coin && quoted === "USD";
}

/** A coin-priced option's price in US dollars; null for all else, and where the underlying's price is not known. */
export function inDollars(
  facts: Facts | undefined,
  value: number | null,
  underlyingPrice: number | null,
): number | null {
  if (!isCoinPriced(facts) || value === null || underlyingPrice === null || underlyingPrice <= 0) return null;
  return value * underlyingPrice;
}

export interface Room {
  readonly currency: boolean;
  readonly dollars: boolean;
}

/** What a row has to have room for. Before its facts are known its name tells, so that nothing moves when they come; no
 * value and no word is ever shown by that. */
export function roomFor(symbol: string, facts: Facts | undefined): Room {
  if (facts) return { currency: facts.currency !== "USD", dollars: isCoinPriced(facts) };
  const venue = VENUE_OPTION.exec(symbol);
  return {
    currency: venue !== null && venue[2] !== "USD",
    dollars: venue !== null && venue[2] === undefined,
  };
}
