// What a position is worth by the underlying's price: its profit at any time up to its first expiry, where that
// breaks even, how far it goes, its greeks. Exact at expiry where no leg outlives it; Black-76 elsewhere. Pure. After: quoted.ts.
import { type Greeks, greeks, intrinsic, normalCdf, optionPrice, yearsBetween } from "./blackScholes";

/** A leg with all that its worth follows from; money is in the position's one currency. */
export interface PositionLeg {
  /** Below zero sold. */
  readonly quantity: number;
  readonly multiplier: number;
  /** What one unit was bought or sold at. */
  readonly price: number;
  /** Null is the underlying itself. */
  readonly option: PositionOption | null;
}

export interface PositionOption {
  readonly right: "C" | "P";
  readonly strike: number;
  readonly expires_ms: number;
  /** A fraction a year, held whatever the underlying does; null where none is known. */
  readonly volatility: number | null;
}

/** When and under what the position is looked at. */
export interface Scenario {
  readonly at_ms: number;
  /** Added to the volatility of every leg, a fraction. */
  readonly shift: number;
  /** What the forward of an expiry grows by over the spot, per year. It is taken for the rate that discounts, too: so an
   * option far in the money is worth one of the underlying, whatever its price. */
  readonly carryOf: (expires_ms: number) => number;
}

/** The most or the least of a profit; unlimited where it goes on with the price. */
export type Extreme = number | "unlimited";

/** The profit at one moment by the underlying's price, as a whole. */
export interface Outcome {
  /** Rising. */
  readonly breakevens: readonly number[];
  readonly most: Extreme;
  readonly least: Extreme;
  /** Whether they follow from the contracts and prices alone, and no volatility. */
  readonly isExact: boolean;
}

export type Sensitivities = Pick<Greeks, "delta" | "gamma" | "theta" | "vega" | "rho">;

const LEAST_VOLATILITY = 0.001;
/** Profits closer to nothing than this part of what is at stake are nothing: the rest is the noise of doubles. */
const NOISE = 1e-10;
/** Prices that a profit which is no broken line is looked at, from a fifteenth of the lowest strike to fifteen times the
 * highest. */
const LOOKS = 320;
const REACH = 15;
const FAR = 1e6;
const HALVINGS = 60;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

const units = (leg: PositionLeg): number => leg.quantity * leg.multiplier;

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

/** The instant of the first expiry, or null where no leg is an option. */
export function firstExpiry(legs: readonly PositionLeg[]): number | null {
  const all = legs.flatMap((leg) => (leg.option ? [leg.option.expires_ms] : []));
  return all.length ? Math.min(...all) : null;
}

/** Whether the profit at that time follows from the contracts alone: no option has time left. */
export function isLinearAt(legs: readonly PositionLeg[], at_ms: number): boolean {
  return legs.every((leg) => !leg.option || leg.option.expires_ms <= at_ms);
}

/** Whether all volatilities are known that the profit at that time depends on. */
export function isKnownAt(legs: readonly PositionLeg[], at_ms: number): boolean {
  return legs.every((leg) => !leg.option || leg.option.expires_ms <= at_ms || leg.option.volatility !== null);
}

/** The profit at `spot`; NaN where it depends on a volatility that is not known. */
export function profitAt(legs: readonly PositionLeg[], spot: number, scenario: Scenario): number {
  return sum(legs, (leg) => units(leg) * (unitValue(leg.option, spot, scenario) - leg.price));
}

function unitValue(option: PositionOption | null, spot: number, { at_ms, shift, carryOf }: Scenario): number {
  if (!option) return spot;
  const { right, strike, expires_ms, volatility } = option;
  if (expires_ms <= at_ms) return intrinsic(right, spot, strike);
  if (volatility === null) return Number.NaN;
  const years = yearsBetween(at_ms, expires_ms);
  const growth = Math.exp(carryOf(expires_ms) * years);
  return optionPrice(right, spot * growth, strike, years, shifted(volatility, shift), 1 / growth);
}

function shifted(volatility: number, shift: number): number {
  return Math.max(volatility + shift, LEAST_VOLATILITY);
}

/** Greeks of the whole position by the model; NaN where a volatility that they depend on is not known. */
export function modelGreeks(legs: readonly PositionLeg[], spot: number, scenario: Scenario): Sensitivities {
  const all = legs.map((leg) => ({ of: unitGreeks(leg.option, spot, scenario), units: units(leg) }));
  const total = (name: keyof Sensitivities) => sum(all, (one) => one.units * one.of[name]);
  return {
    delta: total("delta"),
    gamma: total("gamma"),
    theta: total("theta"),
    vega: total("vega"),
    rho: total("rho"),
  };
}

const OF_THE_UNDERLYING: Sensitivities = { delta: 1, gamma: 0, theta: 0, vega: 0, rho: 0 };

function unitGreeks(option: PositionOption | null, spot: number, scenario: Scenario): Sensitivities {
  if (!option) return OF_THE_UNDERLYING;
  const { right, strike, expires_ms, volatility } = option;
  if (expires_ms <= scenario.at_ms) {
    const delta = intrinsic(right, spot, strike) > 0 ? (right === "C" ? 1 : -1) : 0;
    return { ...OF_THE_UNDERLYING, delta };
  }
  if (volatility === null) return { delta: NaN, gamma: NaN, theta: NaN, vega: NaN, rho: NaN };
  const years = yearsBetween(scenario.at_ms, expires_ms);
  const carry = scenario.carryOf(expires_ms);
  const forward = spot * Math.exp(carry * years);
  const found = greeks(right, forward, strike, years, shifted(volatility, scenario.shift), carry, carry);
  return { ...found, delta: found.spotDelta };
}

/** What the profit can become at one moment, over every price of the underlying from 0 on. */
export function outcomeAt(legs: readonly PositionLeg[], scenario: Scenario): Outcome {
  const isExact = isLinearAt(legs, scenario.at_ms);
  const profit = (spot: number): number => profitAt(legs, spot, scenario);
  const strikes = strikesOf(legs);
  // Above all strikes calls and the underlying gain as the underlying does, and puts are worth nothing.
  const size = sum(legs, (leg) => Math.abs(units(leg)));
  const slope = clean(
    sum(legs, (leg) => (leg.option?.right === "P" ? 0 : units(leg))),
    NOISE * size,
  );
  const noise = noiseOf(legs);
  const near = isExact ? [0, ...strikes] : looks(strikes);
  const points = near.map((spot): Point => [spot, clean(profit(spot), noise)]);
  const breakevens = crossings(points, isExact ? null : profit);
  const [last, value] = points.at(-1)!;
  // What is no broken line was looked at so far out that nothing turns beyond.
  if (isExact && value * slope < 0) breakevens.push(last - value / slope);
  let most = Math.max(...points.map(([, one]) => one));
  let least = Math.min(...points.map(([, one]) => one));
  if (!isExact) {
    most = Math.max(most, refined(points, profit, 1));
    least = Math.min(least, -refined(points, profit, -1));
  }
  return {
    breakevens,
    most: slope > 0 ? "unlimited" : most,
    least: slope < 0 ? "unlimited" : least,
    isExact,
  };
}

type Point = readonly [spot: number, profit: number];

/** The strikes, rising, each once. */
export function strikesOf(legs: readonly PositionLeg[]): readonly number[] {
  return [...new Set(legs.flatMap((leg) => (leg.option ? [leg.option.strike] : [])))].sort((a, b) => a - b);
}

/** Profits of these legs that are no larger are the noise of doubles. */
function noiseOf(legs: readonly PositionLeg[]): number {
  const stake = sum(legs, (leg) => Math.abs(units(leg)) * Math.max(leg.option?.strike ?? 0, leg.price));
  return NOISE * Math.max(stake, 1e-9);
}

/** Whether there is a profit at `spot`, and not only the noise of doubles. */
export function isGainAt(legs: readonly PositionLeg[], spot: number, scenario: Scenario): boolean {
  return profitAt(legs, spot, scenario) > noiseOf(legs);
}

function clean(value: number, noise: number): number {
  return Math.abs(value) <= noise ? 0 : value;
}

/** Prices to look at, in even steps of their logarithm, the strikes among them, and both ends far out. */
function looks(strikes: readonly number[]): readonly number[] {
  const [low, high] = [strikes[0]! / REACH, strikes.at(-1)! * REACH];
  const step = Math.log(high / low) / LOOKS;
  const even = Array.from({ length: LOOKS + 1 }, (_, index) => low * Math.exp(index * step));
  return [low / FAR, ...even, ...strikes, high * FAR].sort((a, b) => a - b);
}

/** Where the profit turns from loss to gain or back: on the line between two points, or with `profit` as near as doubles go. */
function crossings(points: readonly Point[], profit: ((spot: number) => number) | null): number[] {
  const found: number[] = [];
  for (const [index, [spot, value]] of points.entries()) {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before && before[1] * value < 0) {
      const [from, then] = before;
      found.push(profit ? halved(from, spot, profit) : from - (then * (spot - from)) / (value - then));
    }
    // A stretch of exactly nothing begins and ends at a breakeven; its inside is none.
    const isWithin = before?.[1] === 0 && after?.[1] === 0;
    if (value === 0 && spot > 0 && !isWithin) found.push(spot);
  }
  return found;
}

function halved(from: number, to: number, profit: (spot: number) => number): number {
  let [low, high] = [from, to];
  const isGain = profit(low) > 0;
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (low + high) / 2;
    if (profit(middle) > 0 === isGain) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The top of `sign` × profit, sought between the neighbours of the best point (golden section). */
function refined(points: readonly Point[], profit: (spot: number) => number, sign: 1 | -1): number {
  const best = points.reduce(
    (at, [, value], index) => (sign * value > sign * points[at]![1] ? index : at),
    0,
  );
  let low = points[Math.max(0, best - 1)]![0];
  let high = points[Math.min(points.length - 1, best + 1)]![0];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    if (sign * profit(left) > sign * profit(right)) high = right;
    else low = left;
  }
  return sign * profit((low + high) / 2);
}

/** How likely the profit is above nothing, where the logarithm of the price is normal round that of `forward`, which is
 * the mean, with `volatility` a year for `years`. `isGain` is asked between the breakevens. */
export function probabilityOfProfit(
  { breakevens }: Outcome,
  isGain: (spot: number) => boolean,
  forward: number,
  volatility: number,
  years: number,
): number {
  const total = volatility * Math.sqrt(years);
  const below = (spot: number): number => normalCdf(Math.log(spot / forward) / total + total / 2);
  const edges = [0, ...breakevens, Number.POSITIVE_INFINITY];
  let found = 0;
  for (const [index, from] of edges.slice(0, -1).entries()) {
    const to = edges[index + 1]!;
    const inside = Number.isFinite(to) ? (from + to) / 2 : Math.max(from, forward) * 2;
    if (isGain(inside)) found += (Number.isFinite(to) ? below(to) : 1) - (from > 0 ? below(from) : 0);
  }
  return found;
}
