import { describe, expect, it } from "vitest";
import { COLUMNS, type RowView } from "../src/grid/columns";
import { type Column, columnValue, type Facts } from "../src/protocol";
import { makeColumns, makeFacts, makeRow } from "./builders";

function view(values: Record<string, number | null> | null, facts: Facts = makeFacts()): RowView {
  const columns = makeColumns();
  const row = values && makeRow(values);
  const value = (column: Column) => (row ? columnValue(row, columns, column) : null);
  return {
    held: row !== null,
    facts,
    refused: undefined,
    feedNow: 10_000,
    value,
    has: (flag) => ((value("flags") ?? 0) & flag) !== 0,
  };
}

function cell(key: string, shown: RowView): { text: string; note: string } {
  const column = COLUMNS.find((one) => one.key === key);
  if (!column) throw new Error(`no column ${key}`);
  const text = column.text(shown);
  return { text, note: column.note?.(shown, text) ?? "" };
}

describe("a blank cell tells why", () => {
  it.each([
    ["bid", null, "No quote yet"],
    ["bid", { ask: 2, flags: 2 }, "One-sided: no bid"],
    ["ask", { bid: 2, flags: 4 }, "One-sided: no ask"],
    ["ask", { mark: 2, flags: 6 }, "No quote: neither bid nor ask"],
    ["last", { bid: 2 }, "Never traded"],
    ["change", { bid: 2 }, "Never traded"],
    ["change", { last: 2 }, "No reference price"],
    ["delta", { bid: 2 }, "No delta from the venue or the model"],
  ])("%s of %o: %s", (key, values, note) => {
    expect(cell(key, view(values))).toEqual({ text: "", note });
  });

  it("what the server refused comes first", () => {
    const refused = { ...view(null), refused: "No longer listed at the venue" };
    expect(cell("bid", refused).note).toBe("No longer listed at the venue");
  });

  it("only options have greeks", () => {
    expect(cell("delta", view({ last: 2 }, makeFacts({ kind: "stock" }))).note).toBe("Only options have one");
  });
});

describe("a number tells what to know of it", () => {
  it("a crossed quote is shown, and called crossed", () => {
    const crossed = view({ bid: 3, ask: 2, flags: 1 });
    expect(cell("bid", crossed)).toEqual({ text: "3.00", note: expect.stringContaining("Crossed") });
  });

  it("greeks say who computed them", () => {
    expect(cell("delta", view({ delta: 0.5, flags: 8 })).note).toBe("Computed by our model");
    expect(cell("delta", view({ delta: 0.5 })).note).toBe("Computed by the venue");
  });

  it("a coin-priced option shows coin, and US dollars beside it", () => {
    const facts = makeFacts({ underlying: "BTC", currency: "BTC", tick: 0.0005 });
    expect(cell("bid", view({ bid: 0.0115, underlying_price: 32_000 }, facts))).toEqual({
      text: "0.0115",
      note: "368.00 USD",
    });
  });
});

it("change is measured from the reference price, by the mark where nothing traded", () => {
  expect(cell("change", view({ last: 2.5, mark: 9, reference_price: 2 })).text).toBe("+0.50");
  expect(cell("change", view({ mark: 1.5, reference_price: 2 }))).toEqual({
    text: "\u22120.50",
    note: "From 2.00, by the mark",
  });
  expect(cell("change_percent", view({ last: 2.5, reference_price: 2 })).text).toBe("+25.0");
  expect(cell("change_percent", view({ last: 2.5, reference_price: 0 })).text).toBe("");
});

it("age is counted from when the row reached us, on the feed's clock", () => {
  expect(cell("age", view({ venue_time_ms: 9000, lag_ms: 600 })).text).toBe("0.4 s");
});
