// The pure parts of the option chain.
import { describe, expect, it } from "vitest";
import type { Expiry, QuotedOption } from "../src/api";
import { addressOf, chainOf } from "../src/chain/address";
import {
  dayText,
  leftText,
  moveText,
  namedExpiry,
  rootText,
  spokenExpiry,
  usualExpiry,
} from "../src/chain/expiry";
import {
  chosenKeys,
  fitting,
  headerOf,
  mirrored,
  OFFERED,
  tracks,
  USUAL,
  widthOf,
} from "../src/chain/layout";
import { strikeText } from "../src/chain/row";
import { rowOf } from "../src/chain/seed";
import { byStrike, isInTheMoney, moneyAt, rowsInSight, strikeNote, within } from "../src/chain/strikes";
import { COLUMN_OF } from "../src/grid/columns";
import { FIELDS, makeFacts } from "./builders";

const PLAIN = { dollars: false, large: false };
const NOW = Date.UTC(2026, 10, 23, 12);

function makeExpiry(changes: Partial<Expiry> = {}): Expiry {
  return {
    name: "2026-11-27",
    expiry: "2026-11-27",
    root: "ACME",
    cycle: "weekly",
    expires_at: "2026-11-27T21:00:00.000000Z",
    days_left: 4.375,
    strikes: 19,
    options: 38,
    forward: 172.2,
    at_the_money_volatility: 0.1886,
    expected_move: 3.5356,
    ...changes,
  };
}

const chain = byStrike(
  [100, 105, 110, 115].flatMap((strike, index) => [
    makeFacts({ id: index * 2 + 1, symbol: `C${strike}`, strike, right: "C" }),
    makeFacts({ id: index * 2 + 2, symbol: `P${strike}`, strike, right: "P" }),
  ]),
);
const strikesOf = (rows: readonly { strike: number }[]) => rows.map((row) => row.strike);

describe("the address", () => {
  it.each([
    [
      addressOf("simulated", "ACME", "2026-11-27"),
      { feed: "simulated", underlying: "ACME", expiry: "2026-11-27" },
    ],
    [addressOf("deribit", "BTC_USDC"), { feed: "deribit", underlying: "BTC_USDC", expiry: null }],
    [addressOf("a", "B/C", "2026-01-02.BX"), { feed: "a", underlying: "B/C", expiry: "2026-01-02.BX" }],
    ["#list-3", null],
    ["", null],
    ["#chain/simulated", null],
    ["#chain//ACME", null],
    ["#chain/a/b/c/d", null],
    ["#chain/%E0%A4%A/ACME", null],
  ])("%s", (hash, wanted) => {
    expect(chainOf(hash)).toEqual(wanted);
  });
});

describe("strikes", () => {
  it("stand calls beside puts, rising, also where one of the two is missing", () => {
    const rows = byStrike([
      makeFacts({ id: 2, symbol: "P110", strike: 110, right: "P" }),
      makeFacts({ id: 1, symbol: "C100", strike: 100, right: "C" }),
      makeFacts({ id: 9, kind: "stock", strike: null, right: null }),
    ]);
    expect(rows.map((row) => [row.strike, row.call?.symbol, row.put?.symbol])).toEqual([
      [100, "C100", undefined],
      [110, undefined, "P110"],
    ]);
  });

  it.each([
    [90, 0],
    [100, 1],
    [107, 2],
    [110, 3],
    [500, 4],
    [null, null],
  ])("at a price of %s the money is before row %s", (price, row) => {
    expect(moneyAt(chain, price)).toBe(row);
  });

  it("are in the money on one side only, and at the price on neither", () => {
    expect([isInTheMoney("C", 100, 107), isInTheMoney("P", 100, 107)]).toEqual([true, false]);
    expect([isInTheMoney("C", 110, 107), isInTheMoney("P", 110, 107)]).toEqual([false, true]);
    expect([isInTheMoney("C", 110, 110), isInTheMoney("P", 110, 110)]).toEqual([false, false]);
    expect(isInTheMoney("C", 100, null)).toBe(false);
  });

  it("can be narrowed by count and by expected moves", () => {
    expect(strikesOf(within(chain, { kind: "count", each: 1 }, 107, null))).toEqual([105, 110]);
    expect(strikesOf(within(chain, { kind: "count", each: 9 }, 107, null))).toEqual([100, 105, 110, 115]);
    expect(strikesOf(within(chain, { kind: "deviations", each: 1 }, 107, 5))).toEqual([105, 110]);
    expect(strikesOf(within(chain, { kind: "deviations", each: 2 }, 107, 5))).toEqual([100, 105, 110, 115]);
  });

  it("are all shown where what narrows them is unknown", () => {
    expect(within(chain, { kind: "count", each: 1 }, null, 5)).toBe(chain);
    expect(within(chain, { kind: "deviations", each: 1 }, 107, null)).toBe(chain);
  });

  it.each([
    [0, [0, 10]],
    [260, [2, 20]],
    [99_999, [100, 100]],
    [-50, [0, 8]],
  ])("scrolled by %s px rows %s are near", (scrolled, wanted) => {
    expect(rowsInSight(scrolled, 50, 26, 100, 8)).toEqual(wanted);
  });

  it("say how far they are from the money", () => {
    expect(strikeNote(110, 100, 5)).toBe("110.0 % of 100, +2.0 expected moves");
    expect(strikeNote(90, 100, null)).toBe("90.0 % of 100");
    expect(strikeNote(90, null, 5)).toBe("");
  });

  it.each([
    [515, "515"],
    [12_500, "12,500"],
    [7.5, "7.50"],
    [0.625, "0.625"],
  ])("%s is written %s", (strike, text) => {
    expect(strikeText(strike)).toBe(text);
  });
});

describe("columns", () => {
  it("are all known, and what is usual is offered", () => {
    expect(OFFERED.filter((key) => !COLUMN_OF.has(key))).toEqual([]);
    expect(USUAL.filter((key) => !OFFERED.includes(key))).toEqual([]);
  });

  it("are mirrored, but a book and its volatilities read from bid to ask", () => {
    expect(mirrored(["bid_size", "bid", "ask", "ask_size", "delta", "bid_iv", "ask_iv", "volume"])).toEqual([
      "volume",
      "bid_iv",
      "ask_iv",
      "delta",
      "bid_size",
      "bid",
      "ask",
      "ask_size",
    ]);
    expect(mirrored(["bid", "delta", "ask"])).toEqual(["ask", "delta", "bid"]);
  });

  it("go from the outside in where there is no room, down to two", () => {
    const keys = ["bid", "ask", "delta", "volume"];
    const three = widthOf("bid", PLAIN) + widthOf("ask", PLAIN) + widthOf("delta", PLAIN);
    expect(fitting(keys, three, PLAIN)).toEqual(["bid", "ask", "delta"]);
    expect(fitting(keys, three - 1, PLAIN)).toEqual(["bid", "ask"]);
    expect(fitting(keys, 0, PLAIN)).toEqual(["bid", "ask"]);
    expect(fitting(keys, 9999, PLAIN)).toEqual(keys);
  });

  it("of prices are wider with US dollars beside them", () => {
    const dollars = { dollars: true, large: false };
    expect(widthOf("bid", dollars)).toBeGreaterThan(widthOf("bid", PLAIN));
    expect(widthOf("delta", dollars)).toBe(widthOf("delta", PLAIN));
    expect(tracks(["delta"], PLAIN)).toBe("minmax(48px, 48fr)");
  });

  it("say above them what stands below", () => {
    const above = (key: string, dollars = false) => headerOf(COLUMN_OF.get(key)!, { dollars, large: false });
    expect([above("bid"), above("bid", true)]).toEqual(["Bid", "Bid ≈ USD"]);
    expect([above("bid_size", true), above("delta", true)]).toEqual(["Bid sz", "Delta"]);
  });

  it("that were kept are taken as far as they are known", () => {
    expect(chosenKeys(["delta", "nonsense", "bid", "delta", 3])).toEqual(["delta", "bid"]);
    expect(chosenKeys(["nonsense"])).toBeNull();
    expect(chosenKeys("bid")).toBeNull();
  });
});

describe("an expiry", () => {
  it("is named by its day, with the year where it is another", () => {
    expect(dayText("2026-11-27", NOW)).toBe("27 Nov");
    expect(dayText("2027-01-15", NOW)).toBe("15 Jan 27");
    expect(dayText("2026-11-27", Number.NaN)).toBe("27 Nov 26");
  });

  it.each([
    ["2026-11-27T21:00:00Z", "4d"],
    ["2026-11-24T12:00:00Z", "1d"],
    ["2026-11-24T11:30:00Z", "24h"],
    ["2026-11-23T12:10:00Z", "1h"],
    ["2026-11-23T12:00:00Z", "expired"],
    [null, ""],
  ])("%s has %s left", (expires, text) => {
    expect(leftText(expires, NOW)).toBe(text);
  });

  it.each([
    [3.5356, "±3.54"],
    [11.2, "±11.2"],
    [9.999, "±10.00"],
    [1234.5, "±1235"],
    [null, ""],
  ])("a move of %s is written %s", (move, text) => {
    expect(moveText(move)).toBe(text);
  });

  it("says its root where the day alone is not enough", () => {
    const [one, other] = [makeExpiry({ root: "SPX" }), makeExpiry({ root: "SPXW" })];
    expect(rootText(one, [one, other], "SPX")).toBe("SPX");
    expect(rootText(one, [one], "SPX")).toBe("");
    expect(rootText(other, [other], "SPX")).toBe("SPXW");
  });

  it("is spoken whole", () => {
    expect(spokenExpiry(makeExpiry(), NOW)).toBe(
      "27 Nov 26 ACME, weekly, 4d left, volatility at the money 18.9 %, expected move ±3.54, 19 strikes",
    );
  });

  it("is found by name, or by day and root", () => {
    const all = [makeExpiry(), makeExpiry({ name: "2026-12-18.SPXW", expiry: "2026-12-18", root: "SPXW" })];
    expect(namedExpiry(all, "2026-11-27.ACME")).toBe(all[0]);
    expect(namedExpiry(all, "2026-12-18.SPXW")).toBe(all[1]);
    expect(namedExpiry(all, "2026-12-18")).toBeUndefined();
  });

  it("is by default the nearest that has hours left", () => {
    const all = [makeExpiry({ name: "a", days_left: 0.1 }), makeExpiry({ name: "b", days_left: 1 })];
    expect(usualExpiry(all)?.name).toBe("b");
    expect(usualExpiry(all.slice(0, 1))?.name).toBe("a");
    expect(usualExpiry([])).toBeUndefined();
  });
});

describe("a row out of REST", () => {
  const option: QuotedOption = {
    symbol: "C100",
    id: 7,
    seq: 42,
    venue_at: "2026-11-23T12:00:00.500000Z",
    received_at: "2026-11-23T12:00:00.750000Z",
    last_at: null,
    bid: 1.5,
    ask: null,
    flags: 4,
  };

  it("is as the stream's", () => {
    const row = rowOf(option, FIELDS);
    expect(row?.slice(0, 6)).toEqual([7, 42, NOW + 500, 250, 1.5, null]);
    expect(row?.[FIELDS.indexOf("flags")]).toBe(4);
    expect(row?.[FIELDS.indexOf("last_time_ms")]).toBeNull();
  });

  it("is none before the first quote", () => {
    expect(rowOf({ ...option, seq: null, venue_at: null, received_at: null }, FIELDS)).toBeNull();
  });
});
