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

it("holds the newest status of every feed", () => {
  store.apply({ op: "status", ...makeStatus({ health: "stale" }) });
  expect(store.feeds.get("simulated")?.health).toBe("stale");
});
