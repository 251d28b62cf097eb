import { describe, expect, it } from "vitest";
import type { Item } from "../src/api";
import { arranged, landing, nextSort, type Sort } from "../src/lists/arrange";
import { linesOf } from "../src/lists/lines";

const contract = (id: number): Item => ({
  kind: "instrument",
  id,
  position: id,
  feed: "simulated",
  symbol: `S${id}`,
  instrument: id,
});
const section = (id: number): Item => ({ kind: "section", id, name: `Section ${id}` });
const rolling = (id: number, held: readonly number[]): Item => ({
  kind: "rolling",
  id,
  feed: "simulated",
  underlying: "ACME",
  rule: "next",
  strikes: 1,
  rights: "CP",
  state: "following",
  expiry: null,
  centre: null,
  held: held.map((one) => ({ feed: "simulated", symbol: `S${one}`, instrument: one })),
});

const LINES = linesOf([
  contract(5),
  contract(3),
  section(1),
  contract(9),
  rolling(2, [8, 6]),
  contract(4),
  contract(2),
  section(3),
  contract(7),
]);

function shown(sort: Sort | null, folded: readonly string[] = []) {
  const found = arranged(LINES, new Set(folded), sort, (line) =>
    line.instrument === 5 ? null : line.instrument,
  );
  const lines = found.lines.map((line) => (line.kind === "heading" ? line.key : line.instrument));
  return { lines, hidden: Object.fromEntries(found.hidden) };
}

describe("a list's own order", () => {
  it("is left as it is", () => {
    expect(shown(null).lines).toEqual([5, 3, "section-1", 9, "rolling-2", 8, 6, 4, 2, "section-3", 7]);
  });
});

describe("sorting", () => {
  it("stays within what a heading is over, and what a rule holds under the rule", () => {
    const { lines } = shown({ key: "bid", down: false });
    expect(lines).toEqual([3, 5, "section-1", 9, "rolling-2", 6, 8, 2, 4, "section-3", 7]);
  });

  it("puts what has no value last, also when it falls", () => {
    expect(shown({ key: "bid", down: true }).lines.slice(0, 2)).toEqual([3, 5]);
  });

  it("keeps the order of equal ones", () => {
    const { lines } = arranged(LINES, new Set(), { key: "bid", down: true }, () => 1);
    expect(lines).toEqual(LINES);
  });

  it("of a column goes from rising to falling to the list's own", () => {
    const rising = nextSort(null, "bid");
    const falling = nextSort(rising, "bid");
    expect([rising, falling, nextSort(falling, "bid")]).toEqual([
      { key: "bid", down: false },
      { key: "bid", down: true },
      null,
    ]);
    expect(nextSort(falling, "ask")).toEqual({ key: "ask", down: false });
  });
});

describe("folding", () => {
  it("takes away all that a section is over, rules too, and counts the instruments", () => {
    expect(shown(null, ["section-1"])).toEqual({
      lines: [5, 3, "section-1", "section-3", 7],
      hidden: { "section-1": 5 },
    });
  });

  it("of a rule takes away what it holds alone", () => {
    expect(shown(null, ["rolling-2"])).toEqual({
      lines: [5, 3, "section-1", 9, "rolling-2", 4, 2, "section-3", 7],
      hidden: { "rolling-2": 2 },
    });
  });

  it("of what is not there does nothing", () => {
    expect(shown(null, ["section-99"])).toEqual(shown(null));
  });
});

describe("what is moved comes to stand under", () => {
  // Items: 5, 3, section 1, 9, rule, 4, 2, section 3, 7.
  it.each([
    [1, 0, undefined],
    [1, 2, "section-1"],
    [3, 2, undefined],
    [6, 7, "section-3"],
    [8, 7, "section-1"],
    [8, 3, "section-1"],
    [2, 5, undefined],
  ])("from %s to %s: %s", (from, to, key) => expect(landing(LINES, from, to)?.key).toBe(key));
});
