// Builders with defaults, and a WebSocket that a test plays the server of.
import { type Columns, columnsOf, type Facts, type FeedStatus, type Row } from "../src/protocol";

export const FIELDS = [
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
];

export function makeRow(values: Record<string, number | null>, fields = FIELDS): Row {
  const whole: Record<string, number | null> = { id: 1, seq: 1, ...values };
  const row = fields.map((field) => whole[field] ?? null);
  while (row.length && row[row.length - 1] === null) row.pop();
  return row;
}

export const makeColumns = (fields = FIELDS): Columns => columnsOf(fields);

export function makeFacts(changes: Partial<Facts> = {}): Facts {
  return {
    id: 1,
    feed: "simulated",
    kind: "option",
    symbol: "ACME260220C00515000",
    underlying: "ACME",
    root: "ACME",
    expiry: "2026-02-20",
    expires_ms: Date.UTC(2026, 1, 20, 21),
    strike: 515,
    right: "C",
    currency: "USD",
    tick: 0.05,
    multiplier: 100,
    exercise: "american",
    ...changes,
  };
}

export function makeStatus(changes: Partial<FeedStatus> = {}): FeedStatus {
  return {
    feed: "simulated",
    kind: "simulated",
    health: "ok",
    age_ms: 0,
    reason: null,
    opens_ms: null,
    clock_offset_ms: 0,
    clock_rate: 1,
    time_ms: 1_000_000,
    ...changes,
  };
}

export const WELCOME = {
  op: "welcome",
  protocol: 1,
  connection: "a",
  user: "demo",
  time_ms: 0,
  fields: FIELDS,
  interval_ms: 100,
  feeds: [],
};

/** Stands for the browser's WebSocket; the newest is `FakeSocket.last`. */
export class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 1;
  sent: Record<string, unknown>[] = [];
  closed = false;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly subprotocol: string,
  ) {
    FakeSocket.all.push(this);
  }

  static get last(): FakeSocket {
    const last = FakeSocket.all.at(-1);
    if (!last) throw new Error("nothing connected yet");
    return last;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  /** The server says this. */
  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** The server, or the network, ends it. */
  end(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }

  ops(op: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message["op"] === op);
  }
}
