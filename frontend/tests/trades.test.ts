import { expect, test } from "vitest";
import { MOST, stored, type Trade, withLast } from "../src/detail/trades";

test("stored trades come newest first, at the venue's time", () => {
  const found = stored([
    {
      received_at: "2026-01-15T12:00:00.500000Z",
      traded_at: "2026-01-15T12:00:00.250000Z",
      price: 2.4,
      size: 3,
      trade_id: "a",
    },
    {
      received_at: "2026-01-15T12:00:02.000000Z",
      traded_at: "2026-01-15T12:00:01.750000Z",
      price: 2.5,
      size: 1,
      trade_id: null,
    },
  ]);
  const noon = Date.UTC(2026, 0, 15, 12);
  expect(found).toEqual([
    { at_ms: noon + 1750, price: 2.5, size: 1 },
    { at_ms: noon + 250, price: 2.4, size: 3 },
  ]);
});

test("a row adds its last trade once, and none without a time", () => {
  let seen: readonly Trade[] = withLast([], 2.4, null, 1);
  expect(seen).toEqual([]);
  seen = withLast(seen, 2.4, 1000, 5);
  seen = withLast(seen, 2.4, 1000, 5);
  seen = withLast(seen, null, 2000, null);
  seen = withLast(seen, 2.3, 900, 1); // older than what is known
  expect(seen).toEqual([{ at_ms: 1000, price: 2.4, size: 5 }]);
  // Another price within the same ms is another trade.
  seen = withLast(seen, 2.45, 1000, null);
  expect(seen.map(({ price, size }) => [price, size])).toEqual([
    [2.45, null],
    [2.4, 5],
  ]);
});

test("no more are kept than are shown", () => {
  let seen: readonly Trade[] = [];
  for (let n = 0; n < MOST + 9; n += 1) seen = withLast(seen, n, n, n);
  expect(seen.length).toBe(MOST);
  expect(seen[0]?.price).toBe(MOST + 8);
});
