import { describe, expect, it } from "vitest";
import { badge, isStale, type Moment, staleWhy, wordsFor } from "../src/health";
import type { FeedStatus } from "../src/protocol";
import type { Connection } from "../src/socket";
import { clockTime } from "../src/times";
import { makeStatus } from "./builders";

const NOW: Moment = { our_ms: 5_000_000, server_ms: 1_000_000, heard_ms: 4_999_000 };
const OPEN: Connection = { phase: "open" };

function text(connection: Connection, ...feeds: ReturnType<typeof makeStatus>[]): string {
  return wordsFor(connection, feeds, NOW).text;
}

describe("the connection in words", () => {
  it.each<[Connection, string]>([
    [{ phase: "waiting", until_ms: NOW.our_ms + 2400, reason: "" }, "Reconnecting in 3 s…"],
    [
      { phase: "waiting", until_ms: NOW.our_ms + 100, reason: "restarting" },
      "The server is restarting. Reconnecting in 1 s…",
    ],
    [
      { phase: "waiting", until_ms: NOW.our_ms + 9100, reason: "too many" },
      "Too many connections. Reconnecting in 10 s…",
    ],
    [{ phase: "silent", since_ms: NOW.our_ms - 4700 }, "No answer for 4 s"],
    [{ phase: "signed_out" }, "Signed out"],
    [{ phase: "refused", reason: "the account is disabled" }, "Not allowed: the account is disabled"],
    [{ phase: "connecting" }, "Reconnecting…"],
  ])("%o", (connection, words) => expect(text(connection, makeStatus())).toBe(words));

  it("at first it is only connecting, and nothing is old yet", () => {
    const words = wordsFor({ phase: "connecting" }, [], { ...NOW, heard_ms: null });
    expect(words).toMatchObject({ text: "Connecting…", tone: "busy", since_ms: null });
  });
});

describe("the feed in words", () => {
  it("is live", () => expect(text(OPEN, makeStatus())).toBe("Live"));

  it("counts silence on between two statuses", () => {
    const stale = makeStatus({ health: "stale", age_ms: 3200 });
    const later = { ...NOW, our_ms: NOW.our_ms + 2000, server_ms: NOW.server_ms + 2000 };
    expect(wordsFor(OPEN, [stale], later)).toMatchObject({
      text: "No data from the feed for 5 s",
      tone: "bad",
      since_ms: NOW.our_ms - 3200,
    });
  });

  it("says why it is down", () => {
    expect(text(OPEN, makeStatus({ health: "down", reason: "the key was refused" }))).toBe(
      "Feed is down: the key was refused",
    );
  });

  it("tells the worst of several by name", () => {
    const words = text(OPEN, makeStatus(), makeStatus({ feed: "replay", health: "stale", age_ms: 4000 }));
    expect(words).toBe("No data from replay for 4 s");
  });

  it("a closed market is no trouble, and dims nothing", () => {
    const closed = makeStatus({ health: "closed", age_ms: null });
    expect(wordsFor(OPEN, [closed], NOW)).toMatchObject({
      text: "Market closed",
      tone: "calm",
      since_ms: null,
    });
    expect(isStale(OPEN, closed)).toBe(false);
  });

  it("no feed at all is trouble", () => expect(wordsFor(OPEN, [], NOW).tone).toBe("bad"));
});

it("rows are stale while their feed is, or while there is no connection", () => {
  expect(isStale(OPEN, makeStatus({ health: "stale" }))).toBe(true);
  expect(isStale(OPEN, makeStatus({ health: "down" }))).toBe(true);
  expect(isStale(OPEN, makeStatus())).toBe(false);
  expect(isStale({ phase: "silent", since_ms: 0 }, makeStatus())).toBe(true);
});

it("a badge says what is not real time, and of which day a replay is", () => {
  expect(badge("replay", Date.UTC(2021, 6, 22, 10))).toBe("replay · 22 Jul 2021");
  expect(badge("simulated", 0)).toBe("simulated");
  expect(badge("real_time", 0)).toBe("");
});

describe("a row that is not of now says since when", () => {
  const moment = { our_ms: 1_100_000, server_ms: 1_005_000, heard_ms: 1_090_000 };
  const why = (connection: Connection, changes: Partial<FeedStatus> = {}) =>
    staleWhy(connection, makeStatus(changes), moment);

  it("by its feed, which was silent before it said so", () => {
    // Five seconds ago it had been silent for three.
    const stale = { health: "stale", age_ms: 3000, time_ms: 1_000_000 } as const;
    expect(why(OPEN, stale)).toBe(`Not of now: nothing from simulated since ${clockTime(1_092_000)}`);
  });

  it("by the connection, before any feed's own trouble", () => {
    const silent = { phase: "silent", since_ms: 1_080_000 } as const;
    expect(why(silent, { health: "down" })).toBe(`Not of now: no connection since ${clockTime(1_080_000)}`);
    expect(why({ phase: "connecting" })).toBe(`Not of now: no connection since ${clockTime(1_090_000)}`);
  });

  it("and nothing where it is of now, or its market closed", () => {
    expect([why(OPEN), why(OPEN, { health: "closed" })]).toEqual(["", ""]);
  });
});
