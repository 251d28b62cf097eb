// The search's box: what Enter takes while the server has yet to answer.
import { createComponent } from "solid-js";
import { render } from "solid-js/web";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Found } from "../src/api";
import type { Desk } from "../src/desk";
import { Search } from "../src/views/Search";
import { makeFacts } from "./builders";

const FIRST: Found = { ...makeFacts({ id: 1 }), symbol: "FIRST" };
const SECOND: Found = { ...makeFacts({ id: 2 }), symbol: "SECOND" };

let answers: ((found: readonly Found[]) => void)[];
let end: () => void;
const added = vi.fn(async () => true);

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  added.mockClear();
  const desk = {
    api: { search: () => new Promise((resolve) => answers.push(resolve)) },
    chain: { underlyings: () => [] },
    display: { display: () => ({}) },
    settings: { read: () => [] },
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
