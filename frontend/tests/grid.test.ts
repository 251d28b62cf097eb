import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Entry } from "../src/api";
import { Flasher } from "../src/flash";
import { Frame } from "../src/frame";
import { Grid, type GridEvents } from "../src/grid/grid";
import type { Message } from "../src/protocol";
import { Store } from "../src/store";
import { makeFacts, makeRow, WELCOME } from "./builders";

let element: HTMLElement;
let grid: Grid;
let store: Store;
let frames: FrameRequestCallback[];
let happened: string[];
let stale: Set<string>;

const entry = (id: number): Entry => ({
  id,
  feed: "simulated",
  symbol: `SYM${id}`,
  instrument: id * 10,
  position: id,
});

const events: GridEvents = {
  onSelect: (one) => happened.push(`select ${one?.id}`),
  onOpen: (one) => happened.push(`open ${one.id}`),
  onRemove: (one) => happened.push(`remove ${one.id}`),
  onMove: (one, index) => happened.push(`move ${one.id} to ${index}`),
};

function animationFrame(): void {
  for (const callback of frames.splice(0)) callback(performance.now());
}

function tick(values: Record<string, number | null>): void {
  store.apply({ op: "ticks", n: 1, sent_ms: 0, rows: [makeRow(values)] });
}

function press(key: string, more: KeyboardEventInit = {}): void {
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
}

function text(id: number, column: string): string {
  return element.querySelector(`#row-${id} .cell.${column}`)?.textContent ?? "missing";
}

beforeEach(() => {
  frames = [];
  happened = [];
  stale = new Set();
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
    },
  );
  element = document.createElement("div");
  document.body.append(element);
  store = new Store({
    onRow: (id) => grid.rowChanged(id),
    onFacts: (id) => grid.factsChanged(id),
    onStatus: () => {},
    onEmpty: () => {},
  });
  grid = new Grid(
    element,
    store,
    new Frame(),
    new Flasher(() => false),
    () => 0,
    (feed) => stale.has(feed),
    events,
    () => happened.push("drawn"),
  );
  store.apply(WELCOME as Message);
  grid.setEntries([entry(1), entry(2), entry(3)]);
  animationFrame();
  happened = [];
});

afterEach(() => {
  element.remove();
  vi.unstubAllGlobals();
});

describe("drawing", () => {
  it("waits for one animation frame, however many rows come before it", () => {
    tick({ id: 10, seq: 1, bid: 1 });
    tick({ id: 10, seq: 2, bid: 2 });
    tick({ id: 20, seq: 1, bid: 7 });
    expect(text(1, "bid")).toBe("");
    expect(frames).toHaveLength(1);
    animationFrame();
    expect([text(1, "bid"), text(2, "bid")]).toEqual(["2.00", "7.00"]);
    expect(happened).toEqual(["drawn"]);
  });

  it("flashes a changed cell, not the first value of a row and not a cell that stays", () => {
    tick({ id: 10, seq: 1, bid: 1, ask: 2 });
    animationFrame();
    expect(element.querySelectorAll("[class*=flash]")).toHaveLength(0);
    tick({ id: 10, seq: 2, bid: 0.9, ask: 2 });
    animationFrame();
    expect([...element.querySelectorAll("[class*=flash]")].map((cell) => cell.className)).toEqual([
      "cell bid flash-down",
    ]);
  });

  it("ignores rows of instruments that are not in the list", () => {
    tick({ id: 990, seq: 1, bid: 1 });
    expect(frames).toHaveLength(0);
  });

  it("names a row once its facts are known", () => {
    store.setFacts(makeFacts({ id: 10 }));
    expect(text(1, "name")).toContain("515 C");
  });

  it("dims the rows of a stale feed", () => {
    stale.add("simulated");
    grid.markStale();
    expect(element.querySelectorAll(".row.stale")).toHaveLength(3);
    stale.clear();
    grid.markStale();
    expect(element.querySelectorAll(".row.stale")).toHaveLength(0);
  });

  it("a blank cell has its reason for eyes and for screen readers", () => {
    const cell = element.querySelector("#row-1 .cell.bid");
    expect(cell?.getAttribute("title")).toBe("No quote yet");
    expect(cell?.getAttribute("aria-label")).toBe("No quote yet");
    tick({ id: 10, seq: 1, bid: 1, ask: 2 });
    animationFrame();
    expect(cell?.hasAttribute("aria-label")).toBe(false);
  });
});

describe("entries", () => {
  it("that stay keep their elements when the order changes", () => {
    const second = element.querySelector("#row-2");
    grid.setEntries([entry(3), entry(2), entry(4)]);
    expect([...element.querySelectorAll(".rows .row")].map((row) => row.id)).toEqual([
      "row-3",
      "row-2",
      "row-4",
    ]);
    expect(element.querySelector("#row-2")).toBe(second);
  });

  it("when the selected one goes, the one in its place is selected", () => {
    press("ArrowDown");
    press("ArrowDown");
    grid.setEntries([entry(1), entry(3)]);
    expect(happened.at(-1)).toBe("select 3");
    grid.setEntries([]);
    expect(happened.at(-1)).toBe("select undefined");
  });
});

describe("keys", () => {
  it("arrows, Home and End move, and stop at the ends", () => {
    for (const key of ["ArrowDown", "ArrowDown", "End", "ArrowDown", "Home", "ArrowUp"]) press(key);
    expect(happened).toEqual(["select 1", "select 2", "select 3", "select 1"]);
    expect(element.getAttribute("aria-activedescendant")).toBe("row-1");
  });

  it("Enter opens, Delete removes, Alt with an arrow moves", () => {
    press("ArrowDown");
    press("Enter");
    press("Delete");
    press("ArrowDown", { altKey: true });
    press("ArrowUp", { altKey: true });
    expect(happened).toEqual(["select 1", "open 1", "remove 1", "move 1 to 1"]);
  });

  it("leave the browser's own alone", () => {
    press("ArrowDown", { ctrlKey: true });
    press("x");
    expect(happened).toEqual([]);
  });
});

it("the cross at the end of a row removes it without selecting it", () => {
  element.querySelector<HTMLElement>("#row-2 .remove")?.click();
  expect(happened).toEqual(["remove 2"]);
});
