// Numbers as traders read them. Pure; every function takes null for unknown and gives back the empty text.

const MINUS = "\u2212";
const THIN = "\u202f";

type Value = number | null | undefined;

const decimalsOfTick = new Map<number, number>();

/** How many decimals a price of that tick needs: 0.05 two, 0.0005 four, 1 none. */
export function decimals(tick: number): number {
  let found = decimalsOfTick.get(tick);
  if (found === undefined) {
    found = 0;
    while (found < 8 && Math.abs(tick * 10 ** found - Math.round(tick * 10 ** found)) > 1e-9) found += 1;
    decimalsOfTick.set(tick, found);
  }
  return found;
}

const formats = new Map<number, Intl.NumberFormat>();

/** A number with so many decimals, grouped by commas from 10,000 on, and a true minus sign. */
export function fixed(value: Value, places: number): string {
  if (value == null) return "";
  let format = formats.get(places);
  if (!format) {
    format = new Intl.NumberFormat("en-US", {
      minimumFractionDigits: places,
      maximumFractionDigits: places,
      useGrouping: "min2",
    });
    formats.set(places, format);
  }
  const text = format.format(Math.abs(value));
  // A value that rounds to nothing has no sign.
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/** The same, but never a zero for what is not one: 0.0004 with three decimals is `<0.001`, −0.0004 is `>−0.001`. */
export function fixedOrLess(value: Value, places: number): string {
  const text = fixed(value, places);
  if (!value || /[1-9]/.test(text)) return text;
  const least = fixed(10 ** -places, places);
  return value > 0 ? `<${least}` : `>${MINUS}${least}`;
}

/** A price with the tick's decimals, and one more where it needs it: a mid may lie between two ticks. */
export function midText(value: number, tick: number): string {
  const places = decimals(tick);
  const scaled = value * 10 ** places;
  return fixed(value, Math.abs(scaled - Math.round(scaled)) < 1e-6 ? places : places + 1);
}

/** A price at the instrument's tick. A finer one (a mark, an index) is rounded to it. */
export function price(value: Value, tick: number): string {
  const text = fixed(value, decimals(tick));
  // A mark may be smaller than any price that can be quoted: it is not zero for that.
  return value && !/[1-9]/.test(text) ? significant(value, 1) : text;
}

const wholeDollars = dollarFormat(0, 0);
const cents = dollarFormat(2, 2);
const exactly = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 8 });

function dollarFormat(least: number, most: number): Intl.NumberFormat {
  return new Intl.NumberFormat("en-US", {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: least,
    maximumFractionDigits: most,
  });
}

/** What something is worth: `≈ $2,871`, with cents below 100, `≈ $115k` from 100,000 on, and never nothing for what is
 * something. */
export function aboutDollars(value: Value): string {
  if (value == null) return "";
  if (value !== 0 && Math.abs(value) < 0.005) return "< $0.01";
  const size = Math.abs(value);
  const short = size >= 99_999.5 ? `$${count(size)}` : (size < 99.995 ? cents : wholeDollars).format(size);
  return `≈ ${value < 0 ? MINUS : ""}${short}`;
}

/** A number with all the digits that it has, and at least two decimals. */
export function exact(value: number): string {
  return exactly.format(value);
}

const allDigits = new Intl.NumberFormat("en-US", { maximumFractionDigits: 8, useGrouping: "min2" });

/** A number with all the digits that it has and no others: a multiplier of 100, one of 0.01. */
export function asIs(value: number): string {
  return allDigits.format(value);
}

/** A change, its sign always written: `+0.35`, `−1.20`. */
export function change(value: Value, places: number): string {
  const text = fixed(value, places);
  return text && !text.startsWith(MINUS) && /[1-9]/.test(text) ? `+${text}` : text;
}

/** A fraction as percent with one decimal: 0.2345 as `23.5`; the column says the unit. */
export function percent(fraction: Value): string {
  return fraction == null ? "" : fixed(fraction * 100, 1);
}

/** A size, volume or open interest: `9 999`, then `12.4k`, `3.1M`; parts of a contract with one decimal, or with
 * as many as show that it is not nothing. */
export function count(value: Value): string {
  if (value == null) return "";
  if (value >= 999_500) return `${scaled(value / 1e6)}M`;
  if (value > 9_999) return `${scaled(value / 1e3)}k`;
  if (value > 0 && value < 0.05) return significant(value, 1);
  const text = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return value >= 1000 ? `${text.slice(0, 1)}${THIN}${text.slice(1)}` : text;
}

function scaled(value: number): string {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

/** To so many significant digits, without an exponent: gamma 0.0041. */
export function significant(value: Value, digits: number): string {
  if (value == null) return "";
  if (value === 0) return "0";
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return fixed(value, Math.min(places, 8));
}

/** Milliseconds as an age: `0.4 s`, `12 s`, `3 m`, `5 h`, `3 d`. */
export function age(ms: Value): string {
  if (ms == null || Number.isNaN(ms)) return "";
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A short span for the status line: `0.8`, `12`, `1.2 s` beyond a second; in ms otherwise. */
export function latency(ms: Value): string {
  if (ms == null || Number.isNaN(ms)) return "–";
  const size = Math.abs(ms);
  if (size >= 1000) return `${fixed(ms / 1000, 1)} s`;
  return `${fixed(ms, size < 10 ? 1 : 0)} ms`;
}
