// Expectations are worked out by hand, or in another way than the code does.
import { expect, test } from "vitest";
import { colourAt } from "../src/volatility/colours";
import { type Interest, maxPain, merged, totals } from "../src/volatility/interest";
import {
  atDelta,
  atMoneyness,
  deltaName,
  deltaPlace,
  type Point,
  skew,
  volatilityAt,
  whyNone,
} from "../src/volatility/smile";

function point(changes: Partial<Point>): Point {
  return {
    strike: 100,
    log_moneyness: 0,
    right: "C",
    symbol: "X",
    delta: 0.5,
    bid_iv: null,
    mark_iv: 0.2,
    ask_iv: null,
    flags: 0,
    ...changes,
  };
}

const SMILE: readonly Point[] = [
  point({ strike: 80, log_moneyness: -0.2, right: "P", delta: -0.1, mark_iv: 0.34 }),
  point({ strike: 90, log_moneyness: -0.1, right: "P", delta: -0.2, mark_iv: 0.28 }),
  point({ strike: 95, log_moneyness: -0.05, right: "P", delta: -0.4, mark_iv: 0.24 }),
  point({ strike: 105, log_moneyness: 0.05, right: "C", delta: 0.4, mark_iv: 0.2 }),
  point({ strike: 110, log_moneyness: 0.1, right: "C", delta: 0.2, mark_iv: 0.19 }),
];

test("volatility is linear in delta between the strikes next to it", () => {
  // A quarter of the way from −0.2 to −0.4, and three quarters from 0.4 to 0.2.
  expect(atDelta(SMILE, -0.25)).toBeCloseTo(0.27, 12);
  expect(atDelta(SMILE, 0.25)).toBeCloseTo(0.1925, 12);
  expect(atDelta(SMILE, -0.1)).toBeCloseTo(0.34, 12);
  // Between the put of −0.4, which stands for the call of 0.6, and the call of 0.4: a quarter and three quarters of the way.
  expect(atDelta(SMILE, -0.45)).toBeCloseTo(0.23, 12);
  expect(atDelta(SMILE, 0.45)).toBeCloseTo(0.21, 12);
});

test("nothing is continued beyond what is quoted", () => {
  expect(atDelta(SMILE, -0.05)).toBeNull();
  expect(atDelta(SMILE, 0.1)).toBeNull();
  expect(atMoneyness(SMILE, 0.11)).toBeNull();
  expect(atDelta([], 0.25)).toBeNull();
});

test("a strike without a volatility or a delta is passed over, not taken for zero", () => {
  const holed = SMILE.map((one) => (one.strike === 90 ? { ...one, mark_iv: null } : one));
  // Half of the way from −0.1 to −0.4 lies −0.25.
  expect(atDelta(holed, -0.25)).toBeCloseTo((0.34 + 0.24) / 2, 12);
  const unnamed = SMILE.map((one) => (one.strike === 110 ? { ...one, delta: null } : one));
  expect(atDelta(unnamed, 0.25)).toBeNull();
  expect(atMoneyness(unnamed, 0.1)).toBeCloseTo(0.19, 12);
});

test("volatility by moneyness goes over from puts to calls", () => {
  expect(atMoneyness(SMILE, 0)).toBeCloseTo(0.22, 12);
  expect(atMoneyness(SMILE, -0.15)).toBeCloseTo(0.31, 12);
});

test("where the mark has none, the middle of bid and ask counts, and one side alone does not", () => {
  expect(volatilityAt(point({ mark_iv: null, bid_iv: 0.2, ask_iv: 0.3 }))).toBeCloseTo(0.25, 12);
  expect(volatilityAt(point({ mark_iv: null, ask_iv: 0.3 }))).toBeNull();
  expect(volatilityAt(point({ mark_iv: 0, bid_iv: 0.2 }))).toBeNull();
});

test("risk reversal is call minus put, butterfly their middle above the money", () => {
  const found = skew(SMILE, 0.22);
  expect(found.risk_reversal).toBeCloseTo(-0.0775, 12);
  expect(found.butterfly).toBeCloseTo(0.01125, 12);
  expect(skew(SMILE, null).butterfly).toBeNull();
  expect(skew(SMILE.slice(0, 3), 0.22).risk_reversal).toBeNull();
  expect(skew(SMILE.slice(0, 3), 0.22).put).toBeCloseTo(0.27, 12);
});

test("places by delta rise with the strike", () => {
  const places = SMILE.map(deltaPlace) as number[];
  expect(places).toEqual([0.1, 0.2, 0.4, 0.6, 0.8]);
  expect(places.map(deltaName)).toEqual(["10P", "20P", "40P", "40C", "20C"]);
  expect(deltaName(0.5)).toBe("ATM");
});

test("a missing volatility has its reason", () => {
  const none = { mark_iv: null };
  expect(whyNone(point({}))).toBe("");
  expect(whyNone(point({ ...none, symbol: null }))).toMatch(/offered/);
  expect(whyNone(point({ ...none, flags: null }))).toMatch(/not quoted/);
  expect(whyNone(point({ ...none, flags: 2 }))).toMatch(/no bid/);
  expect(whyNone(point({ ...none, flags: 6 }))).toMatch(/neither/);
});

function at(strike: number, call: number | null, put: number | null): Interest {
  return { strike, call_volume: null, put_volume: null, call_open_interest: call, put_open_interest: put };
}

test("max pain is where all holders together are paid least", () => {
  // Paid at 90: puts 5·10 + 10·20 = 250; at 100: calls 8·10 + puts 10·10 = 180; at 110: calls 8·20 + 6·10 = 220.
  const strikes = [at(90, 8, 0), at(100, 6, 5), at(110, 0, 10)];
  expect(maxPain(strikes)).toBe(100);
  // One large put makes it dear to end below.
  expect(maxPain([...strikes.slice(0, 2), at(110, 0, 100)])).toBe(110);
});

test("max pain needs open interest, and takes the unknown for nothing open", () => {
  expect(maxPain([at(90, null, null), at(100, null, null)])).toBeNull();
  expect(maxPain([at(90, 0, 0)])).toBeNull();
  expect(maxPain([])).toBeNull();
  expect(maxPain([at(90, 5, null), at(100, null, null)])).toBe(90);
});

test("ratios are puts over calls, and unknown where calls are", () => {
  const strikes: Interest[] = [
    { ...at(90, 10, 30), call_volume: 4, put_volume: null },
    { ...at(100, 10, null), call_volume: null, put_volume: 1 },
  ];
  expect(totals(strikes, "open_interest")).toEqual({ call: 20, put: 30, ratio: 1.5 });
  expect(totals(strikes, "volume")).toEqual({ call: 4, put: 1, ratio: 0.25 });
  expect(totals([at(90, 0, 3)], "open_interest").ratio).toBeNull();
  expect(totals([at(90, 2, null)], "open_interest")).toEqual({ call: 2, put: null, ratio: null });
});

test("expiries add up strike by strike, and unknown stays unknown", () => {
  const found = merged([
    [at(100, 1, 2), at(105, null, null)],
    [at(95, 3, null), at(100, null, 5)],
  ]);
  expect(found.map((one) => [one.strike, one.call_open_interest, one.put_open_interest])).toEqual([
    [95, 3, null],
    [100, 1, 7],
    [105, null, null],
  ]);
});

test("colours go from dark to light, and their text can be read", () => {
  expect(colourAt(0)).toEqual({ ground: "rgb(0 34 78)", text: "rgb(255 255 255)" });
  expect(colourAt(1)).toEqual({ ground: "rgb(254 232 56)", text: "rgb(0 0 0)" });
  expect(colourAt(0.9375).ground).toBe("rgb(237 218 72)");
  expect(colourAt(7)).toEqual(colourAt(1));
});
