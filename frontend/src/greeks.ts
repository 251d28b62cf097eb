// A greek as traders read it: as many decimals as the underlying's price leaves it digits, the same for every strike of a
// chain, so that they align. Pure; the grids and an instrument's details use it.
import { fixedOrLess, significant } from "./format";

export type Greek = "delta" | "gamma" | "theta" | "vega" | "rho";

const DELTA_PLACES = 2;
/** Of an option on a currency worth a part of a cent more would be noise, and have no room. */
const MOST_PLACES = 8;

/** Delta is a ratio. Theta, vega and rho grow with the underlying's price, gamma falls with it: at the money, some weeks
 * before expiry, each has about three digits by this. */
function placesOf(greek: Greek, underlyingPrice: number): number {
  if (greek === "delta") return DELTA_PLACES;
  const magnitude = Math.log10(underlyingPrice);
  const places = greek === "gamma" ? 2 + Math.round(magnitude) : 5 - Math.floor(magnitude);
  return Math.min(MOST_PLACES, Math.max(1, places));
}

/** The text of `value`, never a zero for what is not one. Without the underlying's price, three digits of its own. */
export function greekText(greek: Greek, value: number | null, underlyingPrice: number | null): string {
  if (greek !== "delta" && !(underlyingPrice !== null && underlyingPrice > 0)) return significant(value, 3);
  return fixedOrLess(value, placesOf(greek, underlyingPrice ?? 1));
}
