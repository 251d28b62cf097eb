import { describe, expect, it } from "vitest";
import { fitted, OFFERED, paired, USUAL } from "../src/lists/layout";

const PLAIN = { currency: false, dollars: false, large: false };
const COIN = { currency: true, dollars: true, large: false };

function least(tracks: string): number {
  return [...tracks.matchAll(/minmax\((\d+)px/g)].reduce((sum, [, width]) => sum + Number(width), 28);
}

describe("columns that have room", () => {
  it("are all of them on a wide page, in the order that was chosen", () => {
    expect(fitted(USUAL, 1400, PLAIN).keys).toEqual(USUAL);
    const other = [...USUAL].reverse();
    expect(fitted(other, 1400, PLAIN).keys).toEqual(other);
  });

  it.each([601, 700, 760, 890, 1000, 1200, 1314, 1900])("need no more than %s px", (width) => {
    for (const room of [PLAIN, COIN]) {
      const { keys, tracks } = fitted(OFFERED, width, room);
      expect(least(tracks)).toBeLessThanOrEqual(width);
      expect(keys).toEqual(OFFERED.filter((key) => keys.includes(key)));
      expect(keys).toContain("bid");
      expect(keys).toContain("ask");
    }
  });

  it("stay, however narrow, where they are the last two", () => {
    expect(fitted(["day", "age"], 320 + 300, COIN).keys).toEqual(["day", "age"]);
  });
});

describe("a phone", () => {
  it("has what belongs together in pairs, one below the other", () => {
    const { keys, isPhone } = fitted(USUAL, 390, PLAIN);
    expect(isPhone).toBe(true);
    expect(keys).toEqual([
      "last",
      "change",
      "bid",
      "bid_size",
      "ask",
      "ask_size",
      "implied_volatility",
      "delta",
    ]);
  });

  it("puts what has no partner with its neighbour, in the order that was chosen", () => {
    expect(paired(["day", "mark", "bid_size", "bid", "age"])).toEqual([
      ["day", "mark"],
      ["bid", "bid_size"],
      ["age"],
    ]);
  });

  it("says whether there are prices below prices", () => {
    expect(fitted(USUAL, 390, COIN).pricesBelow).toBe(false);
    expect(fitted(["day", "mark", "bid", "ask"], 390, COIN).pricesBelow).toBe(true);
  });
});
