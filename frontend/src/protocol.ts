// Messages of stream protocol version 1, as the server sends and takes them. Before: socket.ts; after: store.ts.

export const SUBPROTOCOL = "strikewire.v1.json";

/** Bits of a row's `flags`. */
export const Flag = { crossed: 1, noBid: 2, noAsk: 4, modelGreeks: 8, staleAtVenue: 16 } as const;

/** A row: numbers in the order of `welcome.fields`; unknown is null, and trailing nulls may be left off. */
export type Row = readonly (number | null)[];

export type Kind = "index" | "stock" | "crypto" | "future" | "option";
export type FeedKind = "real_time" | "delayed" | "simulated" | "replay";
export type Health = "ok" | "closed" | "taking_over" | "stale" | "down";

export interface Facts {
  readonly id: number;
  readonly feed: string;
  readonly kind: Kind;
  readonly symbol?: string;
  readonly underlying: string;
  readonly root: string | null;
  /** `YYYY-MM-DD`, the venue's own day. */
  readonly expiry: string | null;
  readonly expires_ms?: number | null;
  readonly strike: number | null;
  readonly right: "C" | "P" | null;
  readonly currency: string;
  readonly tick: number;
  readonly multiplier: number;
  readonly exercise: string | null;
}

export interface FeedStatus {
  readonly feed: string;
  readonly kind: FeedKind;
  readonly health: Health;
  readonly age_ms: number | null;
  readonly reason: string | null;
  readonly opens_ms: number | null;
  readonly clock_offset_ms: number;
  readonly clock_rate: number;
  /** The server's wall clock when it said this. */
  readonly time_ms: number;
}

export interface Refusal {
  /** Of an instrument that the server could name only by this: no feed that runs has it. */
  readonly id?: number | null;
  readonly symbol: string;
  readonly code: string;
  readonly message: string;
}

export type Cause = "request" | "edited" | "listed" | "rolled" | "retired" | "forbidden";

export interface Welcome {
  readonly op: "welcome";
  readonly protocol: number;
  readonly connection: string;
  readonly user: string;
  readonly time_ms: number;
  readonly fields: readonly string[];
  readonly interval_ms: number;
  readonly feeds: readonly FeedStatus[];
}

export interface Subscribed {
  readonly op: "subscribed";
  /** Of the request that this answers; none where it comes unasked. */
  readonly id?: number | string | null;
  readonly source: string;
  readonly added: Readonly<Record<string, Facts>>;
  /** The symbol of what is not listed any more is null. */
  readonly removed: readonly { readonly id: number; readonly symbol: string | null; readonly code: string }[];
  readonly refused: readonly Refusal[];
  readonly total: number;
  readonly cause: Cause;
}

export interface Snapshot {
  readonly op: "snapshot";
  readonly source: string;
  readonly n: number;
  readonly sent_ms: number;
  readonly rows: readonly Row[];
  readonly empty?: readonly number[];
  readonly more?: boolean;
}

export interface Ticks {
  readonly op: "ticks";
  readonly n: number;
  readonly sent_ms: number;
  readonly rows: readonly Row[];
}

export interface Changed {
  readonly op: "changed";
  readonly instruments: Readonly<Record<string, Facts>>;
}

export interface StreamError {
  readonly op: "error";
  readonly code: string;
  readonly field?: string | null;
  readonly message: string;
}

/** Milliseconds of one hop over the last second; null where nothing took it. */
export interface Hop {
  readonly median: number | null;
  readonly most: number | null;
}

/** How a feed's ingest works, as its leader says each second. */
export interface Vitals {
  readonly term: number;
  readonly leader: string;
  readonly host: string;
  readonly pid: number;
  readonly since_ms: number;
  readonly standbys: number;
  readonly quotes_per_second: number;
  readonly accepted: number;
  readonly merged: number;
  readonly waiting: number;
  readonly silence_ms: number | null;
  readonly venue_to_ingest: Hop;
  readonly ingest_to_redis: Hop;
  readonly listed: number;
  readonly covered: number;
  readonly withheld: number;
  readonly limits: {
    readonly instruments: number | null;
    readonly quotes_per_second: number | null;
    readonly connections: number | null;
  };
  readonly connections: readonly {
    readonly name: string;
    readonly state: string;
    readonly since_ms: number;
    readonly instruments: number;
    readonly reason: string | null;
  }[];
  readonly complaints: readonly {
    readonly reason: string;
    readonly count: number;
    readonly text: string;
    readonly at_ms: number;
  }[];
  readonly notices: readonly string[];
  /** Who leads each share of a feed that is split; `term` is 0 where nobody does. */
  readonly parts: readonly {
    readonly share: number;
    readonly term: number;
    readonly host: string;
    readonly pid: number;
    readonly since_ms: number;
    readonly standbys: number;
    readonly quotes_per_second: number;
    readonly covered: number;
  }[];
}

/** One feed, for the administrators' feed page; `vitals` is null where no leader is heard. */
export interface FeedReport extends FeedStatus {
  readonly op: "feed";
  readonly vitals: Vitals | null;
}

/** The recorders of history that live; for the administrators' feed page. */
export interface HistoryReport {
  readonly op: "history";
  readonly recorders: readonly {
    readonly name: string;
    readonly health: "ok" | "behind" | "down" | "near_cap";
    readonly reason: string | null;
    readonly stored: number;
    readonly rows_per_second: number;
    readonly behind_ms: number;
    readonly stream_bytes: number;
    readonly stream_cap: number;
    readonly seconds_left: number | null;
    readonly gaps: number;
    readonly rejects: number;
  }[];
}

/** What anyone after the socket sees; `ping`, `pong` and `closing` end in the socket itself. */
export type Message =
  | Welcome
  | Subscribed
  | Snapshot
  | Ticks
  | Changed
  | StreamError
  | FeedReport
  | HistoryReport
  | ({ readonly op: "status" } & FeedStatus)
  | { readonly op: "configured"; readonly interval_ms: number; readonly reason?: string | null }
  | { readonly op: "catalogue"; readonly version: number }
  | { readonly op: "watchlists" };

export type WireMessage =
  | Message
  | { readonly op: "ping"; readonly n: number }
  | { readonly op: "pong"; readonly id?: number | string | null; readonly time_ms: number }
  | {
      readonly op: "closing";
      readonly code: number;
      readonly reason: string;
      readonly reconnect_ms?: number | null;
    };

/** What a source is to hold: a watchlist, one's own by its id or another's by its key, an expiry of a chain, or symbols by name. */
export type Subscription = { readonly source: string } & (
  | { readonly watchlist: number | string }
  | { readonly chain: { readonly underlying: string; readonly expiry: string } }
  | { readonly symbols: readonly string[] }
);

/** Close codes that the page treats each in its own way; any other means: come back after a jittered wait. */
export const CloseCode = { signedOut: 4401, forbidden: 4403, tooMany: 4429, restarting: 1012 } as const;

const COLUMNS = [
  "id",
  "seq",
  "venue_time_ms",
  "lag_ms",
  "bid",
  "ask",
  "bid_size",
  "ask_size",
  "last",
  "last_size",
  "last_time_ms",
  "volume",
  "open_interest",
  "mark",
  "underlying_price",
  "reference_price",
  "implied_volatility",
  "bid_iv",
  "ask_iv",
  "delta",
  "gamma",
  "theta",
  "vega",
  "rho",
  "flags",
] as const;

export type Column = (typeof COLUMNS)[number];
export type Columns = Readonly<Record<Column, number>>;

/** Where each column stands in a row. One that the server does not have gets -1, and so reads as unknown. */
export function columnsOf(fields: readonly string[]): Columns {
  return Object.fromEntries(COLUMNS.map((name) => [name, fields.indexOf(name)])) as unknown as Columns;
}

/** The value of a column, or null where the row ends before it. */
export function columnValue(row: Row, columns: Columns, column: Column): number | null {
  return row[columns[column]] ?? null;
}
