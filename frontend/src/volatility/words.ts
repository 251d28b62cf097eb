// How the panes write what they show. Pure.
import { moveText, volatilityText } from "../chain/expiry";
import { change, fixed } from "../format";
import { dayOf } from "../names";
import type { Skew } from "./smile";
import { daysOf, type SurfaceExpiry } from "./surface";

const ALMOST_A_DAY = 0.9999;

/** `18 Dec 26`, with its root where the name has one. */
export function expiryName(one: Pick<SurfaceExpiry, "name" | "expiry" | "root">): string {
  return one.name === one.expiry ? dayOf(one.expiry) : `${dayOf(one.expiry)} ${one.root}`;
}

/** `24d`, on the last day `5h`; empty where the feed's clock is unknown. */
export function daysText(days: number | null): string {
  if (days === null) return "";
  return days < ALMOST_A_DAY ? `${Math.ceil(days * 24)}h` : `${Math.floor(days)}d`;
}

/** A difference of volatilities in points, its sign written: `−2.1`. */
export function pointsText(fraction: number | null): string {
  return fraction === null ? "" : change(fraction * 100, 1);
}

/** An expiry of the term structure in words. */
export function termText(one: SurfaceExpiry, skew: Skew): string {
  const parts = [`${expiryName(one)} · ${daysText(daysOf(one))}`];
  parts.push(
    one.at_the_money_volatility === null
      ? "no volatility at the money: it is not quoted on both sides of the forward"
      : `IV ${volatilityText(one.at_the_money_volatility)}`,
  );
  if (one.expected_move !== null) parts.push(`expected move ${moveText(one.expected_move)}`);
  if (skew.risk_reversal !== null) parts.push(`25Δ risk reversal ${pointsText(skew.risk_reversal)}`);
  if (skew.butterfly !== null) parts.push(`butterfly ${pointsText(skew.butterfly)}`);
  return parts.join("  ·  ");
}

/** A part of something in percent: `2.3 %`. */
export function partText(part: number | null): string {
  return part === null ? "" : `${fixed(part * 100, 1)} %`;
}
