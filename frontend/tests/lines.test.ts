import { describe, expect, it } from "vitest";
import type { Item, RollingItem } from "../src/api";
import { entriesOf, feedsOf, linesOf, moved, ruleText, shownCount, stateText } from "../src/lists/lines";

const rolling: RollingItem = {
  kind: "rolling",
  id: 9,
  feed: "deribit",
  underlying: "BTC",
  rule: "monthly",
  strikes: 1,
  rights: "P",
  state: "following",
  expiry: "2026-12-25",
  centre: 64_000,
  held: [{ feed: "deribit", symbol: "BTC-P", instrument: 70 }],
};
const items: readonly Item[] = [
  { kind: "section", id: 1, name: "Core" },
  { kind: "instrument", id: 1, position: 1, feed: "simulated", symbol: "ACME", instrument: 10 },
  rolling,
];

describe("lines", () => {
  it("name the item that they are of, and differ in their keys", () => {
    expect(linesOf(items).map((line) => [line.key, line.item])).toEqual([
      ["section-1", 0],
      ["1", 1],
      ["rolling-9", 2],
      ["rolling-9-70", 2],
    ]);
  });

  it("of a kind that is not known are left out", () => {
    expect(linesOf([{ kind: "chart", id: 1 } as unknown as Item])).toEqual([]);
  });

  it("are counted and named by what has values", () => {
    expect(shownCount(items)).toBe(2);
    expect(entriesOf(items).map((one) => one.symbol)).toEqual(["ACME"]);
    expect(feedsOf(items)).toEqual(["simulated", "deribit"]);
  });

  it.each([
    [0, 2, [1, 9, 1]],
    [2, 0, [9, 1, 1]],
    [1, 1, [1, 1, 9]],
    [7, 0, [1, 1, 9]],
  ])("item %s moves to %s", (from, to, ids) => {
    expect(moved(items, from, to).map((one) => one.id)).toEqual(ids);
  });
});

describe("a rule", () => {
  it("is told in words", () => {
    expect(ruleText(rolling)).toBe("next monthly expiry, at the money ± 1 strike, puts");
    expect(ruleText({ rule: "30d", strikes: 0, rights: "CP" })).toBe(
      "expiry nearest to 30 days, at the money, calls and puts",
    );
  });

  it.each([
    [{}, "25 Dec 26, around 64000"],
    [{ state: "waiting" as const }, "waits for a price of the underlying"],
    [{ state: "none" as const }, "no contract fits"],
    [{ expiry: null }, "no contract fits"],
    [{ centre: null }, "25 Dec 26"],
  ])("%o stands at %s", (changes, text) => {
    expect(stateText({ ...rolling, ...changes })).toBe(text);
  });
});
