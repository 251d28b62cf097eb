import { describe, expect, it } from "vitest";
import { serverTime } from "../src/clock";
import { LatencyMeter, mergedBetween, NO_READOUT } from "../src/latency";
import { makeStatus } from "./builders";

const TERM = 2 ** 24;

describe("the latency readout", () => {
  it("shows the middle and the slowest hundredth of the last ten seconds, and rows a second", () => {
    const meter = new LatencyMeter();
    meter.arrived({ lag: 900, wait: 900, merged: 900 }, 0);
    meter.drawn(900, 0);
    for (let k = 0; k < 200; k += 1) {
      const at = 11_000 + k * 50;
      meter.arrived({ lag: k % 100, wait: k < 197 ? 4 : 70, merged: k % 2 }, at);
      meter.drawn(6, at);
    }
    const read = meter.read(20_999);
    expect(read.venue_to_ingest).toEqual({ p50: 49, p99: 98 });
    expect(read.ingest_to_server).toEqual({ p50: 4, p99: 70 });
    expect(read.server_to_screen).toEqual({ p50: 6, p99: 6 });
    expect(read.rows_per_second).toBeCloseTo(20, 0);
    expect(read.merged).toBeCloseTo(1 / 3, 2);
  });

  it("shows nothing where there is nothing", () => {
    expect(new LatencyMeter().read(5)).toEqual(NO_READOUT);
  });

  it("takes a clock that is off by a little for no delay, not for a negative one", () => {
    const meter = new LatencyMeter();
    meter.drawn(-0.4, 0);
    meter.arrived({ lag: -3, wait: -0.4, merged: 0 }, 0);
    const read = meter.read(0);
    expect([read.server_to_screen?.p50, read.ingest_to_server?.p50]).toEqual([0, 0]);
    // That the venue's clock is ahead of ours is worth knowing.
    expect(read.venue_to_ingest?.p50).toBe(-3);
  });

  it("holds a bounded number of samples, of all the time", () => {
    const meter = new LatencyMeter();
    for (let k = 0; k < 9000; k += 1) meter.arrived({ lag: k < 4500 ? 1 : 3, wait: null, merged: 0 }, k);
    expect(meter.read(9000).venue_to_ingest?.p99).toBe(3);
    expect(meter.read(9000).rows_per_second).toBeCloseTo(1000, -1);
  });
});

it("what was merged is the hole between two numbers, within a leader's term", () => {
  expect(mergedBetween(7 * TERM + 4, 7 * TERM + 5)).toBe(0);
  expect(mergedBetween(7 * TERM + 4, 7 * TERM + 9)).toBe(4);
  expect(mergedBetween(7 * TERM + 4, 8 * TERM + 9)).toBe(0);
  expect(mergedBetween(null, 9)).toBe(0);
});

it("a feed's time is one of the server's, also where it runs at another rate", () => {
  const replay = makeStatus({ time_ms: 1000, clock_offset_ms: -500, clock_rate: 10 });
  expect([serverTime(replay, 500), serverTime(replay, 700)]).toEqual([1000, 1020]);
});
