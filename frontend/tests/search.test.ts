import { expect, it } from "vitest";
import type { Found, Underlying } from "../src/api";
import {
  type Command,
  chainOfFound,
  type Kept,
  type Known,
  rank,
  recentOf,
  withRecent,
} from "../src/search/targets";
import { asQuery, scoreOf, wordsOf } from "../src/search/words";

const underlying = (name: string, feed = "simulated"): Underlying => ({
  feed,
  underlying: name,
  kind: "stock",
  currency: "USD",
  expiries: 9,
  options: 400,
});
const command = (name: string, also = ""): Command => ({
  kind: "command",
  key: `command-${name}`,
  name,
  also,
  pressed: "",
  run: () => {},
});
const KNOWN: Known = {
  underlyings: ["ACME", "ACMA", "ACM", "ZEPH", "BACME"].map((name) => underlying(name)),
  lists: [
    { id: 1, name: "Core holdings", size: 12 },
    { id: 2, name: "Encore", size: 1 },
    { id: 3, name: "Acme and friends", size: 3 },
  ],
  commands: [command("Dark or light", "theme"), command("Times in UTC", "clock"), command("Settings")],
};
const search = (text: string) => {
  const { places, views, lists, commands } = rank(wordsOf(text), KNOWN);
  return [...places, ...lists, ...commands, ...views].map(({ name }) => name);
};

it("finds chains by the beginning of a symbol, the whole one first, and the first one's other views", () => {
  expect(search("acm")).toEqual([
    "ACM option chain",
    "ACME option chain",
    "ACMA option chain",
    "ACM volatility",
    "ACM payoff",
    "Acme and friends",
  ]);
  expect(search("acme")[0]).toBe("ACME option chain");
  expect(search("nothing such")).toEqual([]);
  expect(search("")).toEqual([]);
});

it("puts a view first where a word names it, and keeps to the chain where words are of a contract", () => {
  expect(search("acme vol").slice(0, 2)).toEqual(["ACME volatility", "ACME option chain"]);
  expect(search("zeph pay")[0]).toBe("ZEPH payoff");
  expect(search("acme 19 dec 100 c")[0]).toBe("ACME option chain");
  expect(search("acme 19 dec 100 c")).not.toContain("ACME payoff");
});

it("finds a view by its name alone, of the first underlyings, after lists and commands of that name", () => {
  expect(search("vol").slice(0, 2)).toEqual(["ACME volatility", "ACMA volatility"]);
  expect(search("payoff")).toHaveLength(4);
  expect(search("chain")[0]).toBe("ACME option chain");
  expect(search("vo")).toEqual([]);
  const volumes = { ...KNOWN, underlyings: [underlying("VOLT")] };
  expect(rank(["vol"], volumes)).toMatchObject({ views: [], places: { 0: { name: "VOLT option chain" } } });
});

it("finds lists and commands by the beginnings of their words, in any order", () => {
  expect(search("core")).toEqual(["Core holdings"]);
  expect(search("hold core")).toEqual(["Core holdings"]);
  expect(search("theme")).toEqual(["Dark or light"]);
  expect(search("utc")).toEqual(["Times in UTC"]);
  expect(rank(["encore"], KNOWN).lists[0]).toMatchObject({ hash: "#list-2", note: "1 symbol" });
});

it("prefers the whole name to a beginning, and that to words within", () => {
  const scores = [
    scoreOf(["core"], "Core"),
    scoreOf(["core"], "Core holdings"),
    scoreOf(["hold"], "Core holdings"),
  ];
  expect(scores).toEqual([...scores].sort((a, b) => b! - a!));
  expect(new Set(scores).size).toBe(3);
  expect(scoreOf(["ore"], "Core")).toBe(null);
});

it("answers from memory within a fraction of 50 ms, however much there is", () => {
  const many: Known = {
    underlyings: Array.from({ length: 5_000 }, (_, at) => underlying(`S${at.toString(36).toUpperCase()}`)),
    lists: Array.from({ length: 1_000 }, (_, id) => ({ id, name: `List number ${id} of many`, size: id })),
    commands: KNOWN.commands,
  };
  const once = (text: string): number => {
    const from = performance.now();
    rank(wordsOf(text), many);
    return performance.now() - from;
  };
  for (const text of ["s", "s1", "s1 vol", "list 99", "number many", "dark", "zzz"]) {
    // The quickest of several: a machine that is busy with other things may stop any one of them.
    expect(Math.min(...Array.from({ length: 9 }, () => once(text)))).toBeLessThan(50);
  }
});

it.each([
  ["acme 19 dec 100 c", "acme 19dec 100 c"],
  ["acme 19 december 95 c", "acme 19dec 95 c"],
  ["acme 19 dec 26", "acme 19dec26"],
  ["acme 19 dec 26 100 c", "acme 19dec26 100 c"],
  ["acme 19 dec 30 c", "acme 19dec 30 c"],
])("asks the server in its words: %s", (typed, query) => {
  expect(asQuery(typed)).toBe(query);
});

it("knows the chain of a contract, of an underlying that has one, and of nothing else", () => {
  const found = { feed: "simulated", symbol: "ACME", kind: "stock", underlying: "ACME" } as unknown as Found;
  const option = { ...found, symbol: "X", kind: "option", expiry: "2026-12-18", root: "ACMEW" } as Found;
  expect(chainOfFound(option, [])).toBe("#chain/simulated/ACME/2026-12-18.ACMEW");
  expect(chainOfFound(found, KNOWN.underlyings)).toBe("#chain/simulated/ACME");
  expect(chainOfFound({ ...found, feed: "other" }, KNOWN.underlyings)).toBe(null);
});

it("keeps the last six choices, each once, and reads nothing but such", () => {
  const kept = (name: string): Kept => ({ name, note: "", hash: `#chain/f/${name}`, contract: null });
  let recent: readonly Kept[] = [];
  for (const name of ["a", "b", "c", "d", "e", "f", "a", "g"]) recent = withRecent(recent, kept(name));
  expect(recent.map(({ name }) => name)).toEqual(["g", "a", "f", "e", "d", "c"]);
  const bad = [null, { name: 1 }, { ...kept("x"), hash: "javascript:0" }, { ...kept("x"), contract: {} }];
  expect(recentOf([...bad, kept("y")])).toEqual([kept("y")]);
  expect(recentOf({})).toBe(null);
});
