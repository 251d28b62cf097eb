// One expiry's smile, and what is read off it: volatility at a delta or at a strike, risk reversal and butterfly. Pure.
// Nothing is continued beyond what is quoted: where one of two neighbours is missing, so is the value.
import { Flag } from "../protocol";

/** One strike, seen from its out-of-the-money option: the call from the forward up, the put below. Implied volatilities
 * are fractions per year; null is unknown. */
export interface Point {
  readonly strike: number;
  /** ln(strike / forward) */
  readonly log_moneyness: number;
  readonly right: "C" | "P";
  readonly symbol: string | null;
  /** That option's own: negative for a put. */
  readonly delta: number | null;
  readonly bid_iv: number | null;
  readonly mark_iv: number | null;
  readonly ask_iv: number | null;
  readonly flags: number | null;
}

/** Of the mark, else the middle of bid and ask, as the server takes it at the money; null where neither is known. */
export function volatilityAt(point: Point): number | null {
  if (point.mark_iv) return point.mark_iv;
  return point.bid_iv && point.ask_iv ? (point.bid_iv + point.ask_iv) / 2 : null;
}

/** Linear in `x` between the nearest points on both sides of `wanted`; null where one side has none. */
export function between(points: Iterable<readonly [x: number, y: number]>, wanted: number): number | null {
  let below: readonly [number, number] | null = null;
  let above: readonly [number, number] | null = null;
  for (const point of points) {
    if (point[0] <= wanted && (below === null || point[0] > below[0])) below = point;
    if (point[0] >= wanted && (above === null || point[0] < above[0])) above = point;
  }
  if (below === null || above === null) return null;
  if (above[0] === below[0]) return below[1];
  return below[1] + ((above[1] - below[1]) * (wanted - below[0])) / (above[0] - below[0]);
}

/** Volatility at that delta, which is negative for puts: linear in delta between the strikes next to it. At the money it goes
 * over from puts to calls, the put of delta −0.4 standing where the call of 0.6 would. */
export function atDelta(points: readonly Point[], delta: number): number | null {
  return between(known(points, deltaPlace), delta < 0 ? -delta : 1 - delta);
}

/** Volatility at a strike of e^`logMoneyness` times the forward: linear in log-moneyness. */
export function atMoneyness(points: readonly Point[], logMoneyness: number): number | null {
  return between(
    known(points, (point) => point.log_moneyness),
    logMoneyness,
  );
}

function* known(
  points: readonly Point[],
  place: (point: Point) => number | null,
): Generator<readonly [number, number]> {
  for (const point of points) {
    const x = place(point);
    const volatility = volatilityAt(point);
    if (x !== null && volatility !== null) yield [x, volatility];
  }
}

export interface Skew {
  readonly put: number | null;
  readonly call: number | null;
  readonly risk_reversal: number | null;
  readonly butterfly: number | null;
}

/** At a delta of `size` (0.25) on both sides, with σ at the money: the risk reversal σ(call) − σ(put), which is negative
 * where puts are dearer, and the butterfly (σ(call) + σ(put)) / 2 − σ(at the money).
 *
 * Source: A. Castagna, F. Mercurio, "The vanna-volga method for implied volatilities", Risk, January 2007. */
export function skew(points: readonly Point[], atTheMoney: number | null, size = 0.25): Skew {
  const put = atDelta(points, -size);
  const call = atDelta(points, size);
  const both = put !== null && call !== null;
  return {
    put,
    call,
    risk_reversal: both ? call - put : null,
    butterfly: both && atTheMoney !== null ? (call + put) / 2 - atTheMoney : null,
  };
}

/** Where a point stands by delta, from the low strikes up: puts by the size of their delta from 0 to 0.5, calls by 1 − delta
 * from 0.5 to 1, so that 0.25 is the put of delta −0.25 and 0.75 the call of 0.25. */
export function deltaPlace(point: Point): number | null {
  if (point.delta === null) return null;
  return point.right === "P" ? -point.delta : 1 - point.delta;
}

/** `25P`, `ATM`, `25C` for a place by delta. */
export function deltaName(place: number): string {
  const size = Math.round((place < 0.5 ? place : 1 - place) * 100);
  if (size >= 50) return "ATM";
  return `${size}${place < 0.5 ? "P" : "C"}`;
}

/** Who computed the greeks and volatilities of a row with these flags. */
export function computedBy(flags: number | null): string {
  if (flags === null) return "";
  return flags & Flag.modelGreeks ? "our model" : "the venue";
}

/** Why a point has no volatility; empty where it has one. */
export function whyNone(point: Point): string {
  if (volatilityAt(point) !== null) return "";
  const option = point.right === "C" ? "call" : "put";
  if (point.symbol === null) return `no ${option} is offered at this strike`;
  if (point.flags === null) return `the ${option} has not quoted yet`;
  if (point.flags & Flag.noBid && point.flags & Flag.noAsk) return `the ${option} has neither bid nor ask`;
  if (point.flags & Flag.noBid) return `the ${option} has no bid`;
  if (point.flags & Flag.noAsk) return `the ${option} has no ask`;
  return "no volatility is told for it, nor can one be computed from its price";
}
