// The day of each instrument of a list as a small line: stored points from REST, for a whole list at once, and the newest
// one as live rows make it. Before: api.ts, store.ts; after: grid/spark.ts.
import type { Named } from "../grid/view";
import { type Columns, columnValue, type Row } from "../protocol";

/** One instrument's day. Times in ms on the feed's clock; `at` rises. */
export interface DayLine {
  readonly state: "loading" | "ready" | "failed";
  /** Why there is no line, where there is none. */
  readonly reason: string;
  readonly opens_ms: number;
  readonly closes_ms: number;
  readonly step_ms: number;
  readonly price: "mid" | "last" | null;
  readonly at: readonly number[];
  readonly values: readonly number[];
}

/** As REST tells it. */
export interface StoredLine {
  readonly id: number;
  readonly opens_at: string | null;
  readonly closes_at: string | null;
  readonly step_minutes: number | null;
  readonly price: "mid" | "last" | null;
  readonly minutes: readonly number[];
  readonly values: readonly number[];
}

/** So many of a list have a line. */
const MOST = 500;
const MINUTE_MS = 60_000;
const AGAIN_AFTER_MS = 15_000;
/** What was missed in less is not seen in a line of a day. */
const MISSED_MS = 60_000;

const EMPTY: DayLine = {
  state: "loading",
  reason: "The day is being loaded",
  opens_ms: 0,
  closes_ms: 0,
  step_ms: 0,
  price: null,
  at: [],
  values: [],
};

export interface DayLineParts {
  /** Those of the first `MOST` that the server knows. */
  readonly ask: (symbols: readonly string[]) => Promise<readonly StoredLine[]>;
  /** Where the lines are held, by instrument. */
  readonly lines: Map<number, DayLine>;
  readonly messageOf: (error: unknown) => string;
  /** The lines of these instruments are other ones. */
  readonly onLines: (instruments: readonly number[]) => void;
}

export class DayLines {
  private shown: readonly Named[] = [];
  private asking = 0;
  private askedAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** When an instrument left the screen. */
  private readonly left = new Map<number, number>();
  /** The close after which an instrument's day was asked for. */
  private readonly closed = new Map<number, number>();
  /** Instruments with rows that are of no time of the day that is shown. */
  private readonly beyond = new Set<number>();

  constructor(private readonly parts: DayLineParts) {}

  /** These are on the screen, with a line each. Asks where one came there whose line is not known, or has a hole. */
  show(instruments: readonly Named[]): void {
    const now = performance.now();
    const before = new Set(this.shown.map(({ instrument }) => instrument));
    this.shown = instruments.slice(0, MOST);
    const { lines } = this.parts;
    const came = this.shown.map(({ instrument }) => instrument).filter((one) => !before.delete(one));
    for (const one of before) this.left.set(one, now);
    const isMissing = (one: number) =>
      lines.get(one)?.state !== "ready" || now - (this.left.get(one) ?? now) > MISSED_MS;
    if (came.some(isMissing)) void this.load();
  }

  /** Rows may have been missed. */
  refresh(): void {
    if (performance.now() - this.askedAt > MISSED_MS) void this.load();
  }

  /** Asks for all of them anew. */
  async load(): Promise<void> {
    clearTimeout(this.timer);
    const asked = this.shown;
    if (!asked.length) return;
    this.askedAt = performance.now();
    this.asking += 1;
    const turn = this.asking;
    const { lines, ask } = this.parts;
    for (const { instrument } of asked) if (!lines.has(instrument)) lines.set(instrument, EMPTY);
    try {
      const found = await ask(asked.map(({ feed, symbol }) => `${feed}.${symbol}`));
      if (turn !== this.asking) return;
      const byId = new Map(found.map((line) => [line.id, line]));
      for (const { instrument } of asked) lines.set(instrument, lineOf(byId.get(instrument)));
    } catch (error) {
      if (turn !== this.asking) return;
      const reason = `The day could not be loaded: ${this.parts.messageOf(error)}`;
      // What is there goes on.
      for (const { instrument } of asked)
        if (lines.get(instrument)?.state !== "ready")
          lines.set(instrument, { ...EMPTY, state: "failed", reason });
      this.timer = setTimeout(() => void this.load(), AGAIN_AFTER_MS);
    }
    this.parts.onLines(asked.map(({ instrument }) => instrument));
  }

  /** A newer row of an instrument. */
  live(instrument: number, row: Row, columns: Columns): void {
    const line = this.parts.lines.get(instrument);
    if (line?.state !== "ready") return;
    const value = (column: Parameters<typeof columnValue>[2]) => columnValue(row, columns, column);
    const venue = value("venue_time_ms");
    if (venue === null) return;
    const at = venue + (value("lag_ms") ?? 0);
    if (at >= line.closes_ms + MINUTE_MS) this.beyond.add(instrument);
    if (!line.step_ms) return;
    const [bid, ask] = [value("bid"), value("ask")];
    const mid = bid !== null && ask !== null && bid <= ask ? (bid + ask) / 2 : null;
    const price = line.price ?? (mid === null ? "last" : "mid");
    const now = price === "mid" ? mid : value("last");
    if (now === null) return;
    this.parts.lines.set(instrument, gone(line, price, at, now));
  }

  /** Asks anew once a day that is shown is over at `feedNow` of its feed, and again where rows come of a time after it:
   * another may have begun. */
  turnDay(feedNow: (feed: string) => number): void {
    if (performance.now() - this.askedAt < MISSED_MS) return;
    const over = this.shown.filter(({ feed, instrument }) => {
      const line = this.parts.lines.get(instrument);
      if (line?.state !== "ready" || !(feedNow(feed) >= line.closes_ms + MINUTE_MS)) return false;
      return this.closed.get(instrument) !== line.closes_ms || this.beyond.has(instrument);
    });
    if (!over.length) return;
    for (const { instrument } of over) {
      this.closed.set(instrument, this.parts.lines.get(instrument)!.closes_ms);
      this.beyond.delete(instrument);
    }
    void this.load();
  }
}

/** The line with a newer point: that of the step which runs stays one. What is of no time of the day is not in it. */
export function gone(line: DayLine, price: "mid" | "last", at_ms: number, value: number): DayLine {
  if (at_ms < line.opens_ms || at_ms >= line.closes_ms) return line;
  const step = (ms: number) => Math.floor((ms - line.opens_ms) / line.step_ms);
  const last = line.at.at(-1);
  // A stored point has the end of its minute, which may be the beginning of the next step.
  const isSame = last !== undefined && step(last - 1) >= step(at_ms);
  const kept = isSame ? line.at.length - 1 : line.at.length;
  return {
    ...line,
    price,
    reason: "",
    at: [...line.at.slice(0, kept), Math.max(at_ms, last ?? 0)],
    values: [...line.values.slice(0, kept), value],
  };
}

export function lineOf(stored: StoredLine | undefined): DayLine {
  if (!stored) return { ...EMPTY, state: "failed", reason: "Nothing is stored of it" };
  const opens_ms = stored.opens_at === null ? 0 : Date.parse(stored.opens_at);
  const noDay = stored.opens_at === null ? "The feed is not heard, and so its day is not known" : "";
  return {
    state: "ready",
    reason: noDay || (stored.values.length ? "" : "Nothing was quoted in this session"),
    opens_ms,
    closes_ms: stored.closes_at === null ? 0 : Date.parse(stored.closes_at),
    step_ms: (stored.step_minutes ?? 0) * MINUTE_MS,
    price: stored.price,
    at: stored.minutes.map((minute) => opens_ms + minute * MINUTE_MS),
    values: stored.values,
  };
}
