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

function besideOf(key: string, one: RowView): string {
  const column = COLUMNS.find((each) => each.key === key);
  return column?.beside?.(one) ?? "";
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
    ["delta", { bid: 2 }, "No delta: the underlying’s price is not known"],
    ["delta", { underlying_price: 500 }, "No delta: there is no price to compute it from"],
    ["vega", { mark: 4, underlying_price: 520 }, "No vega: the price is below what exercising would bring"],
    ["gamma", { mark: 6, underlying_price: 520 }, "No gamma: neither the venue nor the model gives one"],
  ])("%s of %o: %s", (key, values, note) => {
    expect(cell(key, view(values))).toEqual({ text: "", note });
  });

  it("an option that has expired has no greeks", () => {
    const expired = view({ mark: 6, underlying_price: 520 }, makeFacts({ expires_ms: 9_000 }));
    expect(cell("delta", expired).note).toBe("No delta: it has expired");
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
});

describe("greeks align, and have the digits that they need", () => {
  const texts = (underlying_price: number, values: Record<string, number>[]) =>
    values.map((one) => {
      const [key] = Object.keys(one);
      return cell(key!, view({ ...one, underlying_price })).text;
    });

  it.each([
    // An underlying worth much, one worth little, and one worth next to nothing.
    [64_000, { theta: -123.456 }, "−123.5"],
    [64_000, { vega: 65.21 }, "65.2"],
    [64_000, { gamma: 0.0000372 }, "0.0000372"],
    [5_174, { gamma: 0.00162 }, "0.001620"],
    [5_174, { vega: 5.343 }, "5.34"],
    [172, { gamma: 0.0312 }, "0.0312"],
    [172, { theta: -0.0634 }, "−0.063"],
    [12, { vega: 0.0129 }, "0.0129"],
    [2, { vega: 0.0004 }, "0.00040"],
    [2, { gamma: 1.23456 }, "1.23"],
    [0.5, { rho: 0.00012 }, "0.000120"],
    [0.0001, { theta: -0.00000002 }, "−0.00000002"],
  ])("at an underlying of %s %o is %s", (price, value, text) => {
    expect(texts(price, [value])).toEqual([text]);
  });

  it.each(["gamma", "theta", "vega", "rho", "delta"])("%s has as many decimals at every strike", (key) => {
    const all = texts(
      5_174,
      [4.123456, 0.5, 0.0123, 0.000001, 0].map((value) => ({ [key]: value })),
    );
    expect(new Set(all.map((text) => text.split(".")[1]?.length)).size).toBe(1);
  });

  it.each([
    ["delta", 0.004, "<0.01"],
    ["delta", -0.004, ">−0.01"],
    ["theta", -0.0001, ">−0.001"],
    ["gamma", 0.00001, "<0.0001"],
    ["vega", 0, "0.000"],
    ["rho", null, ""],
  ])("%s of %s is %s, and no false zero", (key, value, text) => {
    expect(cell(key, view({ [key]: value, underlying_price: 172 })).text).toBe(text);
  });

  it("without the underlying’s price they have three digits", () => {
    expect(cell("theta", view({ theta: -123.456 })).text).toBe("−123");
    expect(cell("vega", view({ vega: 0.000456 })).text).toBe("0.000456");
    expect(cell("delta", view({ delta: 0.5 })).text).toBe("0.50");
  });
});

describe("a price in a coin", () => {
  const facts = makeFacts({
    symbol: "BTC-26MAR27-64000-C",
    underlying: "BTC",
    currency: "BTC",
    tick: 0.0001,
  });
  const quote = { bid: 0.045, ask: 0.0455, last: 0.0452, mark: 0.045247, underlying_price: 63_800 };

  it.each([
    ["bid", "0.0450", "≈ $2,871"],
    ["ask", "0.0455", "≈ $2,903"],
    ["last", "0.0452", "≈ $2,884"],
    ["mark", "0.0452", "≈ $2,887"],
  ])("%s is %s, and beside it %s", (key, text, beside) => {
    expect(cell(key, view(quote, facts)).text).toBe(text);
    expect(besideOf(key, view(quote, facts))).toBe(beside);
  });

  it("says how its value in US dollars was computed, with all digits", () => {
    expect(cell("bid", view(quote, facts)).note).toBe(
      "0.045 BTC × 63,800.00, the underlying’s price in the same quote, = 2,871.00 USD, computed by this page",
    );
    expect(cell("mark", view(quote, facts)).note).toContain("0.045247 BTC × 63,800.00");
    expect(cell("last", view(quote, facts)).note).toContain(
      "price now, not when it was traded, = 2,883.76 USD",
    );
  });

  it.each([
    ["not there", { ...quote, underlying_price: null }],
    ["0", { ...quote, underlying_price: 0 }],
  ])("has none where the underlying's price is %s, and says so", (_, values) => {
    for (const key of ["bid", "ask", "last", "mark"]) {
      expect(besideOf(key, view(values, facts))).toBe("");
      expect(cell(key, view(values, facts)).text).toMatch(/^0\.045/);
      expect(cell(key, view(values, facts)).note).toContain("Not known in US dollars");
    }
  });

  it("that is not there has no value either", () => {
    for (const key of ["bid", "ask", "last", "mark"])
      expect(besideOf(key, view({ underlying_price: 63_800 }, facts))).toBe("");
  });

  it("that is crossed says so first, in the book alone", () => {
    const crossed = view({ ...quote, bid: 0.05, flags: 1 }, facts);
    expect(cell("bid", crossed).note).toMatch(/^Crossed: .* 0\.05 BTC × /);
    expect(cell("mark", crossed).note).not.toContain("Crossed");
  });

  it.each([
    ["an option in US dollars", makeFacts()],
    ["an option in a dollar coin", makeFacts({ underlying: "XRP_USDC", currency: "USDC" })],
    ["an option in a coin that it is not on", makeFacts({ underlying: "ETH", currency: "BTC" })],
    [
      "an option whose underlying is not in US dollars",
      makeFacts({ underlying: "BTC_EUR", currency: "BTC" }),
    ],
    ["a future", makeFacts({ kind: "future", underlying: "BTC", currency: "BTC" })],
    ["an index", makeFacts({ kind: "index", underlying: "BTC", currency: "USD" })],
    ["what has no facts yet", undefined],
  ])("is not what %s has: one price", (_, others) => {
    for (const key of ["bid", "ask", "last", "mark"]) {
      const one = { ...view(quote, facts), facts: others };
      expect(besideOf(key, one)).toBe("");
      expect(cell(key, one).note).toBe("");
    }
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
