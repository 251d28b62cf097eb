// The bars of one instrument and interval: stored ones from REST, and the newest one as live rows make it. Pure. A live row
// counts as the server counts it: in the bar in which it was received, its mid where it has both sides and they do not cross.

export const INTERVALS = ["1m", "5m", "15m", "1h", "1d"] as const;
export type Interval = (typeof INTERVALS)[number];
export type Price = "mid" | "last" | "iv";

export const WIDTHS_S: Readonly<Record<Interval, number>> = {
  "1m": 60,
  "5m": 300,
  "15m": 900,
  "1h": 3600,
  "1d": 86_400,
};

/** A bar is stored two seconds after its end at the latest, with all that was quoted in it. */
export const SETTLED_S = 3;

export interface Prices {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

export interface Bar {
  /** Seconds since 1970, on the feed's clock; the end is no longer in it. */
  readonly starts_s: number;
  readonly ends_s: number;
  /** The exchange's day, `YYYY-MM-DD`; null where the server has not said it. */
  readonly day: string | null;
  readonly mid: Prices | null;
  readonly last: Prices | null;
  /** Implied volatility, a fraction per year. Of what is stored only the close is known: the four are equal then. */
  readonly iv: Prices | null;
  /** Null where it is not known: of a bar that live rows go on with, it never is. */
  readonly volume: number | null;
}

/** What a live row says. */
export interface LiveQuote {
  /** When it was received, ms on the feed's clock. */
  readonly received_ms: number;
  readonly bid: number | null;
  readonly ask: number | null;
  readonly last: number | null;
  readonly implied_volatility: number | null;
}

export class Series {
  private held: Bar[] = [];
  /** Starts of bars into which live rows went. */
  private readonly touched = new Set<number>();
  private readonly width: number;

  constructor(interval: Interval) {
    this.width = WIDTHS_S[interval];
  }

  /** In order, each once, none overlapping another. */
  get bars(): readonly Bar[] {
    return this.held;
  }

  get newest(): Bar | undefined {
    return this.held.at(-1);
  }

  /** Takes stored bars, which are in order and whole from the first to the last of them. `now_s` is the feed's time when they
   * were asked for: what had ended long enough before it replaces what live rows made of it, which may have missed
   * some; a bar that still grew is put together with it. */
  store(stored: readonly Bar[], now_s: number): void {
    const first = stored[0];
    const last = stored.at(-1);
    if (!first || !last) return;
    const inside = this.held.filter((bar) => bar.ends_s > first.starts_s && bar.starts_s < last.ends_s);
    const mine = new Map(
      inside.filter((bar) => this.touched.has(bar.starts_s)).map((bar) => [bar.starts_s, bar]),
    );
    const merged = stored.map((bar) => {
      const live = mine.get(bar.starts_s);
      if (!live) return bar;
      if (bar.ends_s + SETTLED_S <= now_s) {
        this.touched.delete(bar.starts_s);
        return bar;
      }
      const [mid, traded] = [together(bar.mid, live.mid), together(bar.last, live.last)];
      return { ...bar, mid, last: traded, iv: together(bar.iv, live.iv), volume: null };
    });
    const starts = new Set(stored.map((bar) => bar.starts_s));
    for (const bar of inside) if (!starts.has(bar.starts_s)) this.touched.delete(bar.starts_s);
    const before = this.held.filter((bar) => bar.ends_s <= first.starts_s);
    const after = this.held.filter((bar) => bar.starts_s >= last.ends_s);
    this.held = [...before, ...merged, ...after];
  }

  /** Takes a live row; true where that changed a bar. One of before the newest bar is history's to tell. */
  add(quote: LiveQuote): boolean {
    const at = quote.received_ms / 1000;
    const newest = this.newest;
    if (Number.isNaN(at) || (newest && at < newest.starts_s)) return false;
    const mid = midOf(quote);
    const inside = newest !== undefined && at < newest.ends_s;
    const volatility = quote.implied_volatility;
    if (mid === null && quote.last === null && volatility === null && !inside) return false;
    const bar = inside ? newest : this.beginning(at, newest);
    const next = {
      ...bar,
      mid: grown(bar.mid, mid),
      last: grown(bar.last, quote.last),
      iv: grown(bar.iv, volatility),
      volume: null,
    };
    if (inside && next.mid === bar.mid && next.last === bar.last && next.iv === bar.iv) {
      this.touched.add(bar.starts_s);
      return false;
    }
    this.touched.add(bar.starts_s);
    if (inside) this.held[this.held.length - 1] = next;
    else this.held.push(next);
    return true;
  }

  /** A new bar in which that instant lies, counted on from the one before; the server's replaces it where its sessions are
   * otherwise. */
  private beginning(at: number, before: Bar | undefined): Bar {
    const from = before === undefined ? 0 : this.width === WIDTHS_S["1d"] ? before.ends_s : before.starts_s;
    const starts_s = from + Math.floor((at - from) / this.width) * this.width;
    return {
      starts_s,
      ends_s: starts_s + this.width,
      day: null,
      mid: null,
      last: null,
      iv: null,
      volume: null,
    };
  }
}

/** The mid of a quote that has both sides and does not cross; else null. */
export function midOf(quote: Pick<LiveQuote, "bid" | "ask">): number | null {
  const { bid, ask } = quote;
  return bid === null || ask === null || bid > ask ? null : (bid + ask) / 2;
}

function grown(prices: Prices | null, value: number | null): Prices | null {
  if (value === null) return prices;
  if (prices === null) return { open: value, high: value, low: value, close: value };
  if (value === prices.close) return prices;
  const { open, high, low } = prices;
  return { open, high: Math.max(high, value), low: Math.min(low, value), close: value };
}

/** Of what is stored and of what live rows made of the same bar: these began later, and are newer at the end. */
function together(stored: Prices | null, live: Prices | null): Prices | null {
  if (stored === null || live === null) return stored ?? live;
  return {
    open: stored.open,
    high: Math.max(stored.high, live.high),
    low: Math.min(stored.low, live.low),
    close: live.close,
  };
}
