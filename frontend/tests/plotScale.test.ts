import { expect, test } from "vitest";
import { domainOf, linear, nearest, ticks } from "../src/plot/scale";

test("values become pixels, also downwards", () => {
  const y = linear([10, 20], 100, 0);
  expect([y(10), y(15), y(20)]).toEqual([100, 50, 0]);
  expect(linear([5, 5], 0, 100)(5)).toBe(0);
});

test("a domain has all that is a number, and room around it", () => {
  expect(domainOf([3, Number.NaN, -1, 7])).toEqual([-1, 7]);
  expect(domainOf([0, 10], 0.1)).toEqual([-1, 11]);
  expect(domainOf([])).toBeNull();
  expect(domainOf([20])).toEqual([19, 21]);
  expect(domainOf([0])).toEqual([-0.5, 0.5]);
});

test("an axis has round numbers within its domain", () => {
  expect(ticks([0.13, 0.41], 6)).toEqual([0.15, 0.2, 0.25, 0.3, 0.35, 0.4]);
  expect(ticks([-0.3, 0.3], 6)).toEqual([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]);
  expect(ticks([95, 131], 4)).toEqual([100, 110, 120, 130]);
  expect(ticks([4, 4], 4)).toEqual([]);
  expect(ticks([0, 23_000], 3)).toEqual([0, 10_000, 20_000]);
});

test("the nearest of rising values", () => {
  const values = [1, 2, 4, 8];
  expect([0, 1.4, 1.5, 3.1, 7, 99].map((one) => nearest(values, one))).toEqual([0, 0, 0, 2, 3, 3]);
  expect(nearest([], 1)).toBe(-1);
});
