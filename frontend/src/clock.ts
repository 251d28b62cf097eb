// Three clocks: ours, the server's (by pings), and a feed's (by its status). Before: socket.ts; after: store.ts.
import type { FeedStatus } from "./protocol";

/** Monotonic and in wall-clock ms, so that a clock set by hand or by the network moves nothing on the page. */
export const ourNow = (): number => performance.timeOrigin + performance.now();

const KEPT = 16;
const QUICKEST = 5;

/** What to add to our clock to have the server's: the median over the quickest round trips of the last sixteen. */
export class ServerClock {
  private samples: { roundTrip: number; offset: number }[] = [];
  private offset = 0;

  /** One answered ping; times in ms, the first and last on our clock. */
  sample(sent: number, server: number, received: number): void {
    this.samples.push({ roundTrip: received - sent, offset: server - (sent + received) / 2 });
    if (this.samples.length > KEPT) this.samples.shift();
    this.offset = median(this.quickest().map((one) => one.offset));
  }

  private quickest() {
    return [...this.samples].sort((a, b) => a.roundTrip - b.roundTrip).slice(0, QUICKEST);
  }

  /** A first guess, until a ping was answered. */
  guess(server: number): void {
    if (this.samples.length === 0) this.offset = server - ourNow();
  }

  /** A new server may keep another time. */
  forget(): void {
    this.samples = [];
  }

  /** The quickest of the last round trips, ms; null before the first. */
  get roundTripMs(): number | null {
    return this.samples.length ? Math.min(...this.samples.map((sample) => sample.roundTrip)) : null;
  }

  /** By how much the offset may be wrong, ms: half of the slowest round trip that is in it. Null before the first. */
  get uncertaintyMs(): number | null {
    const slowest = this.quickest().at(-1);
    return slowest ? slowest.roundTrip / 2 : null;
  }

  get offsetMs(): number {
    return this.offset;
  }

  now(): number {
    return ourNow() + this.offset;
  }
}

/** The feed's time when the server's clock shows `serverMs`. */
export function feedTime(status: FeedStatus, serverMs: number): number {
  return status.time_ms + status.clock_offset_ms + (serverMs - status.time_ms) * status.clock_rate;
}

/** What the server's clock showed at that time of the feed. */
export function serverTime(status: FeedStatus, feedMs: number): number {
  return status.time_ms + (feedMs - status.time_ms - status.clock_offset_ms) / status.clock_rate;
}

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
