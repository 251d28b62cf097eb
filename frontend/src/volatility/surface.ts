// The volatility surface of an underlying as REST tells it, the live rows put into it, and its cells for the heat map.
// Pure. Before: api.ts; after: the panes.
import type { Expiry } from "../api";
import type { CsvValue } from "../export";
import { type Columns, columnValue, type Row } from "../protocol";
import type { Interest } from "./interest";
import { atDelta, atMoneyness, type Point } from "./smile";

export interface SurfacePoint extends Point, Interest {}

export interface SurfaceExpiry extends Expiry {
  /** When the newest of its rows was received, on the feed's clock; RFC 3339. */
  readonly received_at: string | null;
  readonly points: readonly SurfacePoint[];
}

export interface Surface {
  readonly feed: string;
  readonly underlying: string;
  readonly underlying_currency: string;
  readonly underlying_price: number | null;
  readonly expiries: readonly SurfaceExpiry[];
}

/** In a file, what a row is of: the underlying's price, and when the newest quote behind it came, on the feed's clock. */
export const ORIGIN = ["underlying_price", "received_at"] as const;

export function originOf(surface: Surface, of: readonly Pick<SurfaceExpiry, "received_at">[]): CsvValue[] {
  // RFC 3339 in UTC: the last in order is the newest.
  const received = of.flatMap((one) => one.received_at ?? []).sort();
  return [surface.underlying_price, received.at(-1) ?? null];
}

const DAY_MS = 86_400_000;

/** Days to expiry; while the feed is not heard, and so nobody knows its time, those that were left at its newest quote. */
export function daysOf(one: Pick<SurfaceExpiry, "days_left" | "expires_at" | "received_at">): number | null {
  if (one.days_left !== null || one.expires_at === null || one.received_at === null) return one.days_left;
  return Math.max(0, (Date.parse(one.expires_at) - Date.parse(one.received_at)) / DAY_MS);
}

/** Where the rows of options are, by symbol. */
export type RowOf = (symbol: string) => Row | undefined;

export interface LiveSmile {
  readonly forward: number | null;
  /** When the newest of its rows was received, on the feed's clock; RFC 3339. */
  readonly received_at: string | null;
  readonly points: readonly Point[];
}

/** The smile of an expiry with the newest rows of its options, and the forward that they name. The sides of the strikes are
 * those of the last answer. */
export function liveSmile(expiry: SurfaceExpiry, rowOf: RowOf, columns: Columns): LiveSmile {
  let forward = expiry.forward;
  let newest = Number.NEGATIVE_INFINITY;
  const rows = expiry.points.map((point) => (point.symbol === null ? undefined : rowOf(point.symbol)));
  let received = Date.parse(expiry.received_at ?? "");
  for (const row of rows) {
    if (!row) continue;
    const at = columnValue(row, columns, "venue_time_ms") ?? Number.NEGATIVE_INFINITY;
    const came = at + (columnValue(row, columns, "lag_ms") ?? 0);
    if (Number.isFinite(came) && !(came <= received)) received = came;
    const named = columnValue(row, columns, "underlying_price");
    if (!named || at <= newest) continue;
    [newest, forward] = [at, named];
  }
  const points = expiry.points.map((point, place): Point => {
    const row = rows[place];
    const log_moneyness = forward === null ? point.log_moneyness : Math.log(point.strike / forward);
    if (!row) return { ...point, log_moneyness };
    const value = (column: "delta" | "bid_iv" | "ask_iv" | "flags") => columnValue(row, columns, column);
    return {
      strike: point.strike,
      log_moneyness,
      right: point.right,
      symbol: point.symbol,
      delta: value("delta"),
      bid_iv: value("bid_iv"),
      mark_iv: columnValue(row, columns, "implied_volatility"),
      ask_iv: value("ask_iv"),
      flags: value("flags") ?? 0,
    };
  });
  return { forward, points, received_at: Number.isNaN(received) ? null : new Date(received).toISOString() };
}

/** The symbols whose rows a smile needs: of more strikes than `most`, those nearest to the forward. */
export function symbolsOf(expiry: SurfaceExpiry, most: number): readonly string[] {
  return [...expiry.points]
    .sort((a, b) => Math.abs(a.log_moneyness) - Math.abs(b.log_moneyness))
    .flatMap((point) => (point.symbol === null ? [] : [point.symbol]))
    .slice(0, most)
    .sort();
}

export type Across = "delta" | "moneyness";

/** A column of the heat map: `value` is a delta, null for the money itself, or a strike as a part of the forward. */
export interface SurfaceColumn {
  readonly name: string;
  readonly title: string;
  readonly value: number | null;
}

const DELTAS = [-0.05, -0.1, -0.15, -0.25, -0.35, null, 0.35, 0.25, 0.15, 0.1, 0.05] as const;
const PARTS = [0.8, 0.85, 0.9, 0.95, 0.975, 1, 1.025, 1.05, 1.1, 1.15, 1.2] as const;

export const COLUMNS: Readonly<Record<Across, readonly SurfaceColumn[]>> = {
  delta: DELTAS.map((value) => {
    if (value === null) return { name: "ATM", title: "At a strike equal to the forward", value };
    const size = Math.round(Math.abs(value) * 100);
    return value < 0
      ? { name: `${size}P`, title: `Put of delta −0.${String(size).padStart(2, "0")}`, value }
      : { name: `${size}C`, title: `Call of delta 0.${String(size).padStart(2, "0")}`, value };
  }),
  moneyness: PARTS.map((value) => {
    const percent = `${Number((value * 100).toFixed(1))} %`;
    return { name: percent, title: `Strike of ${percent} of the forward`, value };
  }),
};

/** The volatility in a cell, or null where it is not quoted on both sides of it. */
export function cellOf(expiry: SurfaceExpiry, across: Across, column: SurfaceColumn): number | null {
  if (across === "moneyness") return atMoneyness(expiry.points, Math.log(column.value ?? 1));
  return column.value === null ? expiry.at_the_money_volatility : atDelta(expiry.points, column.value);
}

/** Expiries to begin with: the nearest that is not of today, and those nearest to 30 and to 90 days. */
export function usualExpiries(all: readonly SurfaceExpiry[]): readonly string[] {
  const later = all.filter((one) => (daysOf(one) ?? 0) >= 1 && one.points.length);
  const closest = (days: number) =>
    later.reduce<SurfaceExpiry | null>(
      (best, one) =>
        best === null || Math.abs(daysOf(one)! - days) < Math.abs(daysOf(best)! - days) ? one : best,
      null,
    );
  const found = [later[0], closest(30), closest(90)].flatMap((one) => (one ? [one.name] : []));
  const names = [...new Set(found.length ? found : all.slice(0, 1).map((one) => one.name))];
  return all.map((one) => one.name).filter((name) => names.includes(name));
}
