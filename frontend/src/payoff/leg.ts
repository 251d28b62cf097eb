// What a leg of a position is, and how legs are written in an address: `+1C100.2026-12-18~-2P95.2026-12-18.ACMEW@1.25`.
// Pure. After: picks.ts, PayoffView.

/** The ask for what is bought and the bid for what is sold, the middle of both, or a price of one's own. */
export type PriceChoice = "market" | "mid" | number;

export interface OptionLeg {
  readonly kind: "option";
  /** Contracts; below zero sold. */
  readonly quantity: number;
  readonly right: "C" | "P";
  readonly strike: number;
  /** `YYYY-MM-DD`, the venue's own day. */
  readonly expiry: string;
  /** Null is the root that is called as the underlying. */
  readonly root: string | null;
  readonly price: PriceChoice;
}

/** The underlying itself, by the share or coin. */
export interface UnderlyingLeg {
  readonly kind: "underlying";
  readonly quantity: number;
  readonly price: PriceChoice;
}

export type Leg = OptionLeg | UnderlyingLeg;

export const MOST_LEGS = 20;
export const MOST_QUANTITY = 10_000;
/** Longer than any leg can be written. */
const MOST_CHARACTERS = 80;
const MOST_SHOWN = 24;
const BETWEEN = "~";
const LEG =
  /^([+-]?)(\d{1,9})(?:U|([CP])(\d{1,9}(?:\.\d{1,8})?)\.(\d{4}-\d{2}-\d{2})(?:\.([A-Za-z0-9_]{1,16}))?)(?:@(.*))?$/;
const PRICE = /^\d{1,9}(?:\.\d{1,8})?$/;
/** Written as the page and venues write it; a comma anywhere else is a decimal one. */
const GROUPED = /^[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/;

export interface LegsRead {
  readonly legs: readonly Leg[];
  /** One sentence for each part that is no leg; the others hold. */
  readonly problems: readonly string[];
}

/** The legs of an address. */
export function readLegs(text: string): LegsRead {
  const legs: Leg[] = [];
  const problems: string[] = [];
  const parts = text.split(BETWEEN).filter(Boolean);
  for (const part of parts.slice(0, MOST_LEGS)) {
    const leg = readLeg(part);
    if (typeof leg === "string") problems.push(leg);
    else legs.push(leg);
  }
  if (parts.length > MOST_LEGS)
    problems.push(`The address has ${parts.length} legs; only the first ${MOST_LEGS} are taken.`);
  return { legs, problems };
}

/** A leg, or the sentence that says what is wrong with it. */
function readLeg(text: string): Leg | string {
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  const found = text.length <= MOST_CHARACTERS ? LEG.exec(text) : null;
  if (!found)
    return `“${shown}” is not a leg: one is written like +1C100.2026-12-18, or +100U for the underlying.`;
  const [, sign, size, right, strike, expiry, root, own] = found;
  const quantity = Number(size) * (sign === "-" ? -1 : 1);
  if (quantity === 0 || Math.abs(quantity) > MOST_QUANTITY)
    return `“${shown}”: a quantity is between 1 and ${MOST_QUANTITY.toLocaleString("en-US")}.`;
  const price = readPrice(own);
  if (price === null) return `“${shown}”: what stands after @ is “mid” or a price.`;
  if (!right || !strike || !expiry) return { kind: "underlying", quantity, price };
  if (!isDay(expiry)) return `“${shown}”: ${expiry} is not a day.`;
  if (Number(strike) === 0) return `“${shown}”: a strike is above 0.`;
  return {
    kind: "option",
    quantity,
    right: right as "C" | "P",
    strike: Number(strike),
    expiry,
    root: root ?? null,
    price,
  };
}

/** What someone wrote as a price of their own, or null where it is none. */
export function ownPrice(text: string): number | null {
  const trimmed = text.trim();
  const digits = GROUPED.test(trimmed) ? trimmed.replaceAll(",", "") : trimmed.replace(",", ".");
  return PRICE.test(digits) ? Number(digits) : null;
}

function readPrice(text: string | undefined): PriceChoice | null {
  if (text === undefined) return "market";
  return text === "mid" ? "mid" : ownPrice(text);
}

function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

export function legsText(legs: readonly Leg[]): string {
  return legs.map(legText).join(BETWEEN);
}

function legText(leg: Leg): string {
  const size = `${leg.quantity < 0 ? "-" : "+"}${Math.abs(leg.quantity)}`;
  const price = leg.price === "market" ? "" : `@${leg.price === "mid" ? "mid" : plain(leg.price)}`;
  return `${size}${contractText(leg)}${price}`;
}

/** What a leg is of, as an address has it: the same for legs of the same contract. */
export function contractText(leg: Leg): string {
  if (leg.kind === "underlying") return "U";
  return `${leg.right}${plain(leg.strike)}.${leg.expiry}${leg.root === null ? "" : `.${leg.root}`}`;
}

/** A number without an exponent and without zeros at its end. */
function plain(value: number): string {
  return value.toFixed(8).replace(/\.?0+$/, "");
}

/** The legs with `quantity` more of a contract: joined to the leg that has it, which goes where nothing is left of it.
 * Null where that is more than a position holds. */
export function withPicked(legs: readonly Leg[], picked: Leg): readonly Leg[] | null {
  const contract = contractText(picked);
  const at = legs.findIndex((leg) => contractText(leg) === contract);
  const held = legs[at];
  if (!held) return legs.length < MOST_LEGS ? [...legs, picked] : null;
  const quantity = held.quantity + picked.quantity;
  if (quantity === 0) return legs.toSpliced(at, 1);
  return Math.abs(quantity) > MOST_QUANTITY ? null : legs.with(at, { ...held, quantity });
}
