import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Flasher } from "../src/flash";
import { Frame } from "../src/frame";
import { Grid, type GridEvents } from "../src/grid/grid";
import { USUAL } from "../src/lists/layout";
import { type Line, linesOf, type QuoteLine } from "../src/lists/lines";
import type { Message } from "../src/protocol";
import { Store } from "../src/store";
import { makeFacts, makeRow, WELCOME } from "./builders";

let element: HTMLElement;
let grid: Grid;
let store: Store;
let frames: FrameRequestCallback[];
let happened: string[];
let stale: Set<string>;

const entry = (id: number): QuoteLine => ({
  key: `${id}`,
  kind: "quote",
  item: id - 1,
  held: false,
  id,
  feed: "simulated",
  symbol: `SYM${id}`,
  instrument: id * 10,
});

const events: GridEvents = {
  onSelect: (one) => happened.push(`select ${one?.key}`),
  onOpen: (one) => happened.push(`open ${one.key}`),
  onRemove: (one) => happened.push(`remove ${one.key}`),
  onMove: (one, index) => happened.push(`move ${one.key} to ${index}`),
  onCannotMove: () => happened.push("cannot move"),
  onSort: (key) => happened.push(`sort ${key}`),
  onFold: (one, on) => happened.push(`${on ? "fold" : "unfold"} ${one.key}`),
  onFit: () => {},
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
    new Frame(0),
    new Flasher(() => false),
    () => 0,
    (feed) => (stale.has(feed) ? `Not of now: nothing from ${feed}` : ""),
    events,
    () => happened.push("drawn"),
  );
  store.apply(WELCOME as Message);
  grid.setLook({ columns: USUAL, sort: null, folded: new Set() });
  grid.setLines([entry(1), entry(2), entry(3)]);
  animationFrame();
  happened = [];
});

afterEach(() => {
  element.remove();
  vi.unstubAllGlobals();
});

describe("drawing", () => {
  it("goes on out of sight until no row is blank, a few with each frame", () => {
    const all = Array.from({ length: 80 }, (_, index) => entry(index + 1));
    store.apply({
      op: "ticks",
      n: 1,
      sent_ms: 0,
      rows: all.map(({ instrument }) => makeRow({ id: instrument, seq: 1, bid: 2 })),
    });
    const blank = () => all.filter(({ id }) => !text(id, "bid")).length;
    grid.setLines(all);
    animationFrame();
    const [first] = [blank()];
    expect(first).toBeGreaterThan(20);
    animationFrame();
    expect(first - blank()).toBe(6);
    for (let frame = 0; frame < 20; frame += 1) animationFrame();
    expect(blank()).toBe(0);
    expect(frames).toEqual([]);
  });

  it("clips a text that may not have room, and no other", () => {
    const clipped = () => element.querySelector("#row-1 .cell.bid")?.classList.contains("long");
    tick({ id: 10, seq: 1, bid: 105234.5 });
    animationFrame();
    expect(clipped()).toBe(true);
    tick({ id: 10, seq: 2, bid: 234.5 });
    animationFrame();
    expect(clipped()).toBe(false);
    store.setFacts(makeFacts({ id: 10, underlying: "BTC", root: "BTC", currency: "BTC" }));
    tick({ id: 10, seq: 3, bid: 0.1, underlying_price: 99_000 });
    animationFrame();
    expect(clipped()).toBe(false);
    // The same in the coin, and a digit more in US dollars.
    tick({ id: 10, seq: 4, bid: 0.1, underlying_price: 101_000 });
    animationFrame();
    expect(clipped()).toBe(true);
  });

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
      "cell bid priced flash-down",
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
    expect(element.querySelector("#row-1")?.getAttribute("title")).toBe("Not of now: nothing from simulated");
    stale.clear();
    grid.markStale();
    expect(element.querySelector("#row-1")?.hasAttribute("title")).toBe(false);
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

describe("prices in a coin", () => {
  const coin = (id: number) =>
    makeFacts({ id, symbol: `BTC-${id}`, underlying: "BTC", root: "BTC", currency: "BTC", tick: 0.0001 });
  const shown = (id: number) => text(id, "bid .dollars").trim();

  beforeEach(() => {
    store.setFacts(coin(10));
    store.setFacts(makeFacts({ id: 20 }));
    tick({ id: 10, seq: 1, bid: 0.045, ask: 0.05, underlying_price: 63_800 });
    tick({ id: 20, seq: 1, bid: 7, underlying_price: 500 });
    animationFrame();
  });

  it("stand first, their value in US dollars beside them; what is in US dollars has one price", () => {
    expect([text(1, "bid .price"), shown(1)]).toEqual(["0.0450", "≈ $2,871"]);
    expect(text(1, "bid")).toBe("0.0450 ≈ $2,871");
    expect(text(2, "bid")).toBe("7.00");
    expect([text(1, "name .currency"), text(2, "name .currency")]).toEqual(["BTC", "USD"]);
  });

  it("keep no value of a quote before once the underlying's price is not known", () => {
    tick({ id: 10, seq: 2, bid: 0.045, ask: 0.05, underlying_price: null });
    animationFrame();
    expect([text(1, "bid .price"), shown(1)]).toEqual(["0.0450", ""]);
    expect(text(1, "bid")).not.toContain("$");
  });

  it("do not flash when only the underlying moved, but show its new value", () => {
    tick({ id: 10, seq: 2, bid: 0.045, ask: 0.05, underlying_price: 64_000 });
    animationFrame();
    expect(shown(1)).toBe("≈ $2,880");
    expect(element.querySelectorAll("[class*=flash]")).toHaveLength(0);
  });

  it("get room only in a list that has them, and the header then says what stands beside", () => {
    expect(element.classList.contains("with-dollars")).toBe(true);
    const header = () => element.querySelector<HTMLElement>(".header .bid");
    expect(header()?.textContent).toBe("Bid ≈ USD");
    expect(header()?.title).toContain("price × the underlying’s price");
    grid.setLines([entry(2)]);
    expect(element.className).not.toContain("with-");
    expect(header()?.title).toBe("Best bid");
  });

  it("have their room before facts and values come, so that nothing moves then", () => {
    grid.setLines([{ ...entry(7), symbol: "BTC-26MAR27-64000-C" }]);
    expect(element.classList.contains("with-dollars")).toBe(true);
    expect(text(7, "name .currency")).toBe("");
    store.setFacts({ ...coin(70), symbol: "BTC-26MAR27-64000-C" });
    tick({ id: 70, seq: 1, bid: 0.045, underlying_price: 63_800 });
    animationFrame();
    expect([text(7, "name .currency"), shown(7)]).toEqual(["BTC", "≈ $2,871"]);
  });

  it("in another currency than US dollars say which, without room for US dollars", () => {
    grid.setLines([{ ...entry(7), symbol: "XRP_USDC-5AUG26-0d55-C" }]);
    expect(element.className).toBe("with-currencies");
  });
});

describe("entries", () => {
  it("that stay keep their elements when the order changes", () => {
    const second = element.querySelector("#row-2");
    grid.setLines([entry(3), entry(2), entry(4)] satisfies Line[]);
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
    grid.setLines([entry(1), entry(3)]);
    expect(happened.at(-1)).toBe("select 3");
    grid.setLines([]);
    expect(happened.at(-1)).toBe("select undefined");
  });
});

describe("keys", () => {
  const active = () => {
    const id = element.getAttribute("aria-activedescendant");
    return id === null ? null : element.querySelector(`#${id}`);
  };

  it("arrows, Home and End move, and stop at the ends", () => {
    for (const key of ["ArrowDown", "ArrowDown", "End", "ArrowDown", "Home"]) press(key);
    expect(happened).toEqual(["select 1", "select 2", "select 3", "select 1"]);
    expect(active()?.id).toBe("row-1");
  });

  it("arrows go from cell to cell, and back to the row", () => {
    press("ArrowDown");
    press("ArrowRight");
    press("ArrowRight");
    expect(active()).toBe(element.querySelector("#row-1 .cell.change"));
    press("ArrowDown");
    expect(active()).toBe(element.querySelector("#row-2 .cell.change"));
    press("ArrowLeft");
    press("ArrowLeft");
    expect(active()?.id).toBe("row-2");
    expect(element.querySelectorAll(".cursor")).toHaveLength(0);
  });

  it("lead up to the names of the columns, where Enter sorts", () => {
    press("ArrowDown");
    press("ArrowRight");
    press("ArrowUp");
    expect(active()).toBe(element.querySelector(".header .cell.last"));
    press("ArrowUp");
    press("Enter");
    press("ArrowLeft");
    press("Enter");
    press("Delete");
    press("ArrowDown");
    expect(active()?.id).toBe("row-1");
    expect(happened).toEqual(["select 1", "sort last", "sort name"]);
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

describe("a list of several kinds", () => {
  const rolling = {
    kind: "rolling",
    id: 9,
    feed: "simulated",
    underlying: "ACME",
    rule: "next",
    strikes: 1,
    rights: "CP",
    state: "following",
    expiry: "2026-02-20",
    centre: 515,
  } as const;
  const items = (held: readonly number[]) =>
    linesOf([
      { kind: "section", id: 4, name: "Core" },
      { kind: "instrument", id: 1, position: 1, feed: "simulated", symbol: "SYM1", instrument: 10 },
      {
        ...rolling,
        held: held.map((instrument) => ({ feed: "simulated", symbol: `S${instrument}`, instrument })),
      },
      { kind: "instrument", id: 2, position: 3, feed: "simulated", symbol: "SYM2", instrument: 20 },
    ]);
  const ids = () => [...element.querySelectorAll(".rows .row")].map((row) => row.id);

  beforeEach(() => {
    grid.setLines(items([50, 60]));
    animationFrame();
    happened = [];
  });

  it("stands in order, what a rule holds under the rule", () => {
    expect(ids()).toEqual([
      "row-section-4",
      "row-1",
      "row-rolling-9",
      "row-rolling-9-50",
      "row-rolling-9-60",
      "row-2",
    ]);
    expect(element.querySelector("#row-rolling-9")?.textContent).toContain("20 Feb 26, around 515");
    tick({ id: 60, seq: 1, bid: 3 });
    animationFrame();
    expect(element.querySelector("#row-rolling-9-60 .cell.bid")?.textContent).toBe("3.00");
  });

  it("keeps the rows that stay when the rule moves on", () => {
    const kept = element.querySelector("#row-rolling-9-60");
    grid.setLines(items([60, 70]));
    expect(ids().slice(3, 5)).toEqual(["row-rolling-9-60", "row-rolling-9-70"]);
    expect(element.querySelector("#row-rolling-9-60")).toBe(kept);
  });

  it("moves what a rule holds with the rule, over a whole item at a time", () => {
    grid.selectEntry(2);
    press("ArrowUp", { altKey: true });
    press("ArrowUp");
    press("ArrowUp", { altKey: true });
    press("ArrowDown", { altKey: true });
    expect(happened).toEqual([
      "select 2",
      "move 2 to 2",
      "select rolling-9-60",
      "move rolling-9-60 to 1",
      "move rolling-9-60 to 3",
    ]);
  });

  it("that is another's is looked at only", () => {
    grid.setLines(items([50, 60]), true);
    grid.selectEntry(1);
    press("Delete");
    press("ArrowDown", { altKey: true });
    expect(happened).toEqual(["select 1"]);
  });
});

describe("what is folded away", () => {
  const section = { kind: "section", id: 4, name: "Core" } as const;
  const lines = linesOf([
    { kind: "instrument", id: 1, position: 0, feed: "simulated", symbol: "SYM1", instrument: 10 },
    section,
    { kind: "instrument", id: 2, position: 2, feed: "simulated", symbol: "SYM2", instrument: 20 },
  ]);

  beforeEach(() => {
    grid.setLook({ columns: USUAL, sort: null, folded: new Set(["section-4"]) });
    grid.setLines(lines);
    happened = [];
  });

  it("has a heading that says how much, and is shown by its arrow, or by the arrow keys", () => {
    expect(element.querySelectorAll(".rows .row")).toHaveLength(2);
    expect(element.querySelector(".hidden-count")?.textContent).toBe("1");
    const fold = element.querySelector<HTMLElement>(".fold");
    expect(fold?.getAttribute("aria-expanded")).toBe("false");
    fold?.click();
    press("End");
    press("ArrowRight");
    press("ArrowLeft");
    expect(happened).toEqual(["unfold section-4", "select section-4", "unfold section-4", "fold section-4"]);
  });

  it("comes into sight when it is chosen, or when something is moved under it", () => {
    grid.selectEntry(2);
    expect(happened).toEqual(["unfold section-4"]);
    happened = [];
    grid.selectEntry(1);
    press("ArrowDown", { altKey: true });
    expect(happened).toEqual(["select 1", "unfold section-4", "move 1 to 1"]);
  });
});

describe("a sorted list", () => {
  const order = () => [...element.querySelectorAll(".rows .row")].map((row) => row.id.replace("row-", ""));
  const look = (key: string | null, down = false) =>
    grid.setLook({ columns: USUAL, sort: key ? { key, down } : null, folded: new Set() });
  const price = (values: readonly (number | null)[], seq = 1) => {
    for (const [index, last] of values.entries()) tick({ id: (index + 1) * 10, seq, last });
    animationFrame();
  };

  beforeEach(() => price([5, null, 1]));

  it("stands by its column, rising, falling, and what has no value last", () => {
    look("last");
    expect(order()).toEqual(["3", "1", "2"]);
    expect(element.querySelector(".header .last")?.getAttribute("aria-sort")).toBe("ascending");
    look("last", true);
    expect(order()).toEqual(["1", "3", "2"]);
    look(null);
    expect(order()).toEqual(["1", "2", "3"]);
    expect(element.querySelector("[aria-sort]")).toBeNull();
  });

  it("follows its values only when it is told, and the selected row stays selected", () => {
    look("last");
    press("ArrowDown");
    price([5, null, 9], 2);
    expect(order()).toEqual(["3", "1", "2"]);
    grid.sortAgain();
    expect(order()).toEqual(["1", "3", "2"]);
    expect(element.querySelector("[aria-selected=true]")?.id).toBe("row-3");
  });

  it("stays as it is under a pointer", () => {
    look("last");
    const body = element.querySelector(".rows")!;
    body.dispatchEvent(new Event("pointerenter"));
    price([5, null, 9], 2);
    grid.sortAgain();
    expect(order()).toEqual(["3", "1", "2"]);
    body.dispatchEvent(new Event("pointerleave"));
    grid.sortAgain();
    expect(order()).toEqual(["1", "3", "2"]);
  });

  it("lets nothing be moved, by no key and no pointer, and says why", () => {
    look("last");
    happened = [];
    press("ArrowDown");
    press("ArrowDown", { altKey: true });
    expect(happened).toEqual(["select 3", "cannot move"]);
    const draggable = () =>
      [...element.querySelectorAll<HTMLElement>(".rows .row")].filter((row) => row.draggable);
    expect(draggable()).toHaveLength(0);
    const drag = new Event("dragstart", { bubbles: true, cancelable: true });
    element.querySelector("#row-3")?.dispatchEvent(drag);
    expect(drag.defaultPrevented).toBe(true);
    look(null);
    expect(draggable()).toHaveLength(3);
  });

  it("is asked for at the name of a column", () => {
    happened = [];
    element.querySelector<HTMLElement>(".header .cell.bid .price")?.click();
    expect(happened).toEqual(["sort bid"]);
  });
});

describe("chosen columns", () => {
  it("stand in their order, with values, and without a flash", () => {
    tick({ id: 10, seq: 1, bid: 1, gamma: 0.0123 });
    animationFrame();
    grid.setLook({ columns: ["gamma", "bid"], sort: null, folded: new Set() });
    animationFrame();
    const keys = [...element.querySelectorAll<HTMLElement>(".header .cell")].map(
      (cell) => cell.dataset["key"],
    );
    expect(keys).toEqual(["name", "gamma", "bid"]);
    expect([text(1, "gamma"), text(1, "bid"), text(1, "ask")]).toEqual(["0.0123", "1.00", "missing"]);
    expect(element.querySelectorAll("[class*=flash]")).toHaveLength(0);
  });
});
