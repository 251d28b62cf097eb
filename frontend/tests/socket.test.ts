import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "../src/protocol";
import { type Connection, REST_AFTER_MS, reconnectDelay, SILENT_AFTER_MS, StreamSocket } from "../src/socket";
import { FakeSocket, makeStatus, WELCOME } from "./builders";

let phases: Connection[];
let messages: Message[];
let socket: StreamSocket;

const SUBSCRIBED = { op: "subscribed", added: {}, removed: [], refused: [], total: 0, cause: "request" };
const STATUS = { op: "status", ...makeStatus() };

function phase(): string {
  return phases.at(-1)?.phase ?? "none";
}

function visibility(state: "visible" | "hidden"): void {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

function welcomed(): FakeSocket {
  FakeSocket.last.say(WELCOME);
  FakeSocket.last.say(STATUS);
  return FakeSocket.last;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  phases = [];
  messages = [];
  socket = new StreamSocket("ws://here/ws/stream/", {
    onMessage: (message) => messages.push(message),
    onConnection: (state) => phases.push(state),
  });
  visibility("visible");
  socket.start();
});

afterEach(() => {
  socket.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the wait before a reconnect", () => {
  it("doubles from 0.4 s, is capped at 10 s, and lies between half and all of that", () => {
    for (const [failures, whole] of [
      [1, 400],
      [2, 800],
      [5, 6400],
      [6, 10_000],
      [40, 10_000],
    ] as const) {
      expect(reconnectDelay(failures, () => 0)).toBe(whole / 2);
      expect(reconnectDelay(failures, () => 1)).toBe(whole);
    }
  });

  it("differs from client to client", () => {
    expect(new Set(Array.from({ length: 50 }, () => reconnectDelay(6))).size).toBeGreaterThan(40);
  });
});

describe("connecting", () => {
  it("asks for the protocol by name", () => {
    expect(FakeSocket.last.subprotocol).toBe("strikewire.v1.json");
  });

  it("is not open by a welcome alone, but by what follows it", () => {
    FakeSocket.last.say(WELCOME);
    expect(phase()).toBe("connecting");
    FakeSocket.last.say(STATUS);
    expect(phase()).toBe("open");
  });

  it("gives up on a server that does not answer for 8 s, and tries another time", () => {
    vi.advanceTimersByTime(8300);
    expect(phase()).toBe("waiting");
    expect(FakeSocket.last.closed).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("replays every subscription after each reconnect, and none that was taken back", () => {
    socket.subscribe({ source: "watchlist-1", watchlist: 1 });
    socket.subscribe({ source: "watchlist-2", watchlist: 2 });
    expect(FakeSocket.last.sent).toEqual([]);
    const first = welcomed();
    expect(first.ops("subscribe").map((message) => message["watchlist"])).toEqual([1, 2]);
    expect(first.ops("subscribe")[0]).toMatchObject({ source: "watchlist-1", replace: true });
    socket.unsubscribe("watchlist-1");
    expect(first.ops("unsubscribe")).toMatchObject([{ source: "watchlist-1" }]);
    first.end(1006);
    vi.advanceTimersByTime(500);
    expect(
      welcomed()
        .ops("subscribe")
        .map((message) => message["watchlist"]),
    ).toEqual([2]);
  });

  it("begins its waits anew only after data, not after a mere welcome", () => {
    for (let round = 0; round < 5; round += 1) {
      FakeSocket.last.say(WELCOME);
      FakeSocket.last.end(1006);
      vi.advanceTimersByTime(10_000);
    }
    FakeSocket.last.end(1006);
    const later = phases.at(-1) as Extract<Connection, { phase: "waiting" }>;
    expect(later.until_ms - performance.timeOrigin - performance.now()).toBeGreaterThan(4900);
    vi.advanceTimersByTime(10_000);
    welcomed().end(1006);
    const anew = phases.at(-1) as Extract<Connection, { phase: "waiting" }>;
    expect(anew.until_ms - performance.timeOrigin - performance.now()).toBeLessThanOrEqual(400);
  });

  it("hears nothing more of a socket that it let go", () => {
    const first = welcomed();
    vi.advanceTimersByTime(8000);
    const heard = messages.length;
    first.say(STATUS);
    expect(messages).toHaveLength(heard);
  });
});

describe("closing", () => {
  it("tells that the user is signed out, and does not come back", () => {
    FakeSocket.last.end(4401);
    expect(phase()).toBe("signed_out");
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("asks once whether another sign-in stands, where it was in", () => {
    welcomed().end(4401);
    expect(phase()).toBe("waiting");
    vi.advanceTimersByTime(1_000);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.end(4401);
    expect(phase()).toBe("signed_out");
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("does not come back where it is not allowed", () => {
    const open = welcomed();
    open.say({ op: "closing", code: 4403, reason: "the account is disabled" });
    open.end(4403);
    expect(phases.at(-1)).toEqual({ phase: "refused", reason: "the account is disabled" });
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("waits as long as the server asked", () => {
    const open = welcomed();
    open.say({ op: "closing", code: 4429, reason: "too many", reconnect_ms: 30_000 });
    open.end(4429);
    vi.advanceTimersByTime(29_000);
    expect(FakeSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(1500);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("knows a restart from other ends", () => {
    welcomed().end(1012);
    expect(phases.at(-1)).toMatchObject({ phase: "waiting", reason: "restarting" });
  });

  it("comes back at once when the network does, or when the tab is looked at", () => {
    for (const event of ["online", "visible"]) {
      const count = FakeSocket.all.length;
      const open = welcomed();
      open.say({ op: "closing", code: 1012, reason: "restarting", reconnect_ms: 60_000 });
      open.end(1012);
      if (event === "online") window.dispatchEvent(new Event("online"));
      else visibility("visible");
      expect(FakeSocket.all, event).toHaveLength(count + 1);
    }
  });

  it("but not to a server that has too many", () => {
    const open = welcomed();
    open.say({ op: "closing", code: 4429, reason: "32 connections", reconnect_ms: 60_000 });
    open.end(4429);
    visibility("visible");
    window.dispatchEvent(new Event("online"));
    socket.hurry();
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("silence", () => {
  it("is said within 3 s of the last frame, after it was asked", () => {
    const open = welcomed();
    const asked = open.ops("ping").length;
    vi.advanceTimersByTime(SILENT_AFTER_MS - 300);
    expect(phase()).toBe("open");
    expect(open.ops("ping").length).toBeGreaterThan(asked);
    vi.advanceTimersByTime(600);
    expect(phase()).toBe("silent");
  });

  it("ends with the next frame", () => {
    const open = welcomed();
    vi.advanceTimersByTime(3000);
    expect(phase()).toBe("silent");
    open.say(STATUS);
    expect(phase()).toBe("open");
  });

  it("of 7 s is taken for a dead connection", () => {
    welcomed();
    vi.advanceTimersByTime(7500);
    expect(["waiting", "connecting"]).toContain(phase());
    expect(FakeSocket.all[0]?.closed).toBe(true);
  });

  it("is not said while frames come", () => {
    const open = welcomed();
    for (let second = 0; second < 20; second += 1) {
      vi.advanceTimersByTime(1000);
      open.say(STATUS);
    }
    expect(phases.filter((state) => state.phase === "silent")).toEqual([]);
  });
});

describe("what it answers and asks", () => {
  it("answers a ping after the frames before it were handled", () => {
    const open = welcomed();
    let handledFirst = false;
    open.say({ op: "ticks", n: 7, sent_ms: 0, rows: [] });
    handledFirst = messages.at(-1)?.op === "ticks" && open.ops("pong").length === 0;
    open.say({ op: "ping", n: 7 });
    expect(handledFirst).toBe(true);
    expect(open.ops("pong")).toEqual([{ op: "pong", n: 7 }]);
  });

  it("asks for 50 ms while it is looked at, and for 1 s while not", () => {
    const open = welcomed();
    expect(open.ops("configure").at(-1)).toMatchObject({ interval_ms: 10 });
    visibility("hidden");
    expect(open.ops("configure").at(-1)).toMatchObject({ interval_ms: 1000 });
    visibility("visible");
    expect(open.ops("configure").at(-1)).toMatchObject({ interval_ms: 10 });
  });

  describe("hidden for long", () => {
    const sources = () => FakeSocket.last.ops("subscribe").map((message) => message["source"]);

    function rested(): FakeSocket {
      socket.subscribe({ source: "list", symbols: ["A"] });
      const open = welcomed();
      visibility("hidden");
      for (let passed = 0; passed < REST_AFTER_MS; passed += 1000) {
        open.say(STATUS);
        vi.advanceTimersByTime(1000);
      }
      return open;
    }

    it("takes back what it subscribed, and hears no more of that", () => {
      const open = rested();
      const [asked] = open.ops("unsubscribe");
      expect(asked).toMatchObject({ all: true });
      const before = messages.length;
      open.say({ ...SUBSCRIBED, source: "list", id: asked?.["id"] });
      expect(messages).toHaveLength(before);
    });

    it("subscribes all again once it is looked at, also what was wanted meanwhile", () => {
      const open = rested();
      socket.subscribe({ source: "chain", symbols: ["B"] });
      socket.subscribe({ source: "gone", symbols: ["C"] });
      socket.unsubscribe("gone");
      expect(sources()).toEqual(["list"]);
      visibility("visible");
      expect(sources()).toEqual(["list", "list", "chain"]);
      expect(open.ops("unsubscribe")).toHaveLength(1);
      open.say({ ...SUBSCRIBED, source: "list", id: 99 });
      expect(messages.at(-1)).toMatchObject({ op: "subscribed" });
    });

    it("does not take silence for a fault, nor right after it", () => {
      rested();
      vi.advanceTimersByTime(600_000);
      visibility("visible");
      vi.advanceTimersByTime(1000);
      expect(FakeSocket.all).toHaveLength(1);
      expect(phase()).toBe("open");
    });

    it("notices within 3 s of being looked at that nobody answers", () => {
      rested();
      visibility("visible");
      vi.advanceTimersByTime(3000);
      expect(phase()).toBe("silent");
    });

    it("subscribes nothing on a connection that is made meanwhile", () => {
      const open = rested();
      open.end(1006);
      vi.advanceTimersByTime(1000);
      expect(FakeSocket.last).not.toBe(open);
      welcomed();
      expect(sources()).toEqual([]);
      visibility("visible");
      expect(sources()).toEqual(["list"]);
    });

    it("but not when it is looked at again before", () => {
      socket.subscribe({ source: "list", symbols: ["A"] });
      const open = welcomed();
      visibility("hidden");
      vi.advanceTimersByTime(REST_AFTER_MS - 100);
      visibility("visible");
      vi.advanceTimersByTime(1000);
      expect(open.ops("unsubscribe")).toEqual([]);
    });
  });

  it("asks for the last of many expiries that a held key goes through, and for few before it", () => {
    const open = welcomed();
    const already = open.sent.length;
    for (let number = 1; number <= 200; number += 1) {
      socket.subscribe({ source: `chain-${number}`, symbols: ["A"] });
      if (number > 1) socket.unsubscribe(`chain-${number - 1}`);
      if (number % 20 === 0) open.say(STATUS);
      vi.advanceTimersByTime(50);
    }
    expect(open.sent.length - already).toBeLessThan(55);
    const asked = () => open.ops("subscribe").map((message) => message["source"]);
    vi.advanceTimersByTime(700);
    expect(asked().at(-1)).toBe("chain-200");
    // Whatever was asked for and is not wanted any more was taken back.
    vi.advanceTimersByTime(700);
    const back = new Set(open.ops("unsubscribe").map((message) => message["source"]));
    expect(asked().filter((source) => !back.has(source))).toEqual(["chain-200"]);
  });

  it("does not wait to tell a few changes", () => {
    const open = welcomed();
    for (const source of ["a", "b", "c", "d", "e", "f"]) socket.subscribe({ source, symbols: ["A"] });
    socket.unsubscribe("c");
    expect(open.ops("subscribe")).toHaveLength(6);
    expect(open.ops("unsubscribe")).toHaveLength(1);
  });

  it("keeps to far less than 60 messages in 10 s", () => {
    const open = welcomed();
    vi.advanceTimersByTime(6000);
    expect(open.sent.length).toBeLessThan(20);
  });

  it("measures the server's clock by its own pings", () => {
    const open = welcomed();
    const [ping] = open.ops("ping");
    vi.advanceTimersByTime(10);
    const now = performance.timeOrigin + performance.now();
    open.say({ op: "pong", id: ping?.["id"], time_ms: now - 5 + 4000 });
    expect(socket.clock.offsetMs).toBeCloseTo(4000, 3);
  });
});

describe("the administrators' feed page", () => {
  it("asks how the feeds work once it is welcome, and again after every reconnect", () => {
    socket.watchFeeds();
    const asked = () => FakeSocket.last.sent.filter((message) => message["op"] === "watch_feeds").length;
    expect(asked()).toBe(0);
    const first = welcomed();
    expect(asked()).toBe(1);
    first.end(1006);
    vi.advanceTimersByTime(1000);
    expect(FakeSocket.last).not.toBe(first);
    welcomed();
    expect(asked()).toBe(1);
  });
});
