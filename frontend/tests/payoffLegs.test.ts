// Legs in an address: written, read again, refused by name; and what picking makes of them.
import { describe, expect, it } from "vitest";
import { payoffAddress, payoffOf } from "../src/payoff/address";
import {
  type Leg,
  legsText,
  MOST_LEGS,
  type OptionLeg,
  ownPrice,
  readLegs,
  withPicked,
} from "../src/payoff/leg";

const CALL: OptionLeg = {
  kind: "option",
  quantity: 1,
  right: "C",
  strike: 100,
  expiry: "2026-12-18",
  root: null,
  price: "market",
};
const PUT: OptionLeg = { ...CALL, quantity: -2, right: "P", strike: 97.5, root: "ACMEW", price: 1.25 };
const SHARES: Leg = { kind: "underlying", quantity: 100, price: "mid" };
const TEXT = "+1C100.2026-12-18~-2P97.5.2026-12-18.ACMEW@1.25~+100U@mid";

describe("an address", () => {
  it("is readable, and reads as what was written", () => {
    expect(legsText([CALL, PUT, SHARES])).toBe(TEXT);
    const address = payoffAddress("simulated", "ACME", TEXT);
    expect(address).toBe(`#payoff/simulated/ACME/${TEXT}`);
    expect(payoffOf(address)).toEqual({ feed: "simulated", underlying: "ACME", legs: TEXT });
    expect(readLegs(TEXT)).toEqual({ legs: [CALL, PUT, SHARES], problems: [] });
    // As some programs pass it on.
    expect(payoffOf(address.replaceAll("+", "%2B").replaceAll("@", "%40"))?.legs).toBe(TEXT);
  });

  it("without legs is that of a position still to be picked", () => {
    expect(payoffOf(payoffAddress("simulated", "ACME", ""))?.legs).toBe("");
    expect(readLegs("")).toEqual({ legs: [], problems: [] });
  });

  it.each([
    ["x", "is not a leg"],
    ["+1C100", "is not a leg"],
    ["+0C100.2026-12-18", "quantity"],
    ["+10001C100.2026-12-18", "10,000"],
    ["+1C100.2026-02-30", "2026-02-30 is not a day"],
    ["+1C0.2026-12-18", "strike"],
    ["+1C100.2026-12-18@-1", "after @"],
    ["+1C100.2026-12-18@1e9", "after @"],
    [`+1C100.2026-12-18.${"X".repeat(200)}`, "is not a leg"],
  ])("says what is wrong with %s and keeps the rest", (part, reason) => {
    const { legs, problems } = readLegs(`${part}~${legsText([SHARES])}`);
    expect(legs).toEqual([SHARES]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(reason);
    expect(problems[0]!.length).toBeLessThan(140);
  });

  it("holds as many legs as a position", () => {
    const many = Array.from({ length: MOST_LEGS + 2 }, (_, index) => ({ ...CALL, strike: 100 + index }));
    const { legs, problems } = readLegs(legsText(many));
    expect(legs).toHaveLength(MOST_LEGS);
    expect(problems[0]).toContain("22 legs");
  });

  it("takes small strikes and prices without an exponent", () => {
    const tiny = { ...CALL, strike: 0.0000001, price: 0.00000025 };
    expect(legsText([tiny])).toBe("+1C0.0000001.2026-12-18@0.00000025");
    expect(readLegs(legsText([tiny])).legs).toEqual([tiny]);
  });
});

describe("a price of one's own", () => {
  it("is a plain number of 0 or more", () => {
    expect([" 1.25 ", "0", "1,5"].map(ownPrice)).toEqual([1.25, 0, 1.5]);
    expect(["64,123", "64,123.5", "1,234,567", "0,125"].map(ownPrice)).toEqual([
      64_123, 64_123.5, 1_234_567, 0.125,
    ]);
    for (const text of ["", "-1", "abc", "1.2.3", "Infinity", "64,12,3"]) expect(ownPrice(text)).toBeNull();
  });
});

describe("picking", () => {
  it("joins what is of the same contract, and ends a leg of which nothing is left", () => {
    const one = withPicked([], CALL)!;
    const two = withPicked(one, { ...CALL, quantity: 10 })!;
    expect(two).toEqual([{ ...CALL, quantity: 11 }]);
    expect(withPicked(two, { ...CALL, quantity: -12 })).toEqual([{ ...CALL, quantity: -1 }]);
    expect(withPicked(two, { ...CALL, quantity: -11 })).toEqual([]);
    expect(withPicked(two, { ...CALL, root: "ACMEW" })).toHaveLength(2);
  });

  it("ends at what a position holds", () => {
    const full = Array.from({ length: MOST_LEGS }, (_, index) => ({ ...CALL, strike: 1 + index }));
    expect(withPicked(full, PUT)).toBeNull();
    expect(withPicked(full, { ...CALL, strike: 5 })![4]!.quantity).toBe(2);
    expect(withPicked([{ ...CALL, quantity: 9_995 }], { ...CALL, quantity: 10 })).toBeNull();
  });
});
