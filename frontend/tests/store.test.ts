import { beforeEach, describe, expect, it } from "vitest";
import type { Facts, Message } from "../src/protocol";
import { columnValue } from "../src/protocol";
import { Store } from "../src/store";
import { FIELDS, makeFacts, makeRow, makeStatus, WELCOME } from "./builders";

let store: Store;
let changed: number[];

beforeEach(() => {
  changed = [];
  store = new Store({
    onRow: (id) => changed.push(id),
    onFacts: () => {},
    onStatus: () => {},
    onEmpty: () => {},
  });
  store.apply(WELCOME as Message);
});

const ticks = (...rows: ReturnType<typeof makeRow>[]): Message => ({ op: "ticks", n: 1, sent_ms: 0, rows });
const snapshot = (rows: ReturnType<typeof makeRow>[], empty: number[] = []): Message => ({
  op: "snapshot",
  source: "watchlist-1",
  n: 1,
  sent_ms: 0,
  rows,
  empty,
});
const subscribed = (changes: Partial<Extract<Message, { op: "subscribed" }>>): Message => ({
  op: "subscribed",
  source: "watchlist-1",
  added: {},
  removed: [],
  refused: [],
  total: 0,
  cause: "request",
  ...changes,
});

function bid(id: number): number | null {
  return columnValue(store.rows.get(id) ?? [], store.columns, "bid");
}

describe("rows", () => {
  it("never go back, neither by a tick nor by a snapshot", () => {
    store.apply(ticks(makeRow({ id: 1, seq: 5, bid: 2 })));
    store.apply(ticks(makeRow({ id: 1, seq: 4, bid: 1 })));
    store.apply(snapshot([makeRow({ id: 1, seq: 5, bid: 9 })]));
    expect(bid(1)).toBe(2);
    expect(changed).toEqual([1]);
  });

  it("of a snapshot and of later ticks make the newest of each instrument", () => {
    store.apply(snapshot([makeRow({ id: 1, seq: 1, bid: 1 }), makeRow({ id: 2, seq: 7, bid: 7 })]));
    store.apply(ticks(makeRow({ id: 1, seq: 3, bid: 3 })));
    expect([bid(1), bid(2)]).toEqual([3, 7]);
  });

  it("keep numbers of 2^53 apart", () => {
    const high = 2 ** 53 - 1;
    store.apply(ticks(makeRow({ id: 1, seq: high - 1, bid: 1 })));
    store.apply(ticks(makeRow({ id: 1, seq: high, bid: 2 })));
    expect(bid(1)).toBe(2);
  });

  it("are read in the order that the welcome gave, not in one of our own", () => {
    const turned = [...FIELDS].reverse();
    store.apply({ ...WELCOME, fields: turned } as unknown as Message);
    store.apply(ticks(makeRow({ id: 4, seq: 1, bid: 1.5, flags: 0, rho: 0 }, turned)));
    expect(bid(4)).toBe(1.5);
  });

  it("held in an older order of columns are dropped, since they cannot be read any more", () => {
    store.apply(ticks(makeRow({ id: 1, seq: 5, bid: 2 })));
    store.apply({ ...WELCOME, fields: [...FIELDS].reverse() } as unknown as Message);
    expect(store.rows.size).toBe(0);
  });

  it("survive a reconnect to the same columns", () => {
    store.apply(ticks(makeRow({ id: 1, seq: 5, bid: 2 })));
    store.apply(WELCOME as Message);
    expect(bid(1)).toBe(2);
  });

  it("have null for what was left off at the end, and for columns that the server does not know", () => {
    store.apply(ticks(makeRow({ id: 1, seq: 1, bid: 2 })));
    expect(columnValue(store.rows.get(1) ?? [], store.columns, "flags")).toBeNull();
    store.apply({ ...WELCOME, fields: ["id", "seq", "ask"] } as unknown as Message);
    store.apply(ticks([1, 2, 3]));
    expect(bid(1)).toBeNull();
  });
});

describe("what a source is", () => {
  it("joins facts by id, also where the key names the feed", () => {
    const facts = makeFacts({ id: 9, feed: "replay" });
    const { symbol: _, ...sent } = facts;
    store.apply(subscribed({ added: { "replay.BTC-1": sent as Facts } }));
    expect(store.facts.get(9)).toMatchObject({ symbol: "BTC-1", strike: 515 });
  });

  it("remembers why a symbol was refused, until it is taken", () => {
    store.apply(
      subscribed({ refused: [{ symbol: "NOPE", code: "unknown_symbol", message: "No such symbol." }] }),
    );
    expect(store.refusal("simulated", "NOPE", 7)).toBe("No such symbol.");
    store.apply(subscribed({ added: { NOPE: makeFacts({ id: 3 }) } }));
    expect(store.refusal("simulated", "NOPE", 7)).toBeUndefined();
  });

  it("knows an instrument that the server can only name by id as refused", () => {
    const refusal = { id: 7, symbol: "#7", code: "not_streaming", message: "Not streamed now." };
    store.apply(subscribed({ refused: [refusal] }));
    expect(store.refusal("simulated", "ZEPH", 7)).toBe("Not streamed now.");
    expect(store.refusal("simulated", "ZEPH", 8)).toBeUndefined();
  });

  it("takes the last price of a retired instrument off the page, and says why", () => {
    store.apply(subscribed({ added: { OLD: makeFacts({ id: 3 }) } }));
    store.apply(ticks(makeRow({ id: 3, seq: 1, bid: 2 })));
    // The server has no symbol any more for what is not listed.
    store.apply(subscribed({ cause: "retired", removed: [{ id: 3, symbol: null, code: "retired" }] }));
    expect(store.rows.has(3)).toBe(false);
    expect(store.refusal("simulated", "OLD", 3)).toBe("Expired, or no longer listed at the venue");
  });

  it("says of one that the administrator took out that it is so, until it is back", () => {
    store.apply(subscribed({ added: { OFF: makeFacts({ id: 3 }), ON: makeFacts({ id: 4 }) } }));
    store.apply(ticks(makeRow({ id: 3, seq: 1, bid: 2 }), makeRow({ id: 4, seq: 1, bid: 2 })));
    store.apply(subscribed({ cause: "retired", removed: [{ id: 3, symbol: "OFF", code: "not_streaming" }] }));
    expect([store.rows.has(3), store.rows.has(4)]).toEqual([false, true]);
    expect(store.refusal("simulated", "OFF", 3)).toBe("Not offered now: the administrator took it out");
    store.apply(subscribed({ added: { OFF: makeFacts({ id: 3 }) } }));
    expect(store.refusal("simulated", "OFF", 3)).toBeUndefined();
  });

  it("keeps facts that a change does not name", () => {
    store.apply(subscribed({ added: { A: makeFacts({ id: 3 }) } }));
    store.apply({ op: "changed", instruments: { "3": { tick: 0.01 } as Facts } });
    expect(store.facts.get(3)).toMatchObject({ tick: 0.01, strike: 515, id: 3 });
  });
});

describe("of what is not subscribed any more", () => {
  const MOST = 300;
  const SLACK = 250;
  let wanted: Set<string>;

  beforeEach(() => {
    wanted = new Set(["kept", "old", "new"]);
    store = new Store(
      {
        onRow: () => {},
        onFacts: () => {},
        onStatus: () => {},
        onEmpty: () => {},
        isWanted: (source) => wanted.has(source),
      },
      MOST,
    );
    store.apply(WELCOME as Message);
  });

  const all = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);
  function take(source: string, ids: number[]): void {
    const added = Object.fromEntries(ids.map((id) => [`S${id}`, makeFacts({ id, symbol: `S${id}` })]));
    store.apply(subscribed({ source, added }));
    store.apply(snapshot(ids.map((id) => makeRow({ id, seq: 1, bid: id }))));
  }
  function leave(source: string, ids: number[]): void {
    const removed = ids.map((id) => ({ id, symbol: `S${id}`, code: "request" }));
    store.apply(subscribed({ source, removed }));
  }
  const kept = (ids: number[]) => ids.filter((id) => store.rows.has(id)).length;

  it("keeps the latest, with all that is known of them, and no more for hours of looking round", () => {
    take("kept", all(1, 10));
    for (let round = 0; round < 50; round += 1) {
      const ids = all(1_000 + round * 100, 100);
      take("old", ids);
      store.days.set(ids[0]!, { state: "ready" } as never);
      leave("old", ids);
    }
    expect(store.rows.size).toBeLessThanOrEqual(MOST + SLACK);
    expect([store.facts.size, store.ids.size]).toEqual([store.rows.size, store.rows.size]);
    expect(store.days.size).toBeLessThan(10);
    // What was on the screen last is there at once, and what is subscribed is there, however old.
    expect(kept(all(5_900, 100))).toBe(100);
    expect(kept(all(1, 10))).toBe(10);
    expect(kept(all(1_000, 100))).toBe(0);
    expect(store.ids.has("simulated.S1000")).toBe(false);
  });

  it("keeps what is subscribed, also beyond that, and after a break", () => {
    take("kept", all(1, 700));
    store.apply(WELCOME as Message);
    take("kept", all(1, 700));
    expect(kept(all(1, 700))).toBe(700);
    take("new", all(1_001, 400));
    expect(kept(all(1, 700))).toBe(700);
    expect(kept(all(1_001, 400))).toBe(400);
  });

  it("keeps what two sources hold until both have left it", () => {
    take("kept", all(1, 10));
    take("old", all(1, 10));
    leave("old", all(1, 10));
    take("old", all(1_001, 600));
    leave("old", all(1_001, 600));
    take("new", all(2_001, 600));
    expect(kept(all(1, 10))).toBe(10);
    expect(kept(all(1_001, 600))).toBe(0);
  });

  it("goes by when it was left, not by when it came", () => {
    take("kept", all(1, 10));
    take("old", all(1_001, 260));
    leave("old", all(1_001, 260));
    leave("kept", all(1, 10));
    take("new", all(2_001, 300));
    expect(kept(all(1, 10))).toBe(10);
    expect(kept(all(1_001, 260))).toBeLessThan(10);
  });

  it("keeps nothing for a source that was given up unheard", () => {
    take("old", all(1, 300));
    wanted.delete("old");
    take("new", all(1_001, 300));
    expect(kept(all(1, 300))).toBeLessThan(SLACK);
    expect(kept(all(1_001, 300))).toBe(300);
  });

  it("forgets the oldest reasons of symbols that nothing is known of", () => {
    for (let index = 0; index < 3_000; index += 1)
      store.apply(
        subscribed({ refused: [{ symbol: `NO${index}`, code: "unknown_symbol", message: "None." }] }),
      );
    expect(store.refused.size).toBe(1_000);
    expect(store.refusal("simulated", "NO2999", -1)).toBe("None.");
  });
});

it("holds the newest status of every feed", () => {
  store.apply({ op: "status", ...makeStatus({ health: "stale" }) });
  expect(store.feeds.get("simulated")?.health).toBe("stale");
});
