// The search's box: what it shows before anything is typed, and what Enter takes while the server has yet to answer.
import { createComponent } from "solid-js";
import { render } from "solid-js/web";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Found, Underlying } from "../src/api";
import type { Desk } from "../src/desk";
import type { Kept } from "../src/search/targets";
import { Search } from "../src/views/Search";
import { makeFacts } from "./builders";

const FIRST: Found = { ...makeFacts({ id: 1 }), symbol: "FIRST" };
const SECOND: Found = { ...makeFacts({ id: 2 }), symbol: "SECOND" };

let answers: ((found: readonly Found[]) => void)[];
let end: () => void;
let recent: readonly Kept[];
let underlyings: readonly Partial<Underlying>[];
const added = vi.fn(async () => true);

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  recent = [];
  underlyings = [];
  added.mockClear();
  const desk = {
    api: { search: () => new Promise((resolve) => answers.push(resolve)) },
    chain: { underlyings: () => underlyings },
    store: { facts: new Map([[3, { ...makeFacts({ id: 3 }), symbol: "ACME261218C00100000" }]]) },
    at: () => ({ view: "list", id: 1 }),
    display: { display: () => ({}) },
    settings: { read: () => recent },
    hints: { done: () => undefined },
    page: { staff: false },
    feeds: () => new Map(),
    feedNow: () => Number.NaN,
    watchlists: () => [],
    active: () => ({ name: "One" }),
    view: () => "list",
    railOpen: () => true,
    detailOpen: () => true,
    entryOf: () => undefined,
    add: added,
  } as unknown as Desk;
  end = render(
    () => createComponent(Search, { desk, onReady: () => undefined, onHelp: () => undefined }),
    document.body,
  );
});

afterEach(() => {
  end();
  vi.useRealTimers();
});

function type(text: string): void {
  const input = document.querySelector("input")!;
  input.value = text;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

async function answer(...found: Found[]): Promise<void> {
  await vi.runAllTimersAsync();
  answers.pop()!(found);
  await vi.runAllTimersAsync();
}

it("takes nothing that was found for what was typed before, and what is found for this as soon as it is", async () => {
  type("first");
  await answer(FIRST);
  type("second");
  const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true });
  document.querySelector("input")!.dispatchEvent(enter);
  expect(added).not.toHaveBeenCalled();
  await answer(SECOND);
  expect(added.mock.calls).toEqual([[SECOND]]);
});

const found = () => [...document.querySelectorAll(".result-name")].map((one) => one.textContent);
const lesson = () => document.querySelector("[data-testid=search-lesson]")?.textContent;

it("says before the first search what can be typed, and offers chains", async () => {
  underlyings = ["ACME", "ZEPH"].map((underlying) => ({ feed: "simulated", underlying, expiries: 3 }));
  document.querySelector("input")!.dispatchEvent(new FocusEvent("focus"));
  expect(found()).toEqual(["ACME option chain", "ZEPH option chain"]);
  expect(lesson()).toMatch(/a contract as “ACME .*”/);
  type("a");
  expect(lesson()).toBeUndefined();
});

it("offers what was searched before in place of that", () => {
  recent = [{ name: "ZEPH payoff", note: "view", hash: "#payoff/simulated/ZEPH", contract: null }];
  document.querySelector("input")!.dispatchEvent(new FocusEvent("focus"));
  expect(found()).toEqual(["ZEPH payoff"]);
  expect(lesson()).toBeUndefined();
});

it("says how a contract is typed where nothing was found", async () => {
  type("nothing");
  await answer();
  expect(document.querySelector(".results-note")?.textContent).toMatch(
    /Nothing found for “nothing”. A contract is .*ACME/,
  );
});
