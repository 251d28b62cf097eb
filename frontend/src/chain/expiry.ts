// What the navigator says of an expiry. Pure.
import type { Expiry } from "../api";
import { fixed, percent } from "../format";
import { dayOf } from "../names";

/** `27 Nov`, with the year where it is not that of `feedNow`. */
export function dayText(expiry: string, feedNow: number): string {
  const whole = dayOf(expiry);
  const year = Number.isNaN(feedNow) ? "" : String(new Date(feedNow).getUTCFullYear());
  return year === expiry.slice(0, 4) ? whole.slice(0, -3) : whole;
}

/** `39d`, `5h` on the last day, `expired`; empty where unknown. Days are those of 24 hours, rounded down. */
export function leftText(expiresAt: string | null, feedNow: number): string {
  const hours = expiresAt === null ? Number.NaN : (Date.parse(expiresAt) - feedNow) / 3_600_000;
  if (Number.isNaN(hours)) return "";
  if (hours <= 0) return "expired";
  return hours < 24 ? `${Math.ceil(hours)}h` : `${Math.floor(hours / 24)}d`;
}

/** An expected move: `±3.54`, `±11.2`, `±123`. */
export function moveText(move: number | null): string {
  if (move === null) return "";
  return `±${fixed(move, move < 10 ? 2 : move < 100 ? 1 : 0)}`;
}

export function volatilityText(fraction: number | null): string {
  return fraction === null ? "" : `${percent(fraction)} %`;
}

/** The root, where others share its day or it is not the underlying; else empty. */
export function rootText(one: Expiry, all: readonly Expiry[], underlying: string): string {
  const shared = all.some((other) => other.expiry === one.expiry && other.root !== one.root);
  return shared || one.root !== underlying ? one.root : "";
}

/** All of it as a sentence, for hover and screen readers. */
export function spokenExpiry(one: Expiry, feedNow: number): string {
  const parts = [`${dayOf(one.expiry)} ${one.root}`, one.cycle];
  const left = leftText(one.expires_at, feedNow);
  if (left) parts.push(left === "expired" ? left : `${left} left`);
  if (one.at_the_money_volatility !== null)
    parts.push(`volatility at the money ${volatilityText(one.at_the_money_volatility)}`);
  if (one.expected_move !== null) parts.push(`expected move ${moveText(one.expected_move)}`);
  parts.push(`${one.strikes} strikes`);
  return parts.join(", ");
}

/** The expiry that an address means: by its name, or by day and root. */
export function namedExpiry(all: readonly Expiry[], name: string): Expiry | undefined {
  return all.find((one) => one.name === name) ?? all.find((one) => `${one.expiry}.${one.root}` === name);
}

/** What to show where the address names none: the nearest that does not expire within hours. */
export function usualExpiry(all: readonly Expiry[]): Expiry | undefined {
  return all.find((one) => (one.days_left ?? 1) >= 0.25) ?? all[0];
}
