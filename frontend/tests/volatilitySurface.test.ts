import { expect, test } from "vitest";
import {
  COLUMNS,
  cellOf,
  daysOf,
  liveSmile,
  originOf,
  type Surface,
  type SurfaceExpiry,
  type SurfacePoint,
  symbolsOf,
  usualExpiries,
} from "../src/volatility/surface";
import { choicesOf } from "../src/volatility/volatility";
import { makeColumns, makeRow } from "./builders";

function point(strike: number, changes: Partial<SurfacePoint> = {}): SurfacePoint {
  return {
    strike,
    log_moneyness: Math.log(strike / 100),
    right: strike < 100 ? "P" : "C",
    symbol: `X${strike}`,
    delta: strike < 100 ? -0.25 : 0.25,
    bid_iv: 0.19,
    mark_iv: 0.2,
    ask_iv: 0.21,
    flags: 0,
    call_volume: null,
    put_volume: null,
    call_open_interest: null,
    put_open_interest: null,
    ...changes,
  };
}

function expiry(
  name: string,
  days: number | null,
  points: readonly SurfacePoint[] = [point(90), point(110)],
) {
  const made: SurfaceExpiry = {
    name,
    expiry: name,
    root: "X",
    cycle: "monthly",
    expires_at: "2026-03-20T21:00:00.000000Z",
    days_left: days,
    strikes: points.length,
    options: 2 * points.length,
    forward: 100,
    at_the_money_volatility: 0.18,
    expected_move: 5,
    received_at: "2026-03-18T09:00:00.000000Z",
    points,
  };
  return made;
}

test("live rows take the place of what REST said, and move the forward", () => {
  const quoted = Date.parse("2026-03-18T09:00:07Z");
  const rows = new Map([
    [
      "X90",
      makeRow({
        venue_time_ms: quoted + 5,
        lag_ms: 20,
        underlying_price: 102,
        implied_volatility: 0.3,
        delta: -0.2,
        flags: 8,
      }),
    ],
    ["X110", makeRow({ venue_time_ms: quoted + 2, lag_ms: 90, underlying_price: 101, bid_iv: 0.1 })],
  ]);
  const found = liveSmile(
    expiry("a", 10, [point(90), point(110), point(120)]),
    (symbol) => rows.get(symbol),
    makeColumns(),
  );
  // The newest by the venue's time counts.
  expect(found.forward).toBe(102);
  expect(found.received_at).toBe("2026-03-18T09:00:07.092Z");
  expect(found.points.map((one) => one.mark_iv)).toEqual([0.3, null, 0.2]);
  expect(found.points.map((one) => one.flags)).toEqual([8, 0, 0]);
  // Unknown in the row is unknown, whatever was known before.
  expect(found.points[1]).toMatchObject({ bid_iv: 0.1, ask_iv: null, delta: null });
  expect(found.points.map((one) => one.log_moneyness)).toEqual(
    [90, 110, 120].map((strike) => Math.log(strike / 102)),
  );
});

test("a row of a file says what it is of: the price, and the newest quote of its expiries", () => {
  const [early, late] = [expiry("a", 10), { ...expiry("b", 20), received_at: "2026-03-18T09:00:01.000000Z" }];
  const unheard = { ...expiry("c", 30), received_at: null };
  const surface = { underlying_price: 101.5 } as Surface;
  expect(originOf(surface, [late, unheard, early])).toEqual([101.5, late.received_at]);
  expect(originOf(surface, [unheard])).toEqual([101.5, null]);
});

test("without rows it is as REST said", () => {
  const one = expiry("a", 10);
  const found = liveSmile(one, () => undefined, makeColumns());
  expect(found.forward).toBe(100);
  expect(found.received_at).toBe("2026-03-18T09:00:00.000Z");
  expect(found.points.map((each) => each.mark_iv)).toEqual([0.2, 0.2]);
});

test("of many strikes those nearest to the forward are subscribed, each once", () => {
  const wide = expiry("a", 10, [point(50), point(95), point(100), point(105, { symbol: null }), point(180)]);
  expect(symbolsOf(wide, 2)).toEqual(["X100", "X95"]);
  expect(symbolsOf(wide, 99)).toEqual(["X100", "X180", "X50", "X95"]);
});

test("the expiries to begin with are near, at 30 and at 90 days, in order and each once", () => {
  const all = [0.4, 3, 24, 38, 85, 200].map((days) => expiry(`d${days}`, days));
  expect(usualExpiries(all)).toEqual(["d3", "d24", "d85"]);
  expect(usualExpiries([expiry("only", 40)])).toEqual(["only"]);
  expect(usualExpiries([expiry("today", 0.2)])).toEqual(["today"]);
  expect(usualExpiries([])).toEqual([]);
});

test("days left are those at the newest quote while the feed's time is unknown", () => {
  expect(daysOf(expiry("a", 7))).toBe(7);
  expect(daysOf(expiry("a", null))).toBe(2.5);
  expect(daysOf({ ...expiry("a", null), received_at: null })).toBeNull();
});

test("a cell is of its delta or its part of the forward, and blank beyond what is quoted", () => {
  const one = expiry("a", 10, [
    point(90, { delta: -0.2, mark_iv: 0.3 }),
    point(110, { delta: 0.2, mark_iv: 0.2 }),
  ]);
  const at = (across: "delta" | "moneyness", name: string) =>
    cellOf(one, across, COLUMNS[across].find((column) => column.name === name)!);
  expect(at("delta", "ATM")).toBe(0.18); // the server's own
  expect(at("delta", "25P")).toBeCloseTo(0.3 - 0.1 * (0.05 / 0.6), 12);
  expect(at("delta", "15C")).toBeNull();
  expect(at("moneyness", "90 %")).toBeCloseTo(0.3, 12);
  expect(at("moneyness", "100 %")).toBeCloseTo(0.3 - (0.1 * Math.log(100 / 90)) / Math.log(110 / 90), 12);
  expect(at("moneyness", "115 %")).toBeNull();
});

test("kept choices are taken one by one, and what is not understood is as usual", () => {
  expect(choicesOf(null)).toBeNull();
  expect(choicesOf("smiles")).toBeNull();
  expect(choicesOf({ tab: "surface", axis: "wings", across: "moneyness", measure: 3 })).toEqual({
    tab: "surface",
    axis: "strike",
    across: "moneyness",
    measure: "open_interest",
  });
});
