import { describe, expect, it } from "vitest";
import { feedTime, median, ServerClock } from "../src/clock";
import { makeStatus } from "./builders";

describe("the server's clock", () => {
  it("is the median of the quickest round trips, whatever the slow ones say", () => {
    const clock = new ServerClock();
    for (const offset of [99, 100, 101, 100, 100]) clock.sample(1000, 1005 + offset, 1010);
    for (let slow = 0; slow < 8; slow += 1) clock.sample(1000, 1900 + 100, 2000);
    expect(clock.offsetMs).toBe(100);
  });

  it("is known to half of the slowest round trip that it is made of", () => {
    const clock = new ServerClock();
    expect(clock.uncertaintyMs).toBeNull();
    for (const trip of [10, 4, 6, 8, 12, 90]) clock.sample(0, 100, trip);
    expect(clock.uncertaintyMs).toBe(6);
  });

  it("forgets old samples, and so follows a server that was set", () => {
    const clock = new ServerClock();
    for (let round = 0; round < 16; round += 1) clock.sample(0, 5, 10);
    for (let round = 0; round < 16; round += 1) clock.sample(0, 5005, 10);
    expect(clock.offsetMs).toBe(5000);
  });

  it("takes a guess only until the first answer", () => {
    const clock = new ServerClock();
    clock.sample(0, 105, 10);
    clock.guess(0);
    expect(clock.offsetMs).toBe(100);
  });
});

describe("a feed's clock", () => {
  it("runs at the feed's rate from the moment of its status on", () => {
    const status = makeStatus({ time_ms: 1000, clock_offset_ms: -500, clock_rate: 10 });
    expect(feedTime(status, 1000)).toBe(500);
    expect(feedTime(status, 1100)).toBe(1500);
  });
});

it("takes the mean of the middle two of an even number", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
