// Volume and open interest by strike, their sums and ratios, and the strike of max pain. Pure. What is unknown is not
// counted as 0: a sum of nothing known is null.

export interface Interest {
  readonly strike: number;
  /** Contracts. */
  readonly call_volume: number | null;
  readonly put_volume: number | null;
  readonly call_open_interest: number | null;
  readonly put_open_interest: number | null;
}

export type Measure = "volume" | "open_interest";

/** What two know of, together; null where neither does. */
export function plus(one: number | null, other: number | null): number | null {
  return one === null ? other : other === null ? one : one + other;
}

/** Several expiries as one: the sums of each strike, by rising strike. */
export function merged(expiries: readonly (readonly Interest[])[]): readonly Interest[] {
  const found = new Map<number, Interest>();
  for (const one of expiries.flat()) {
    const held = found.get(one.strike);
    found.set(
      one.strike,
      held
        ? {
            strike: one.strike,
            call_volume: plus(held.call_volume, one.call_volume),
            put_volume: plus(held.put_volume, one.put_volume),
            call_open_interest: plus(held.call_open_interest, one.call_open_interest),
            put_open_interest: plus(held.put_open_interest, one.put_open_interest),
          }
        : one,
    );
  }
  return [...found.values()].sort((a, b) => a.strike - b.strike);
}

export interface Totals {
  readonly call: number | null;
  readonly put: number | null;
  /** Puts over calls; null where either is unknown, or no call is counted. */
  readonly ratio: number | null;
}

export function totals(strikes: readonly Interest[], measure: Measure): Totals {
  const sum = (side: "call" | "put") =>
    strikes.reduce<number | null>((total, one) => plus(total, one[`${side}_${measure}`]), null);
  const [call, put] = [sum("call"), sum("put")];
  return { call, put, ratio: put === null || !call ? null : put / call };
}

/** The strike of one expiry at which the holders of all open options would be paid least, were the underlying to settle
 * there: that makes Σ calls·max(K − strike, 0) + Σ puts·max(strike − K, 0) least over the strikes K. Of several such the
 * lowest; null without open interest.
 *
 * Source: I. Filippou, P. Garcia-Ares, F. Zapatero, "No Max Pain, No Max Gain: Stock Return Predictability at Options
 * Expiration", 2022. */
export function maxPain(strikes: readonly Interest[]): number | null {
  if (!strikes.some((one) => (one.call_open_interest ?? 0) > 0 || (one.put_open_interest ?? 0) > 0))
    return null;
  let best: readonly [strike: number, paid: number] | null = null;
  for (const { strike } of strikes) {
    const paid = strikes.reduce(
      (total, one) =>
        total +
        (one.call_open_interest ?? 0) * Math.max(strike - one.strike, 0) +
        (one.put_open_interest ?? 0) * Math.max(one.strike - strike, 0),
      0,
    );
    if (best === null || paid < best[1]) best = [strike, paid];
  }
  return best?.[0] ?? null;
}
