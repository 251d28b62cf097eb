// How long what is on the screen was under way, over the last ten seconds, and how much of it was merged. Before: store.ts,
// frame.ts; after: views.

const WINDOW_MS = 10_000;
/** More would cost and tell nothing; beyond it every other sample goes. */
const MOST_SAMPLES = 2000;
/** What a leader's term is in a row's number. */
const TERM = 2 ** 24;
/** What came within so many ms is counted together. */
const TOGETHER_MS = 100;

/** Of one part of the way, ms: half of the rows took no longer than `p50`, all but one in a hundred no longer than `p99`. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

export interface Readout {
  /** From the venue's own time to ingest; null without a sample, as all three. */
  readonly venue_to_ingest: Spread | null;
  /** From ingest until the server sent it, the beat's wait in it. */
  readonly ingest_to_server: Spread | null;
  /** From there until it was drawn. */
  readonly server_to_screen: Spread | null;
  readonly rows_per_second: number;
  /** Of all that was published, the part that a newer row overtook before it was sent; null where nothing came. */
  readonly merged: number | null;
}

export const NO_READOUT: Readout = {
  venue_to_ingest: null,
  ingest_to_server: null,
  server_to_screen: null,
  rows_per_second: 0,
  merged: null,
};

/** One row of what is on the screen; each in ms, null where it is not known. */
export interface Arrival {
  readonly lag: number | null;
  readonly wait: number | null;
  /** How many rows of the instrument were left out before it. */
  readonly merged: number;
}

interface Counted {
  readonly at: number;
  rows: number;
  merged: number;
}

export class LatencyMeter {
  private readonly lags = new Samples();
  private readonly waits = new Samples();
  private readonly screens = new Samples();
  private counts: Counted[] = [];

  arrived({ lag, wait, merged }: Arrival, now: number): void {
    if (lag !== null) this.lags.add(lag, now);
    if (wait !== null) this.waits.add(Math.max(0, wait), now);
    let last = this.counts.at(-1);
    if (!last || now - last.at > TOGETHER_MS) {
      last = { at: now, rows: 0, merged: 0 };
      this.counts.push(last);
    }
    last.rows += 1;
    last.merged += merged;
  }

  /** Rows sent `value` ms ago were drawn at `now`. */
  drawn(value: number, now: number): void {
    this.screens.add(Math.max(0, value), now);
  }

  read(now: number): Readout {
    this.counts = this.counts.filter((count) => now - count.at <= WINDOW_MS);
    const span = Math.max(1000, Math.min(WINDOW_MS, now - (this.counts[0]?.at ?? now)));
    const sum = (key: "rows" | "merged") => this.counts.reduce((all, count) => all + count[key], 0);
    const [rows, merged] = [sum("rows"), sum("merged")];
    return {
      venue_to_ingest: this.lags.spread(now),
      ingest_to_server: this.waits.spread(now),
      server_to_screen: this.screens.spread(now),
      rows_per_second: rows / (span / 1000),
      merged: rows ? merged / (rows + merged) : null,
    };
  }
}

/** How many rows lie between two of an instrument; none is known between two leaders' terms. */
export function mergedBetween(before: number | null, seq: number): number {
  if (before === null || Math.floor(before / TERM) !== Math.floor(seq / TERM)) return 0;
  return Math.max(0, seq - before - 1);
}

class Samples {
  private held: { readonly at: number; readonly value: number }[] = [];

  add(value: number, at: number): void {
    this.held.push({ at, value });
    if (this.held.length > MOST_SAMPLES) this.held = this.held.filter((_, index) => index % 2);
  }

  spread(now: number): Spread | null {
    this.held = this.held.filter((sample) => now - sample.at <= WINDOW_MS);
    if (!this.held.length) return null;
    const sorted = this.held.map((sample) => sample.value).sort((a, b) => a - b);
    const rank = (part: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)]!;
    return { p50: rank(0.5), p99: rank(0.99) };
  }
}
