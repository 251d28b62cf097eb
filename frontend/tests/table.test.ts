import { describe, expect, it } from "vitest";
import { chainTable } from "../src/chain/table";
import { columnsOf } from "../src/grid/layout";
import { type Named, viewOf } from "../src/grid/view";
import { linesOf } from "../src/lists/lines";
import { listTable } from "../src/lists/table";
import type { Message } from "../src/protocol";
import { Store } from "../src/store";
import { makeRow, WELCOME } from "./builders";

const AT = Date.UTC(2026, 0, 15, 12, 0, 0, 250);
const nothing = () => {};
const store = new Store({ onRow: nothing, onFacts: nothing, onStatus: nothing, onEmpty: nothing });
store.apply(WELCOME as Message);
const rows = [
  makeRow({ id: 1, seq: 7, venue_time_ms: AT, lag_ms: 2, bid: 2.123456789, last: 3, reference_price: 2 }),
  makeRow({ id: 2, seq: 8, venue_time_ms: AT, bid: 1, ask: 4, underlying_price: 512.125 }),
];
store.apply({ op: "ticks", n: 1, sent_ms: 0, rows });
const view = (named: Named) => viewOf(store, named, AT + 1002);
const named = (instrument: number): Named => ({ feed: "simulated", symbol: `S${instrument}`, instrument });

describe("a list as a table", () => {
  const lines = linesOf([
    { kind: "instrument", id: 1, position: 0, ...named(1) },
    { kind: "section", id: 4, name: "Core" },
    {
      kind: "rolling",
      id: 9,
      feed: "simulated",
      underlying: "ACME",
      rule: "next",
      strikes: 1,
      rights: "CP",
      state: "following",
      expiry: null,
      centre: null,
      held: [named(2)],
    },
    { kind: "instrument", id: 3, position: 3, ...named(3) },
  ]);

  it("has the shown columns in their order with all digits, then where they are from", () => {
    const table = listTable(lines, columnsOf(["change_percent", "bid", "day", "age"]), view);
    expect(table.header).toEqual(
      "group,change_percent,bid,age_ms,symbol,feed,instrument_id,seq,underlying_price,venue_at,received_at".split(
        ",",
      ),
    );
    const [first, second, third] = table.rows;
    expect(first).toEqual([
      null,
      50,
      2.123456789,
      1000,
      "S1",
      "simulated",
      1,
      7,
      null,
      "2026-01-15T12:00:00.250Z",
      "2026-01-15T12:00:00.252Z",
    ]);
    expect(second?.[0]).toBe("Core / ACME, next expiry, at the money ± 1 strike, calls and puts");
    // What has not quoted has nothing, not zeros.
    expect(third).toEqual(["Core", null, null, null, "S3", "simulated", 3, null, null, null, null]);
  });
});

describe("a chain as a table", () => {
  const strikes = [{ strike: 515, call: named(2), put: null }];
  const columns = { C: columnsOf(["ask", "bid"]), P: columnsOf(["bid", "ask"]) };

  it("has calls, strike and puts as they stand on the screen", () => {
    const { header, rows } = chainTable(strikes, { sides: ["C", "P"], columns }, view);
    expect(header.slice(0, 6)).toEqual([
      "call_ask",
      "call_bid",
      "strike",
      "put_bid",
      "put_ask",
      "call_symbol",
    ]);
    expect(rows[0]?.slice(0, 10)).toEqual([4, 1, 515, null, null, "S2", "simulated", 2, 8, 512.125]);
    expect(rows[0]).toHaveLength(header.length);
    expect(header.at(-7)).toBe("put_symbol");
    expect(rows[0]?.slice(-7)).toEqual(Array(7).fill(null));
  });

  it("has the one side that a phone shows", () => {
    const { header, rows } = chainTable(strikes, { sides: ["C"], columns }, view);
    expect(header.slice(0, 4)).toEqual(["strike", "call_ask", "call_bid", "call_symbol"]);
    expect(rows[0]?.slice(0, 4)).toEqual([515, 4, 1, "S2"]);
  });
});
