import { describe, expect, it } from "vitest";
import {
  aboutDollars,
  age,
  asIs,
  change,
  count,
  decimals,
  fixed,
  latency,
  percent,
  price,
  significant,
} from "../src/format";
import { nameOf, spelled, timeLeft } from "../src/names";
import { deltaText } from "../src/payoff/words";
import { asQuery } from "../src/search/words";
import { makeFacts } from "./builders";

describe("a price", () => {
  it.each([
    [14.2, 0.05, "14.20"],
    [0.0115, 0.0005, "0.0115"],
    [5120.3, 0.1, "5120.3"],
    [32150.5, 0.01, "32,150.50"],
    [3, 1, "3"],
    [0, 0.01, "0.00"],
    [0.000012, 0.0005, "0.00001"],
  ])("of %s at a tick of %s is %s", (value, tick, text) => expect(price(value, tick)).toBe(text));

  it("that is unknown is blank, not 0", () => {
    expect(price(null, 0.01)).toBe("");
    expect(price(undefined, 0.01)).toBe("");
  });
});

it.each([
  [0.01, 2],
  [0.05, 2],
  [0.0005, 4],
  [1, 0],
  [0.25, 2],
  [2.5, 1],
])("a tick of %s needs %s decimals", (tick, places) => expect(decimals(tick)).toBe(places));

it("a negative number has a true minus, and none where it rounds to nothing", () => {
  expect(fixed(-0.485, 2)).toMatch(/^\u22120\.4[89]$/);
  expect(fixed(-0.001, 2)).toBe("0.00");
  expect(change(-1.2, 2)).toBe("\u22121.20");
  expect(change(0.35, 2)).toBe("+0.35");
  expect(change(0.0001, 2)).toBe("0.00");
});

it.each([
  [0.2345, "23.5"],
  [0, "0.0"],
  [1.5, "150.0"],
])("a volatility of %s is %s percent", (fraction, text) => expect(percent(fraction)).toBe(text));

it.each([
  [7, "7"],
  [0, "0"],
  [0.5, "0.5"],
  [0.04, "0.04"],
  [9999, "9\u202f999"],
  [1000.25, "1\u202f000.3"],
  [10_000, "10.0k"],
  [12_449, "12.4k"],
  [999_499, "999k"],
  [999_500, "1.0M"],
  [3_100_000, "3.1M"],
])("a count of %s is %s", (value, text) => expect(count(value)).toBe(text));

it.each([
  [100, "100"],
  [0.01, "0.01"],
  [10_000, "10,000"],
])("a multiplier of %s is %s", (value, text) => expect(asIs(value)).toBe(text));

it.each([
  [-52.34, "\u221252.3"],
  [0.04, "0.040"],
  [null, ""],
])("a position's delta of %s is %s", (value, text) => expect(deltaText(value)).toBe(text));

it.each([
  [400, "0.4 s"],
  [-30, "0.0 s"],
  [9960, "9.9 s"],
  [12_900, "12 s"],
  [200_000, "3 m"],
  [7_200_000, "2 h"],
  [259_200_000, "3 d"],
])("an age of %s ms is %s", (ms, text) => expect(age(ms)).toBe(text));

it("gamma has its significant digits, without an exponent", () => {
  expect(significant(0.00412, 3)).toBe("0.00412");
  expect(significant(0, 3)).toBe("0");
});

it("a latency tells ms, and seconds beyond one", () => {
  expect([latency(0.84), latency(41.3), latency(2300), latency(null)]).toEqual([
    "0.8 ms",
    "41 ms",
    "2.3 s",
    "–",
  ]);
});

it.each([
  [2871, "≈ $2,871"],
  [99_999.4, "≈ $99,999"],
  [99_999.6, "≈ $100.0k"],
  [114_840, "≈ $115k"],
  [1_250_000, "≈ $1.3M"],
  [113.75, "≈ $114"],
  [99.994, "≈ $99.99"],
  [99.996, "≈ $100"],
  [0.25, "≈ $0.25"],
  [0.004, "< $0.01"],
  [0, "≈ $0.00"],
  [-12.5, "≈ \u2212$12.50"],
  [null, ""],
])("%s is worth %s", (value, text) => expect(aboutDollars(value)).toBe(text));

describe("a name", () => {
  it("of an option is spelled as people say it", () => {
    expect(spelled(nameOf("ACME260220C00515000", makeFacts()))).toBe("ACME 20 Feb 26 515 C");
  });

  it("tells the root where that is not the underlying", () => {
    const facts = makeFacts({ underlying: "SPX", root: "SPXW", strike: 5120.5 });
    expect(spelled(nameOf("SPXW260220C05120500", facts))).toBe("SPXW 20 Feb 26 5120.5 C");
  });

  it.each([
    ["ACME260220C00515000", "ACME 20 Feb 26 515 C"],
    ["BTC-30JUL21-24000-P", "BTC 30 Jul 21 24,000 P"],
    ["XRP_USDC-5AUG26-0d55-C", "XRP_USDC 5 Aug 26 0.55 C"],
    ["BTC-30JUL21", "BTC 30 Jul 21 future"],
    ["BTC-PERPETUAL", "BTC-PERPETUAL"],
    ["BRK.B", "BRK.B"],
  ])("%s can be told from the symbol alone", (symbol, text) => {
    expect(spelled(nameOf(symbol, undefined))).toBe(text);
  });

  it("comes with the days left, hours on the last day", () => {
    const expires = makeFacts().expires_ms ?? 0;
    const hour = 3_600_000;
    expect(timeLeft(makeFacts(), expires - 39.5 * 24 * hour)).toBe("39d");
    expect(timeLeft(makeFacts(), expires - 4.2 * hour)).toBe("5h");
    expect(timeLeft(makeFacts(), expires + 1)).toBe("expired");
    expect(timeLeft(makeFacts(), Number.NaN)).toBe("");
  });
});

it.each([
  ["ACME 20 Feb 26 515 C", "ACME 20Feb26 515 C"],
  ["btc 30 jul 21 24,000 p", "btc 30jul21 24000 p"],
  [" BTC-30JUL21-24000-P ", "BTC-30JUL21-24000-P"],
  ["ACME 515", "ACME 515"],
  ["20feb 515", "20feb 515"],
])("a name as the page spells it can be searched for: %s", (typed, query) => {
  expect(asQuery(typed)).toBe(query);
});
