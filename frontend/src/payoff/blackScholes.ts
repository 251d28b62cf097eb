// Values and greeks of European options, as marketdata/greeks.py has them: Black-76 on a forward and a discount factor, in
// the same units. Pure. After: position.ts.

export const MS_PER_DAY = 86_400_000;
/** Years of 365 days, as the greeks of the server and of venues count them. */
const DAYS_PER_YEAR = 365;

export interface Greeks {
  /** Of the undiscounted price to the forward. */
  readonly delta: number;
  /** Of the price to the spot. */
  readonly spotDelta: number;
  /** The second derivative to the spot. */
  readonly gamma: number;
  /** Per calendar day, the spot standing still. */
  readonly theta: number;
  /** Per point (0.01) of volatility. */
  readonly vega: number;
  /** Per point (0.01) of the rate, the forward moving with it. */
  readonly rho: number;
}

export function yearsBetween(from_ms: number, to_ms: number): number {
  return (to_ms - from_ms) / (MS_PER_DAY * DAYS_PER_YEAR);
}

// Both from the highest power down.
const NUMERATOR = [
  0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
  221.213596169931, 220.206867912376,
];
const DENOMINATOR = [
  0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
  793.826512519948, 440.413735824752,
];

/** The standard normal distribution function, right to about 1e-15: Hart's double-precision approximation, as in
 * G. West, "Better approximations to cumulative normal functions" (2005). */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  const size = Math.abs(x);
  let tail = 0;
  if (size <= 37) {
    const density = Math.exp((-size * size) / 2);
    tail =
      size < 7.07106781186547
        ? (density * polynomial(NUMERATOR, size)) / polynomial(DENOMINATOR, size)
        : density /
          (size + 1 / (size + 2 / (size + 3 / (size + 4 / (size + 0.65))))) /
          Math.sqrt(2 * Math.PI);
  }
  return x > 0 ? 1 - tail : tail;
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

function normalPdf(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** What an option is worth when it is exercised. */
export function intrinsic(right: "C" | "P", spot: number, strike: number): number {
  return Math.max(right === "C" ? spot - strike : strike - spot, 0);
}

/** Value today; `discount` is the value today of one unit at expiry. At no time or volatility it is the discounted
 * intrinsic value; NaN where a number is impossible. */
export function optionPrice(
  right: "C" | "P",
  forward: number,
  strike: number,
  years: number,
  volatility: number,
  discount = 1,
): number {
  const isPossible = forward > 0 && strike > 0 && years >= 0 && volatility >= 0 && discount > 0;
  if (!isPossible || !Number.isFinite(forward + strike + years + volatility)) return Number.NaN;
  const total = Math.max(volatility * Math.sqrt(years), 1e-300);
  const d1 = Math.log(forward / strike) / total + total / 2;
  // The out-of-the-money side is priced, and parity adds the rest: the difference of two large numbers would leave noise
  // where an in-the-money option has a thin time value.
  const side = forward > strike ? -1 : 1;
  const thin = side * (forward * normalCdf(side * d1) - strike * normalCdf(side * (d1 - total)));
  return discount * (intrinsic(right, forward, strike) + Math.max(thin, 0));
}

/** `rate` discounts, `carry` is what the forward grows by over the spot; both continuous and per year. */
export function greeks(
  right: "C" | "P",
  forward: number,
  strike: number,
  years: number,
  volatility: number,
  rate = 0,
  carry = 0,
): Greeks {
  const sign = right === "C" ? 1 : -1;
  const root = Math.sqrt(years);
  const total = volatility * root;
  const d1 = Math.log(forward / strike) / total + total / 2;
  const density = normalPdf(d1);
  const delta = sign * normalCdf(sign * d1);
  const exercised = normalCdf(sign * (d1 - total));
  const discount = Math.exp(-rate * years);
  const growth = Math.exp(carry * years);
  const value = discount * (forward * delta - strike * sign * exercised);
  const decay = (discount * forward * density * volatility) / (2 * root);
  return {
    delta,
    spotDelta: discount * growth * delta,
    gamma: (discount * growth * growth * density) / (forward * total),
    theta: (rate * value - carry * discount * forward * delta - decay) / DAYS_PER_YEAR,
    vega: (discount * forward * density * root) / 100,
    rho: (sign * years * strike * discount * exercised) / 100,
  };
}
