// When a chart asks for bars, what it does with failures, and how it goes on after a break.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { History, type State } from "../src/chart/history";
import { type Bar, INTERVALS, type Interval } from "../src/chart/series";

const NOON = Date.UTC(2026, 10, 23, 12) / 1000;

function bar(minute: number, value = 2): Bar {
  const starts_s = NOON + minute * 60;
  const mid = { open: value, high: value, low: value, close: value };
  return { starts_s, ends_s: starts_s + 60, day: "2026-11-23", mid, last: null, iv: null, volume: null };
}

class Server {
  bars: Bar[] = [];
  readonly asked: [number, number][] = [];
  failing: Error | null = null;

  readonly ask = async (from_s: number, to_s: number): Promise<readonly Bar[]> => {
    this.asked.push([from_s, to_s]);
    await Promise.resolve();
    if (this.failing) throw this.failing;
    return this.bars.filter((one) => one.starts_s >= from_s && one.starts_s < to_s);
  };
}

function setUp(server: Server, rate = 1, interval: Interval = "1m") {
  const states: State[] = [];
  const drawn = { bars: 0, newest: 0 };
  const origin = Date.now();
  const history = new History(
    interval,
    server.ask,
    () => ({ now_s: NOON + ((Date.now() - origin) / 1000) * rate, rate }),
    (error) => (error as Error).message,
    {
      onBars: () => (drawn.bars += 1),
      onNewest: () => (drawn.newest += 1),
      onState: (state) => states.push(state),
    },
  );
  return { history, states, drawn };
}

const live = (second: number, bid: number, ask: number) => ({
  received_ms: (NOON + second) * 1000,
  bid,
  ask,
  last: null,
  implied_volatility: null,
});

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("history", () => {
  it("shows stored bars, goes on with live rows, and reads each minute again once it is over and stored", async () => {
    const server = new Server();
    server.bars = Array.from({ length: 100 }, (_, n) => bar(n - 99));
    const { history, states, drawn } = setUp(server);
    await history.start();
    expect(states.at(-1)).toEqual({ phase: "ready", late: null });
    expect(history.series.bars).toHaveLength(100);
    history.live(live(1, 3, 5));
    expect(drawn).toEqual({ bars: 1, newest: 1 });
    expect(history.series.newest?.mid).toEqual({ open: 2, high: 4, low: 2, close: 4 });
    server.bars = [...server.bars.slice(0, -1), bar(0, 7), bar(1, 8)];
    await vi.advanceTimersByTimeAsync(63_000);
    expect(server.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.asked).toHaveLength(2);
    expect(server.asked[1]![0]).toBeLessThanOrEqual(NOON);
    expect(history.series.bars.slice(-2).map((one) => one.mid?.close)).toEqual([7, 8]);
    expect(history.series.bars).toHaveLength(101);
    history.stop();
  });

  it("looks further back where there are few bars, a bounded number of times", async () => {
    const server = new Server();
    server.bars = [bar(-4_000), bar(-900), bar(-10)];
    const { history } = setUp(server);
    await history.start();
    expect(server.asked).toHaveLength(3);
    expect(history.series.bars).toHaveLength(3);
    // Each part is asked for once.
    expect(server.asked[1]![1]).toBe(server.asked[0]![0]);
    history.stop();
  });

  it.each(INTERVALS)("asks for no more of %s than the server answers at once", async (interval) => {
    const server = new Server();
    const { history, states } = setUp(server, 1, interval);
    await history.start();
    for (let n = 0; n < 9; n += 1) await history.older();
    history.resume();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(states.at(-1)?.phase).toBe("ready");
    const days = interval === "1h" || interval === "1d" ? 3_660 : 366;
    for (const [from_s, to_s] of server.asked) {
      expect(from_s).toBeGreaterThanOrEqual(Date.UTC(2000, 0, 1) / 1000);
      expect(to_s - from_s).toBeGreaterThan(0);
      // Without an end the server would look up to its own time, which a replay's may be years before.
      expect(to_s - from_s).toBeLessThan(days * 86_400);
    }
    history.stop();
  });

  it("reads at once what was missed when the connection is back", async () => {
    const server = new Server();
    server.bars = Array.from({ length: 80 }, (_, n) => bar(n - 79));
    const { history } = setUp(server);
    await history.start();
    server.bars.push(bar(1, 5), bar(2, 6));
    vi.setSystemTime(Date.now() + 150_000);
    history.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(history.series.bars.slice(-3).map((one) => one.mid?.close)).toEqual([2, 5, 6]);
    history.stop();
  });

  it("says that it failed, and tries again by itself", async () => {
    const server = new Server();
    server.failing = new Error("The server cannot be reached.");
    const { history, states } = setUp(server);
    await history.start();
    expect(states.at(-1)).toEqual({ phase: "failed", message: "The server cannot be reached." });
    server.failing = null;
    server.bars = Array.from({ length: 80 }, (_, n) => bar(n - 79));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(states.at(-1)?.phase).toBe("ready");
    history.stop();
  });

  it("keeps what it shows where only the newest bars cannot be read, and says so", async () => {
    const server = new Server();
    server.bars = Array.from({ length: 80 }, (_, n) => bar(n - 79));
    const { history, states } = setUp(server);
    await history.start();
    server.failing = new Error("It does not answer.");
    await vi.advanceTimersByTimeAsync(64_000);
    expect(states.at(-1)).toEqual({ phase: "ready", late: "It does not answer." });
    history.live(live(64, 3, 4));
    expect(history.series.newest?.mid?.close).toBe(3.5);
    server.failing = null;
    await vi.advanceTimersByTimeAsync(15_000);
    expect(states.at(-1)).toEqual({ phase: "ready", late: null });
    history.stop();
  });

  it("reads older bars once for each time that the beginning is reached, and stops at the first", async () => {
    const server = new Server();
    server.bars = Array.from({ length: 500 }, (_, n) => bar(n - 499));
    const { history } = setUp(server);
    await history.start();
    const before = history.series.bars.length;
    expect(before).toBeLessThan(500);
    await Promise.all([history.older(), history.older()]);
    expect(server.asked).toHaveLength(2);
    expect(history.series.bars).toHaveLength(500);
    await history.older();
    const asked = server.asked.length;
    await history.older();
    expect(server.asked).toHaveLength(asked);
    history.stop();
  });

  it("follows a replay's clock, but not faster than every three seconds", async () => {
    const server = new Server();
    server.bars = Array.from({ length: 80 }, (_, n) => bar(n - 79));
    const { history } = setUp(server, 60);
    await history.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.asked.length).toBe(4);
    history.stop();
  });

  it("asks nothing more once it is stopped", async () => {
    const server = new Server();
    server.bars = [bar(0)];
    const { history } = setUp(server);
    await history.start();
    const asked = server.asked.length;
    history.stop();
    await vi.advanceTimersByTimeAsync(200_000);
    expect(server.asked).toHaveLength(asked);
  });
});
