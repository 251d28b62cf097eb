// A position in words: its legs, its cost, its gains. Pure; the tray, the table and the chart use it.
import { change, fixed } from "../format";
import { dayOf } from "../names";
import type { Leg } from "./leg";
import type { Extreme } from "./position";
import type { Net } from "./quoted";

const MINUS = "\u2212";

/** `+1`, `−10`. */
export function sizeText(quantity: number): string {
  return `${quantity < 0 ? MINUS : "+"}${fixed(Math.abs(quantity), 0)}`;
}

/** `18 Dec 26 100 C`, with its root where that is not the underlying's. */
export function contractName(leg: Leg, underlying: string): string {
  if (leg.kind === "underlying") return underlying;
  const strike = leg.strike.toLocaleString("en-US", { maximumFractionDigits: 8, useGrouping: "min2" });
  return `${leg.root === null ? "" : `${leg.root} `}${dayOf(leg.expiry)} ${strike} ${leg.right}`;
}

/** `Net debit 215.00 USD`, `Net credit 40.00 USD`; a dash where it is not known. */
export function netText({ cost, currency }: Net): string {
  if (cost === null) return "Net –";
  return `Net ${cost < 0 ? "credit" : "debit"} ${fixed(Math.abs(cost), 2)} ${currency}`;
}

export function gainText(value: number): string {
  return change(value, Math.abs(value) >= 99_999.5 ? 0 : 2);
}

/** Of a leg or a position: of stock contracts hundreds, of coins often less than one. `beside` are those of the other
 * legs, for as many decimals all down a column. */
export function deltaText(value: number | null, beside: readonly (number | null)[] = []): string {
  const largest = Math.max(...[value, ...beside].map((one) => Math.abs(one ?? 0)));
  return fixed(value, largest < 9.95 ? 3 : 1);
}

export function extremeText(value: Extreme): string {
  return value === "unlimited" ? "unlimited" : gainText(value);
}
