// What of a payoff a chart shows: which prices, which profits, and the points of its curves. Pure. After: chart.ts, PayoffView.
import type { Domain } from "../plot/scale";

/** Points between which a curve of the model is drawn straight. */
const SAMPLES = 140;
/** Room beyond what has to be seen, as a part of it. */
const ROOM = 0.12;
/** Expected moves to each side of the price that are worth seeing. */
const MOVES = 2.5;
/** As long as what has to be seen takes this part of what is shown, the axis stays where it is. */
const FILLED = 0.45;

export interface CurvePoint {
  readonly spot: number;
  readonly profit: number;
}

/** Prices that have to be seen: the strikes, the price, the likely ones, the breakevens that are not far off. */
export function neededPrices(
  spot: number,
  strikes: readonly number[],
  breakevens: readonly number[],
  move: number | null,
): Domain {
  const near = breakevens.filter((price) => price > spot / 2 && price < spot * 2);
  const reach = move === null || move <= 0 ? spot * 0.1 : move * MOVES;
  const all = [spot - reach, spot + reach, ...strikes, ...near];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low) * ROOM;
  return [Math.max(0, low - room), high + room];
}

/** What an axis shows: what it showed, while that holds all that is needed and not much more. */
export function kept(before: Domain | null, needed: Domain): Domain {
  if (!before) return needed;
  const holds = before[0] <= needed[0] && before[1] >= needed[1];
  const filled = (needed[1] - needed[0]) / (before[1] - before[0]);
  if (holds && filled >= FILLED) return before;
  // A little more than now, so that the next small move moves nothing.
  const spare = (needed[1] - needed[0]) * 0.05;
  return [needed[0] === 0 ? 0 : Math.max(0, needed[0] - spare), needed[1] + spare];
}

/** The same for profits, which may be below nothing; nothing itself is always seen. */
export function keptProfits(before: Domain | null, profits: Iterable<number>): Domain {
  let [low, high] = [0, 0];
  for (const profit of profits) {
    low = Math.min(low, profit);
    high = Math.max(high, profit);
  }
  if (low === high) [low, high] = [-1, 1];
  const room = (high - low) * 0.08;
  const needed: Domain = [low - room, high + room];
  if (!before) return needed;
  const holds = before[0] <= low && before[1] >= high;
  return holds && (high - low) / (before[1] - before[0]) >= FILLED ? before : needed;
}

/** A curve over `prices`. One that is a broken line gets its corners alone, and so is sharp. */
export function curveOf(
  profit: (spot: number) => number,
  prices: Domain,
  corners: readonly number[],
  isLinear: boolean,
): readonly CurvePoint[] {
  const [low, high] = prices;
  const inside = corners.filter((spot) => spot > low && spot < high);
  const even = isLinear
    ? []
    : Array.from({ length: SAMPLES - 1 }, (_, index) => low + ((index + 1) / SAMPLES) * (high - low));
  // At no price at all the model has no value.
  const first = low > 0 || isLinear ? low : high * 1e-6;
  return [first, ...[...inside, ...even].sort((a, b) => a - b), high].map((spot) => ({
    spot,
    profit: profit(spot),
  }));
}
