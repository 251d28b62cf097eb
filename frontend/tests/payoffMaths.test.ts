// Values and greeks of options against the reference that the server's are held to, and positions against what follows from
// their contracts.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { greeks, normalCdf, optionPrice, yearsBetween } from "../src/payoff/blackScholes";
import {
  firstExpiry,
  isGainAt,
  isKnownAt,
  modelGreeks,
  outcomeAt,
  type PositionLeg,
  probabilityOfProfit,
  profitAt,
  type Scenario,
} from "../src/payoff/position";

const { rows } = JSON.parse(readFileSync("../tests/fixtures/black_scholes.json", "utf8")) as {
  rows: Record<string, number>[];
};
const NOW = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;
const FIRST = NOW + 30 * DAY;
const SECOND = NOW + 60 * DAY;

const scenario = (at_ms: number, shift = 0, carry = 0): Scenario => ({ at_ms, shift, carryOf: () => carry });
const AT_EXPIRY = scenario(FIRST);

function option(
  quantity: number,
  right: "C" | "P",
  strike: number,
  price: number,
  expires_ms = FIRST,
  volatility: number | null = 0.25,
): PositionLeg {
  return { quantity, multiplier: 100, price, option: { right, strike, expires_ms, volatility } };
}

const shares = (quantity: number, price: number): PositionLeg => ({
  quantity,
  multiplier: 1,
  price,
  option: null,
});

describe("an option", () => {
  it("has the values and greeks of the reference", () => {
    expect(rows.length).toBeGreaterThan(5);
    for (const { S, K, R, t, v, ...told } of rows as Record<string, number>[]) {
      const forward = S! * Math.exp(R! * t!);
      for (const right of ["C", "P"] as const) {
        const price = optionPrice(right, forward, K!, t!, v!, Math.exp(-R! * t!));
        expect(price).toBeCloseTo(told[right === "C" ? "bs_call" : "bs_put"]!, 9);
        const found = greeks(right, forward, K!, t!, v!, R!, R!);
        expect(found.spotDelta).toBeCloseTo(told[`${right}D`]!, 12);
        expect(found.gamma).toBeCloseTo(told[`${right}G`]!, 12);
        expect(found.theta * 365).toBeCloseTo(told[`${right}T`]!, 8);
        expect(found.vega * 100).toBeCloseTo(told[`${right}V`]!, 8);
        expect(found.rho * 100).toBeCloseTo(told[`${right}R`]!, 8);
      }
    }
  });

  it("is worth its intrinsic value without time or volatility, and nothing impossible has a value", () => {
    expect(optionPrice("C", 110, 100, 0, 0.3)).toBe(10);
    expect(optionPrice("P", 110, 100, 1, 0)).toBe(0);
    expect(optionPrice("P", 90, 100, 0, 0)).toBe(10);
    for (const bad of [
      optionPrice("C", -1, 100, 1, 0.2),
      optionPrice("C", 100, 100, -1, 0.2),
      normalCdf(NaN),
    ])
      expect(bad).toBeNaN();
    expect(normalCdf(-40)).toBe(0);
    expect(normalCdf(40)).toBe(1);
    expect(normalCdf(0)).toBeCloseTo(0.5, 15);
    expect(normalCdf(-7.2)).toBeCloseTo(3.0106279811e-13, 19);
  });

  it("counts years of 365 days", () => {
    expect(yearsBetween(NOW, NOW + 73 * DAY)).toBe(0.2);
  });
});

describe("a position at expiry", () => {
  it("is, for a bull spread, bounded by its width and breaks even at its cost", () => {
    const legs = [option(1, "C", 100, 5), option(-1, "C", 110, 2)];
    expect(outcomeAt(legs, AT_EXPIRY)).toEqual({
      breakevens: [103],
      most: 700,
      least: -300,
      isExact: true,
    });
    expect(profitAt(legs, 104, AT_EXPIRY)).toBe(100);
  });

  it("has two breakevens and no bound above for a straddle, none below for one that is sold", () => {
    const bought = [option(2, "C", 100, 4), option(2, "P", 100, 3)];
    expect(outcomeAt(bought, AT_EXPIRY)).toMatchObject({
      breakevens: [93, 107],
      most: "unlimited",
      least: -1400,
    });
    const sold = [option(-1, "C", 100, 4), option(-1, "P", 100, 3)];
    expect(outcomeAt(sold, AT_EXPIRY)).toMatchObject({
      breakevens: [93, 107],
      most: 700,
      least: "unlimited",
    });
  });

  it("takes the underlying for a leg: a covered call", () => {
    const legs = [shares(100, 98), option(-1, "C", 105, 2)];
    expect(outcomeAt(legs, AT_EXPIRY)).toMatchObject({ breakevens: [96], most: 900, least: -9600 });
  });

  it("has three breakevens where it turns three times, and the tail's beyond the last strike", () => {
    const legs = [option(1, "C", 90, 12), option(-3, "C", 100, 5), option(3, "C", 110, 2)];
    const { breakevens } = outcomeAt(legs, AT_EXPIRY);
    expect(breakevens).toEqual([93, 103.5, 123]);
    for (const price of breakevens) expect(profitAt(legs, price, AT_EXPIRY)).toBeCloseTo(0, 8);
  });

  it("names both ends of a stretch of exactly nothing, and not its inside", () => {
    const legs = [option(1, "C", 110, 2), option(-1, "P", 90, 2)];
    expect(outcomeAt(legs, AT_EXPIRY).breakevens).toEqual([90, 110]);
    const ending = [
      option(1, "C", 90, 5),
      option(-2, "C", 100, 0),
      option(1, "C", 110, 0),
      option(-1, "P", 100, 5),
    ];
    expect(outcomeAt(ending, AT_EXPIRY).breakevens).toEqual([95, 110]);
    const fence = [option(-1, "P", 90, 0), option(0.5, "P", 95, 0), option(-0.5, "C", 100, 0)];
    expect(outcomeAt(fence, AT_EXPIRY).breakevens).toEqual([85, 95, 100]);
  });

  it("has bounds where fractions of a coin, bought and sold, cancel out but for the noise of doubles", () => {
    const legs = [option(3, "C", 90, 12), option(-1, "C", 100, 5), option(-2, "C", 110, 2)].map((leg) => ({
      ...leg,
      multiplier: 0.1,
    }));
    expect(outcomeAt(legs, AT_EXPIRY)).toMatchObject({
      most: expect.closeTo(2.3, 9),
      breakevens: [expect.closeTo(99, 9)],
    });
  });

  it("never breaks even where it always gains or always loses", () => {
    expect(outcomeAt([option(1, "P", 100, 0)], AT_EXPIRY)).toMatchObject({ most: 10_000, least: 0 });
    const box = [
      option(1, "C", 90, 10),
      option(-1, "C", 100, 5),
      option(1, "P", 100, 6),
      option(-1, "P", 90, 2),
    ];
    expect(outcomeAt(box, AT_EXPIRY)).toMatchObject({ breakevens: [], most: 100, least: 100 });
  });

  it("of the underlying alone has no expiry and breaks even at its price", () => {
    const legs = [shares(-10, 50)];
    expect(firstExpiry(legs)).toBeNull();
    expect(outcomeAt(legs, scenario(NOW))).toEqual({
      breakevens: [50],
      most: 500,
      least: "unlimited",
      isExact: true,
    });
  });
});

describe("legs of two expiries", () => {
  const value = optionPrice("C", 100, 100, yearsBetween(FIRST, SECOND), 0.3);
  const calendar = [option(-1, "C", 100, 2), option(1, "C", 100, 4, SECOND, 0.3)];

  it("value the later one with its own volatility at the first expiry", () => {
    expect(firstExpiry(calendar)).toBe(FIRST);
    expect(profitAt(calendar, 100, AT_EXPIRY)).toBeCloseTo(100 * (value - 2), 9);
    const { breakevens, most, least, isExact } = outcomeAt(calendar, AT_EXPIRY);
    expect(isExact).toBe(false);
    expect(most).toBeCloseTo(100 * (value - 2), 6);
    expect(least).toBeCloseTo(-200, 3);
    expect(breakevens).toHaveLength(2);
    for (const price of breakevens) expect(profitAt(calendar, price, AT_EXPIRY)).toBeCloseTo(0, 6);
    expect(breakevens[0]).toBeLessThan(100);
  });

  it("are worth the underlying far above, also where the forward is above it", () => {
    expect(outcomeAt(calendar, scenario(FIRST, 0, 0.05)).least).toBeCloseTo(-200, 1);
    expect(outcomeAt(calendar, scenario(FIRST, 0, 0.05)).most).not.toBe("unlimited");
  });

  it("are not known without its volatility, though the first expiry's alone would be", () => {
    const blind = [option(-1, "C", 100, 2), option(1, "C", 100, 4, SECOND, null)];
    expect(isKnownAt(blind, FIRST)).toBe(false);
    expect(profitAt(blind, 100, AT_EXPIRY)).toBeNaN();
    expect(isKnownAt([option(1, "C", 100, 2, FIRST, null)], FIRST)).toBe(true);
  });
});

describe("the model before expiry", () => {
  const legs = [option(1, "C", 105, 2), option(-2, "P", 95, 1), shares(50, 100)];

  it("has greeks that are the slopes of the profit", () => {
    const here = scenario(NOW, 0.02, 0.04);
    const found = modelGreeks(legs, 100, here);
    const slope = (step: number, at: (by: number) => number) => (at(step) - at(-step)) / (2 * step);
    expect(found.delta).toBeCloseTo(
      slope(1e-3, (by) => profitAt(legs, 100 + by, here)),
      4,
    );
    expect(found.gamma).toBeCloseTo(
      slope(1e-3, (by) => modelGreeks(legs, 100 + by, here).delta),
      4,
    );
    expect(found.vega).toBeCloseTo(
      slope(1e-5, (by) => profitAt(legs, 100, { ...here, shift: 0.02 + by })) / 100,
      3,
    );
    expect(found.theta).toBeCloseTo(
      slope(1, (days) => profitAt(legs, 100, { ...here, at_ms: NOW + days * DAY * 1e-3 })) * 1e3,
      3,
    );
  });

  it("becomes the payoff as time runs out", () => {
    expect(profitAt(legs, 108, scenario(FIRST - 1))).toBeCloseTo(profitAt(legs, 108, AT_EXPIRY), 4);
    expect(modelGreeks(legs, 108, AT_EXPIRY).delta).toBe(150);
  });
});

describe("the probability of profit", () => {
  const chance = (legs: PositionLeg[], forward: number, volatility: number, years: number) =>
    probabilityOfProfit(
      outcomeAt(legs, AT_EXPIRY),
      (spot) => isGainAt(legs, spot, AT_EXPIRY),
      forward,
      volatility,
      years,
    );

  it("is none where prices that end in tenths leave nothing but the noise of doubles", () => {
    const legs = [option(1, "C", 100, 0.3), option(-1, "C", 105, 0.1), option(-1, "C", 110, 0.2)].map(
      (leg) => ({ ...leg, multiplier: 1 }),
    );
    expect(profitAt(legs, 50, AT_EXPIRY)).toBeGreaterThan(0);
    const found = chance(legs, 100, 0.2, 0.25);
    const below = (spot: number) => normalCdf(Math.log(spot / 100) / 0.1 + 0.05);
    expect(found).toBeCloseTo(below(115) - below(100), 9);
  });

  it("is that of the normal distribution beyond the breakeven", () => {
    const found = chance([option(1, "C", 100, 5)], 100, 0.2, 0.25);
    expect(found).toBeCloseTo(1 - normalCdf(Math.log(1.05) / 0.1 + 0.05), 12);
  });

  it("of a position and of its opposite add up to one", () => {
    const sides = [1, -1].map((sign) => {
      const legs = [option(sign, "P", 95, 3), option(sign, "C", 105, 2)];
      return chance(legs, 101, 0.4, 0.1);
    });
    expect(sides[0]).toBeGreaterThan(0.1);
    expect(sides[0]! + sides[1]!).toBeCloseTo(1, 12);
  });
});
