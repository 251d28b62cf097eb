// Stored bars and live rows as one series: no seam, no bar twice, nothing live that was stored better.
import { describe, expect, it } from "vitest";
import { type Bar, type Interval, type LiveQuote, midOf, type Prices, Series } from "../src/chart/series";

const NOON = Date.UTC(2026, 10, 23, 12) / 1000;

function quote(
  second: number,
  bid: number | null,
  ask: number | null,
  last: number | null = null,
  implied_volatility: number | null = null,
): LiveQuote {
  return { received_ms: (NOON + second) * 1000, bid, ask, last, implied_volatility };
}

function prices(...[open, high, low, close]: [number, number, number, number]): Prices {
  return { open, high, low, close };
}

function bar(minute: number, mid: Prices | null, changes: Partial<Bar> = {}): Bar {
  const starts_s = NOON + minute * 60;
  return {
    starts_s,
    ends_s: starts_s + 60,
    day: "2026-11-23",
    mid,
    last: null,
    iv: null,
    volume: 3,
    ...changes,
  };
}

/** What the server makes of these quotes: every one in its minute. */
function computed(quotes: readonly LiveQuote[], width = 60): Bar[] {
  const made = new Map<number, Bar>();
  for (const one of quotes) {
    const starts_s = Math.floor(one.received_ms / 1000 / width) * width;
    const held = made.get(starts_s) ?? {
      starts_s,
      ends_s: starts_s + width,
      day: null,
      mid: null,
      last: null,
      iv: null,
      volume: null,
    };
    made.set(starts_s, {
      ...held,
      mid: after(held.mid, midOf(one)),
      last: after(held.last, one.last),
      iv: after(held.iv, one.implied_volatility),
    });
  }
  return [...made.values()];
}

function after(held: Prices | null, value: number | null): Prices | null {
  if (value === null) return held;
  if (held === null) return prices(value, value, value, value);
  return prices(held.open, Math.max(held.high, value), Math.min(held.low, value), value);
}

/** A small generator of numbers from 0 to 1, the same for the same seed. */
function chance(seed: number): () => number {
  let state = seed * 2_654_435_769 + 1;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

function randomQuotes(random: () => number, count: number): LiveQuote[] {
  const quotes: LiveQuote[] = [];
  let at = 0;
  for (let n = 0; n < count; n += 1) {
    at += random() < 0.02 ? random() * 400 : random() * 6;
    const bid = random() < 0.1 ? null : Math.round(random() * 40) / 4;
    const ask = random() < 0.1 ? null : (bid ?? 5) + Math.round(random() * 8 - 1) / 4;
    const last = random() < 0.3 ? null : Math.round(random() * 40) / 4;
    quotes.push(quote(at, bid, ask, last, random() < 0.2 ? null : Math.round(random() * 40) / 100));
  }
  return quotes;
}

const withPrices = (bars: readonly Bar[]) => bars.filter((one) => one.mid || one.last || one.iv);

function expectWhole(bars: readonly Bar[]): void {
  expect(bars.filter((one, n) => n > 0 && one.starts_s < bars[n - 1]!.ends_s)).toEqual([]);
}

describe("live rows", () => {
  it("make the bar of the minute in which they were received, as the server does", () => {
    const series = new Series("1m");
    series.add(quote(5, 2, 3, 2.4));
    series.add(quote(20, 3, 4, 2.6));
    series.add(quote(59.999, 1, 2, 2.5));
    series.add(quote(60, 5, 6, 2.5));
    expect(series.bars).toMatchObject([
      {
        starts_s: NOON,
        ends_s: NOON + 60,
        mid: prices(2.5, 3.5, 1.5, 1.5),
        last: prices(2.4, 2.6, 2.4, 2.5),
      },
      { starts_s: NOON + 60, mid: prices(5.5, 5.5, 5.5, 5.5) },
    ]);
  });

  it("have no mid where a side is missing or they cross; locked they have", () => {
    expect(midOf({ bid: null, ask: 2 })).toBeNull();
    expect(midOf({ bid: 2, ask: null })).toBeNull();
    expect(midOf({ bid: 2.1, ask: 2 })).toBeNull();
    expect(midOf({ bid: 2, ask: 2 })).toBe(2);
    const series = new Series("1m");
    expect(series.add(quote(5, null, 3))).toBe(false);
    expect(series.bars).toEqual([]);
  });

  it("of before the newest bar change nothing", () => {
    const series = new Series("1m");
    series.store([bar(0, prices(2, 2, 2, 2)), bar(1, prices(3, 3, 3, 3))], NOON + 100);
    expect(series.add(quote(30, 8, 9))).toBe(false);
    expect(series.bars.map((one) => one.mid?.high)).toEqual([2, 3]);
  });

  it("say whether they changed anything", () => {
    const series = new Series("1m");
    expect(series.add(quote(5, 2, 3))).toBe(true);
    expect(series.add(quote(6, 2, 3))).toBe(false);
    expect(series.add(quote(7, 2, 3.5))).toBe(true);
  });

  it("make every bar as the server would", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const quotes = randomQuotes(chance(seed), 400);
      const series = new Series("1m");
      for (const one of quotes) series.add(one);
      expect(series.bars).toEqual(withPrices(computed(quotes)));
    }
  });
});

describe("stored bars", () => {
  it("are gone on with: the one that grows keeps its beginning and its extremes", () => {
    const series = new Series("1m");
    series.store([bar(0, prices(2, 4, 1, 3))], NOON + 40);
    series.add(quote(45, 1.5, 2.5));
    expect(series.bars).toEqual([bar(0, prices(2, 4, 1, 2), { volume: null })]);
    series.add(quote(61, 3, 4));
    expect(series.bars).toMatchObject([
      { starts_s: NOON, mid: prices(2, 4, 1, 2) },
      { starts_s: NOON + 60, mid: prices(3.5, 3.5, 3.5, 3.5) },
    ]);
  });

  it("that came after live rows of the same bar are put together with these", () => {
    const series = new Series("1m");
    series.add(quote(30, 5, 6));
    series.add(quote(31, 2, 3));
    // Asked for a moment ago: it does not know the last of the live rows yet.
    series.store([bar(-1, prices(1, 1, 1, 1)), bar(0, prices(3, 5.5, 3, 5.5))], NOON + 32);
    expect(series.bars).toEqual([
      bar(-1, prices(1, 1, 1, 1)),
      bar(0, prices(3, 5.5, 2.5, 2.5), { volume: null }),
    ]);
  });

  it("replace what live rows made, once they are settled", () => {
    const series = new Series("1m");
    series.add(quote(30, 2, 3));
    series.add(quote(61, 4, 5));
    const truth = bar(0, prices(2.4, 2.9, 2.1, 2.6));
    series.store([truth, bar(1, prices(4.5, 4.6, 4.4, 4.4))], NOON + 63.5);
    expect(series.bars).toEqual([truth, bar(1, prices(4.5, 4.6, 4.4, 4.5), { volume: null })]);
  });

  it("take the place of bars that the page had counted otherwise", () => {
    const series = new Series("1h");
    // Counted from midnight, while the session opens at half past.
    series.add(quote(0, 2, 3));
    series.add(quote(3600, 2, 3));
    const session = bar(-30, prices(2, 3, 2, 2.5), { ends_s: NOON + 1800 });
    const next = bar(30, prices(2, 3, 2, 2.5), { ends_s: NOON + 5400 });
    series.store([session, next], NOON + 3601);
    expect(series.bars).toEqual([session, next]);
    series.add(quote(5400, 3, 4));
    expect(series.newest).toMatchObject({ starts_s: NOON + 5400, ends_s: NOON + 9000 });
  });

  it("of an older time go before what there is", () => {
    const series = new Series("1m");
    series.store([bar(0, prices(2, 2, 2, 2))], NOON + 30);
    series.store([bar(-9, null), bar(-8, prices(1, 1, 1, 1))], NOON + 31);
    expect(series.bars.map((one) => (one.starts_s - NOON) / 60)).toEqual([-9, -8, 0]);
  });

  it("that are none change nothing", () => {
    const series = new Series("1m");
    series.add(quote(5, 2, 3));
    series.store([], NOON + 100);
    expect(series.bars).toHaveLength(1);
  });
});

describe("a whole session", () => {
  it.each<[Interval, number]>([
    ["1m", 60],
    ["5m", 300],
    ["1h", 3600],
  ])(
    "of %s ends as what the server has, whatever was missed and however often it was read",
    (interval, width) => {
      for (let seed = 1; seed <= 15; seed += 1) {
        const random = chance(seed);
        const quotes = randomQuotes(random, 300);
        const series = new Series(interval);
        let shown = true;
        let from_s = 0;
        quotes.forEach((one, n) => {
          const now_s = one.received_ms / 1000;
          // Rows are merged on their way, and a connection breaks now and then.
          if (random() < 0.01) shown = !shown;
          if (shown && random() < 0.7) series.add(one);
          if (random() < 0.05) {
            const known = quotes
              .slice(0, n + 1)
              .filter((other) => other.received_ms / 1000 <= now_s - random() * 2);
            series.store(
              withPrices(computed(known, width)).filter((held) => held.starts_s >= from_s),
              now_s,
            );
            from_s = Math.floor((now_s - 3) / width) * width;
          }
          expectWhole(series.bars);
        });
        const end_s = quotes.at(-1)!.received_ms / 1000 + width + 4;
        const truth = withPrices(computed(quotes, width));
        series.store(
          truth.filter((held) => held.starts_s >= from_s),
          end_s,
        );
        expect(series.bars).toEqual(truth);
      }
    },
  );

  it("goes on with the implied volatility of live rows from the last one that is stored", () => {
    const series = new Series("1m");
    series.store([bar(0, null, { iv: prices(0.2, 0.2, 0.2, 0.2) })], NOON + 20);
    expect(series.add(quote(30, null, null, null, 0.25))).toBe(true);
    expect(series.newest?.iv?.close).toBe(0.25);
    // Unknown changes nothing: it is no zero.
    series.add(quote(40, 2, 3));
    expect(series.newest?.iv?.close).toBe(0.25);
    // What is stored in the end is all that counts.
    series.store([bar(0, prices(2.5, 2.5, 2.5, 2.5), { iv: prices(0.26, 0.26, 0.26, 0.26) })], NOON + 64);
    expect(series.newest?.iv).toEqual(prices(0.26, 0.26, 0.26, 0.26));
  });
});
