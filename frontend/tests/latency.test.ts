import { describe, expect, it } from "vitest";
import { LatencyMeter } from "../src/latency";

describe("the latency readout", () => {
  it("shows medians of the last ten seconds and rows a second", () => {
    const meter = new LatencyMeter();
    meter.arrived([900, 900, 900], 0);
    meter.drawn(900, 0);
    for (let at = 11_000; at < 21_000; at += 1000) {
      meter.arrived([1, 2, 3], at);
      meter.drawn(6, at);
    }
    expect(meter.read(20_900)).toMatchObject({ venue_to_ingest_ms: 2, server_to_screen_ms: 6 });
    expect(meter.read(20_900).rows_per_second).toBeCloseTo(3, 0);
  });

  it("shows nothing where there is nothing", () => {
    expect(new LatencyMeter().read(5)).toEqual({
      venue_to_ingest_ms: null,
      server_to_screen_ms: null,
      rows_per_second: 0,
    });
  });

  it("takes a clock that is off by a little for no delay, not for a negative one", () => {
    const meter = new LatencyMeter();
    meter.drawn(-0.4, 0);
    expect(meter.read(0).server_to_screen_ms).toBe(0);
  });
});
