// One chart's bars: asked for from REST, gone on with by live rows, and asked for again where those leave off: after each
// minute, which live rows may have seen in part, and after a break of the connection. Before: api.ts; after: ChartPane.tsx.
import { type Bar, type Interval, type LiveQuote, SETTLED_S, Series, WIDTHS_S } from "./series";

/** How far back is looked at first, and again each time that someone scrolls to the beginning: some hundred bars. */
export const REACH_S: Readonly<Record<Interval, number>> = {
  "1m": 6 * 3600,
  "5m": 30 * 3600,
  "15m": 5 * 86_400,
  "1h": 20 * 86_400,
  "1d": 366 * 86_400,
};
/** Fewer than so many, and it is looked further back at once: the instrument is rarely quoted. */
const FEW = 60;
const FURTHER = 6;
const MOST_LOOKS = 3;
/** The server answers for so long at once, and for nothing before the year 2000. */
const LONGEST_S: Readonly<Record<Interval, number>> = {
  "1m": 360 * 86_400,
  "5m": 360 * 86_400,
  "15m": 360 * 86_400,
  "1h": 3_600 * 86_400,
  "1d": 3_600 * 86_400,
};
const EARLIEST_S = 946_684_800;
/** The newest bars are asked for up to so far beyond the feed's time: a replay's may be years ago, and without an end the
 * server would look up to its own time. */
const AHEAD_S = 86_400;
/** Beyond it nobody scrolls, and a page grows heavy. */
export const MOST_BARS = 20_000;
const MINUTE_S = 60;
/** So much is read again each time: what a recorder stores that much later still comes in. */
const OVERLAP_S = 300;
const AGAIN_AFTER_MS = 15_000;
/** A replay's minutes may be much shorter than ours. */
const LEAST_PAUSE_MS = 3_000;

export type Ask = (from_s: number, to_s: number, signal: AbortSignal) => Promise<readonly Bar[]>;

export interface HistoryEvents {
  /** Anything but the newest bar may have changed. */
  onBars(): void;
  /** Only the newest bar changed, or one was added. */
  onNewest(): void;
  onState(state: State): void;
}

export type State =
  | { readonly phase: "loading" }
  | { readonly phase: "ready"; readonly late: string | null }
  | { readonly phase: "failed"; readonly message: string };

export class History {
  readonly series: Series;
  private readonly abort = new AbortController();
  private state: State = { phase: "loading" };
  /** From where on stored bars are held; null before the first answer. */
  private from_s: number | null = null;
  private isAtBeginning = false;
  private isLoadingOlder = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private refreshing = false;
  /** What ended before this was read when it was settled. */
  private settled_s: number | null = null;

  constructor(
    private readonly interval: Interval,
    private readonly ask: Ask,
    /** The feed's time, s, NaN while unknown; and how many of its seconds pass in one of ours. */
    private readonly clock: () => { now_s: number; rate: number },
    private readonly messageOf: (error: unknown) => string,
    private readonly events: HistoryEvents,
  ) {
    this.series = new Series(interval);
  }

  /** Reads the first bars, and from then on goes on by itself. */
  async start(): Promise<void> {
    clearTimeout(this.timer);
    if (this.state.phase !== "failed") this.to({ phase: "loading" });
    const { now_s } = this.clock();
    if (Number.isNaN(now_s)) {
      this.timer = setTimeout(() => void this.start(), 250);
      return;
    }
    let reach = REACH_S[this.interval];
    let to_s = now_s + AHEAD_S;
    let from_s = now_s;
    try {
      for (let look = 0; look < MOST_LOOKS; look += 1) {
        from_s = this.before(Math.min(to_s, now_s), reach);
        const bars = await this.ask(from_s, to_s, this.abort.signal);
        if (this.abort.signal.aborted) return;
        this.series.store(bars, now_s);
        if (this.series.bars.length >= FEW || from_s === EARLIEST_S) break;
        to_s = from_s;
        reach *= FURTHER;
      }
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.to({ phase: "failed", message: this.messageOf(error) });
      this.timer = setTimeout(() => void this.start(), AGAIN_AFTER_MS);
      return;
    }
    this.from_s = from_s;
    this.settled_s = now_s - SETTLED_S;
    this.events.onBars();
    this.to({ phase: "ready", late: null });
    this.schedule();
  }

  stop(): void {
    this.abort.abort();
    clearTimeout(this.timer);
  }

  live(quote: LiveQuote): void {
    if (this.series.add(quote) && this.state.phase === "ready") this.events.onNewest();
  }

  /** Reads again what may have been missed: the connection is back, or the page is looked at again. */
  resume(): void {
    if (this.state.phase === "ready") void this.refresh();
    else if (this.state.phase === "failed") void this.start();
  }

  /** Reads bars of before the first one. */
  async older(): Promise<void> {
    if (this.from_s === null || this.isLoadingOlder || this.isAtBeginning) return;
    this.isLoadingOlder = true;
    try {
      let reach = REACH_S[this.interval];
      for (let look = 0; look < MOST_LOOKS; look += 1) {
        const to_s = this.from_s;
        const from_s = this.before(to_s, reach);
        if (from_s >= to_s) {
          this.isAtBeginning = true;
          return;
        }
        const bars = await this.ask(from_s, to_s, this.abort.signal);
        if (this.abort.signal.aborted) return;
        this.from_s = from_s;
        this.series.store(bars, this.clock().now_s);
        if (bars.length) {
          this.events.onBars();
          break;
        }
        reach *= FURTHER;
        this.isAtBeginning = look === MOST_LOOKS - 1;
      }
      this.isAtBeginning ||= this.series.bars.length >= MOST_BARS;
    } catch {
      // Whoever scrolls on asks again.
    } finally {
      this.isLoadingOlder = false;
    }
  }

  private before(to_s: number, reach: number): number {
    return Math.max(EARLIEST_S, Math.floor(to_s - Math.min(reach, LONGEST_S[this.interval])));
  }

  private async refresh(): Promise<void> {
    if (this.refreshing) return;
    this.refreshing = true;
    clearTimeout(this.timer);
    const { now_s } = this.clock();
    // From the bar that grew when it was read last, or from further back: it may have been read in part.
    const grew_s = Math.min(this.settled_s ?? now_s, now_s) - OVERLAP_S;
    const from_s = this.series.bars.findLast((bar) => bar.starts_s <= grew_s)?.starts_s ?? grew_s;
    try {
      const bars = await this.ask(Math.floor(from_s), now_s + AHEAD_S, this.abort.signal);
      if (this.abort.signal.aborted) return;
      this.series.store(bars, now_s);
      this.settled_s = now_s - SETTLED_S;
      this.events.onBars();
      this.to({ phase: "ready", late: null });
    } catch (error) {
      if (this.abort.signal.aborted) return;
      // What is shown stays, and goes on; only what was missed is still missing.
      this.to({ phase: "ready", late: this.messageOf(error) });
    } finally {
      this.refreshing = false;
      if (!this.abort.signal.aborted) this.schedule();
    }
  }

  /** The next look: when the minute that runs now is over and stored. */
  private schedule(): void {
    clearTimeout(this.timer);
    const { now_s, rate } = this.clock();
    const failed = this.state.phase === "ready" && this.state.late !== null;
    const every = Math.min(MINUTE_S, WIDTHS_S[this.interval]);
    const left_s = every - (now_s % every) + SETTLED_S + 0.5;
    const wait = failed || Number.isNaN(left_s) ? AGAIN_AFTER_MS : (left_s / rate) * 1000;
    this.timer = setTimeout(() => void this.refresh(), Math.max(LEAST_PAUSE_MS, wait));
  }

  private to(state: State): void {
    this.state = state;
    this.events.onState(state);
  }
}
