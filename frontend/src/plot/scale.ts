// Scales of a plot: values to pixels, and round numbers for an axis. Pure; every plot of the page uses it.

export type Domain = readonly [low: number, high: number];

/** From values to pixels: `low` of the domain is at `from`, `high` at `to`. */
export function linear(domain: Domain, from: number, to: number): (value: number) => number {
  const width = domain[1] - domain[0];
  const each = width === 0 ? 0 : (to - from) / width;
  return (value) => from + (value - domain[0]) * each;
}

/** The smallest domain with all of `values`, and `room` of its width more on either side; null of none. */
export function domainOf(values: Iterable<number>, room = 0): Domain | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  // A single value stands in the middle of something.
  const width = high - low || Math.abs(low) * 0.1 || 1;
  const spare = high === low ? width / 2 : width * room;
  return [low - spare, high + spare];
}

/** Round numbers within the domain, about `count` of them: steps of 1, 2, 2.5 or 5 times a power of ten. */
export function ticks(domain: Domain, count: number): readonly number[] {
  const width = domain[1] - domain[0];
  if (!(width > 0) || count < 1) return [];
  const rough = width / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999)!;
  const found: number[] = [];
  // Counted, not added up: a sum of tenths drifts.
  for (let at = Math.ceil(domain[0] / step - 1e-9); at * step <= domain[1] + step * 1e-9; at += 1) {
    const value = at * step;
    found.push(Object.is(value, -0) ? 0 : Number(value.toPrecision(12)));
  }
  return found;
}

/** Of rising values, the one nearest to `wanted`; -1 of none. */
export function nearest(values: readonly number[], wanted: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  if (low === values.length) return values.length - 1;
  return low > 0 && wanted - values[low - 1]! <= values[low]! - wanted ? low - 1 : low;
}
