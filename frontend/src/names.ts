// What people call an instrument: `ACME 20 Feb 26 515 C`. Pure; grid and views use it.
import type { Facts } from "./protocol";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const OSI = /^([A-Z0-9.]{1,6}?)(\d{2})(\d{2})(\d{2})([CP])(\d{8})$/;
const VENUE = /^([A-Z0-9_]+)-(\d{1,2})([A-Z]{3})(\d{2})(?:-(\d+(?:d\d+)?)-([CP]))?$/;

export interface Name {
  /** What trades: the root of an option, else the symbol itself. */
  readonly head: string;
  /** `20 Feb 26`, or empty. */
  readonly expiry: string;
  /** `515 C`, or empty. */
  readonly contract: string;
}

/** The parts of the name, from the facts, or from the symbol alone where there are none. */
export function nameOf(symbol: string, facts: Facts | undefined): Name {
  if (!facts) return nameFromSymbol(symbol);
  if (facts.kind === "option" && facts.expiry && facts.strike != null && facts.right) {
    return {
      head: facts.root || facts.underlying,
      expiry: dayOf(facts.expiry),
      contract: `${strikeText(facts.strike)} ${facts.right}`,
    };
  }
  if (facts.kind === "future" && facts.expiry) {
    return { head: facts.root || facts.underlying, expiry: dayOf(facts.expiry), contract: "future" };
  }
  return { head: symbol, expiry: "", contract: "" };
}

export function spelled(name: Name): string {
  return [name.head, name.expiry, name.contract].filter(Boolean).join(" ");
}

function nameFromSymbol(symbol: string): Name {
  const osi = OSI.exec(symbol);
  if (osi) {
    const [, root, year, month, day, right, strike] = osi as unknown as string[];
    const expiry = dayOf(`20${year}-${month}-${day}`);
    return { head: root!, expiry, contract: `${strikeText(Number(strike) / 1000)} ${right}` };
  }
  const venue = VENUE.exec(symbol);
  const month = venue ? MONTHS.findIndex((name) => name.toUpperCase() === venue[3]) : -1;
  if (!venue || month < 0) return { head: symbol, expiry: "", contract: "" };
  const [, root, day, , year, strike, right] = venue;
  const contract = strike ? `${strikeText(Number(strike.replace("d", ".")))} ${right}` : "future";
  return { head: root!, expiry: `${Number(day)} ${MONTHS[month]} ${year}`, contract };
}

/** A text that sorts names as people expect: by what trades, then by expiry, strike and right. */
export function sortName(symbol: string, facts: Facts | undefined): string {
  if (facts?.kind !== "option") return symbol;
  const strike = (facts.strike ?? 0).toFixed(4).padStart(16, "0");
  return [facts.root || facts.underlying, facts.expiry?.slice(0, 10) ?? "", strike, facts.right].join(" ");
}

/** `2026-02-20` as `20 Feb 26`. */
export function dayOf(expiry: string): string {
  const [year, month, day] = expiry.slice(0, 10).split("-");
  return `${Number(day)} ${MONTHS[Number(month) - 1] ?? "?"} ${year?.slice(2)}`;
}

function strikeText(strike: number): string {
  return strike.toLocaleString("en-US", { maximumFractionDigits: 4, useGrouping: "min2" });
}

/** `39d`, in the last 24 hours `5h`, `expired` after; empty where it does not expire. Times in ms, feed time. */
export function timeLeft(facts: Facts | undefined, feedNow: number): string {
  const expires =
    facts?.expires_ms ?? (facts?.expiry ? Date.parse(`${facts.expiry.slice(0, 10)}T21:00Z`) : null);
  if (expires == null || Number.isNaN(expires) || Number.isNaN(feedNow)) return "";
  const hours = (expires - feedNow) / 3_600_000;
  if (hours <= 0) return "expired";
  return hours < 24 ? `${Math.ceil(hours)}h` : `${Math.floor(hours / 24)}d`;
}
