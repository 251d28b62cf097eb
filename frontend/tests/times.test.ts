import { afterEach, expect, it } from "vitest";
import { chooseTimes, clockTime, dayAndTime, minuteTime, ofFeed, zone, zoneName } from "../src/times";

const NOON = Date.UTC(2026, 1, 20, 12, 0, 5);
const exchanges = { simulated: "America/New_York" };

afterEach(() => chooseTimes({ times: "own", own: "", exchanges: {} }));

it("tells times in the browser's zone, the account's, the exchange's or UTC", () => {
  expect(zone()).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
  chooseTimes({ times: "own", own: "Asia/Tokyo", exchanges });
  expect([clockTime(NOON), zoneName()]).toEqual(["21:00:05", "Asia/Tokyo"]);
  chooseTimes({ times: "exchange", own: "Asia/Tokyo", exchanges });
  ofFeed("simulated");
  expect([clockTime(NOON), zoneName()]).toEqual(["07:00:05", "America/New York"]);
  ofFeed("deribit");
  expect([minuteTime(NOON), zoneName()]).toEqual(["12:00", "UTC"]);
  chooseTimes({ times: "utc", own: "Asia/Tokyo", exchanges });
  expect([minuteTime(NOON), zoneName()]).toEqual(["12:00", "UTC"]);
});

it("names the day where it is another one in that zone", () => {
  chooseTimes({ times: "own", own: "Asia/Tokyo", exchanges });
  const hours = 3_600_000;
  expect(dayAndTime(NOON, NOON + 2 * hours)).toBe("21:00");
  expect(dayAndTime(NOON, NOON + 4 * hours)).toBe("Fri 20 Feb 21:00");
});

it("writes midnight as 00:00", () => {
  chooseTimes({ times: "utc", own: "", exchanges });
  expect(minuteTime(Date.UTC(2026, 1, 20))).toBe("00:00");
});

it("falls back to the browser's zone where it does not know the account's", () => {
  chooseTimes({ times: "own", own: "Moon/Tranquility", exchanges });
  expect(zone()).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
});
