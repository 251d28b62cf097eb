// The option chain on the screen: what is subscribed for it, and what the grid shows meanwhile.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Api, Expiry, Underlying } from "../src/api";
import { type ChainState, createChain } from "../src/chain/chain";
import { Flasher } from "../src/flash";
import { Frame } from "../src/frame";
import type { Facts, Message, Subscription } from "../src/protocol";
import { Settings } from "../src/settings";
import { Store } from "../src/store";
import { makeFacts, makeRow, WELCOME } from "./builders";

let sent: (Subscription | { unsubscribe: string })[];
let frames: FrameRequestCallback[];
let store: Store;
let chain: ChainState;
let element: HTMLElement;
let happened: string[];
let expiries: Expiry[];
let seq = 0;

const makeExpiry = (name: string, options = 8): Expiry => ({
  name,
  expiry: name,
  root: "ACME",
  cycle: "weekly",
  expires_at: `${name}T21:00:00Z`,
  days_left: 4,
  strikes: options / 2,
  options,
  forward: 105,
  at_the_money_volatility: 0.2,
  expected_move: 5,
});

/** Strikes 100, 101, …; the ids of an expiry begin at `first`. */
function contracts(first: number, strikes: number): Facts[] {
  return Array.from({ length: strikes }, (_, index) =>
    (["C", "P"] as const).map((right, side) =>
      makeFacts({
        id: first + 2 * index + side,
        symbol: `X${first}${right}${100 + index}`,
        strike: 100 + index,
        right,
      }),
    ),
  ).flat();
}

function hear(message: Message): void {
  store.apply(message);
  chain.onMessage(message);
}

function subscribed(source: string, added: Facts[], removed: Facts[] = [], cause = "request"): void {
  hear({
    op: "subscribed",
    source,
    added: Object.fromEntries(added.map((facts) => [facts.symbol, facts])),
    removed: removed.map(({ id, symbol }) => ({ id, symbol: symbol ?? null, code: cause })),
    refused: [],
    total: added.length,
    cause,
  } as Message);
}

function snapshot(source: string, of: Facts[], bid = 1, more = false): void {
  const rows = of.map(({ id }) => makeRow({ id, seq: ++seq, bid, ask: bid + 1 }));
  hear({ op: "snapshot", source, n: 1, sent_ms: 0, rows, more });
}

const lastSource = (): string => {
  const found = sent.filter((one) => "source" in one && one.source.startsWith("chain-")).at(-1);
  return (found as Subscription).source;
};
const shownStrikes = (): string[] =>
  [...element.querySelectorAll<HTMLElement>("[data-strike]")].map((row) => row.dataset["strike"]!);
const bidOf = (strike: number, side: string): string | undefined =>
  element.querySelector(`[data-strike="${strike}"] [data-testid=${side}] .cell.bid`)?.textContent?.trim();
const press = (key: string): boolean => chain.takeKey(new KeyboardEvent("keydown", { key }));
const settle = () => vi.advanceTimersByTimeAsync(0);

function animationFrame(): void {
  for (const callback of frames.splice(0)) callback(performance.now());
}

beforeEach(async () => {
  vi.useFakeTimers();
  localStorage.clear();
  sent = [];
  frames = [];
  happened = [];
  seq = 0;
  expiries = [makeExpiry("2026-11-27"), makeExpiry("2026-12-04"), makeExpiry("2026-12-18", 2000)];
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  store = new Store({
    onRow: (id) => chain.rowChanged(id),
    onFacts: (id) => chain.factsChanged(id),
    onStatus: () => {},
    onEmpty: () => {},
  });
  const large = contracts(5000, 1000);
  const api = {
    underlyings: async () => [{ feed: "simulated", underlying: "ACME" } as Underlying],
    chain: async () => ({
      feed: "simulated",
      underlying: "ACME",
      underlying_currency: "USD",
      underlying_price: 102,
      expiries,
    }),
    chainOfExpiry: async () => ({
      strikes: large
        .filter((one) => one.right === "C")
        .map((one, index) => ({
          strike: one.strike,
          call: { symbol: one.symbol, id: one.id, seq: 1, venue_at: NOON, received_at: NOON, bid: 9 },
          put: { symbol: large[2 * index + 1]!.symbol, id: one.id + 1, seq: null },
        })),
    }),
  } as unknown as Api;
  chain = createChain({
    api,
    store,
    socket: {
      subscribe: (subscription) => sent.push(subscription),
      unsubscribe: (source) => sent.push({ unsubscribe: source }),
    },
    frame: new Frame(0),
    flasher: new Flasher(() => false),
    settings: new Settings(localStorage, "1"),
    feedNow: () => 0,
    staleWhy: () => "",
    messageOf: String,
    onDrawn: () => {},
    onOpen: (contract) => happened.push(`open ${contract.symbol}`),
    onAdd: (contract) => happened.push(`add ${contract.symbol}`),
    onPick: (contract, quantity) => happened.push(`pick ${quantity} ${contract.symbol}`),
    onPayoff: () => happened.push("payoff"),
    onUnderlyings: () => {},
  });
  element = document.createElement("div");
  document.body.append(element);
  chain.mount(element);
  store.apply(WELCOME as Message);
  await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-11-27" });
});

afterEach(() => {
  element.remove();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const NOON = "2026-11-23T12:00:00.000000Z";

describe("an expiry", () => {
  const first = contracts(100, 4);
  const next = contracts(200, 4);

  beforeEach(() => {
    subscribed(lastSource(), first);
    snapshot(lastSource(), first, 1);
  });

  it("is subscribed whole, and drawn when its values are here", () => {
    expect(sent).toContainEqual({
      source: "chain-1",
      chain: { underlying: "simulated.ACME", expiry: "2026-11-27" },
    });
    expect(shownStrikes()).toEqual(["100", "101", "102", "103"]);
    expect(bidOf(101, "call")).toBe("1.00");
    expect(element.querySelectorAll(".in-the-money")).toHaveLength(3);
    expect(element.querySelector("[data-testid=money]")?.textContent).toBe("102.00");
  });

  it("stays until the whole snapshot of the next is here, and only then is given up", async () => {
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-12-04" });
    subscribed("chain-2", next);
    snapshot("chain-2", next.slice(0, 2), 2, true);
    expect(bidOf(100, "call")).toBe("1.00");
    expect(sent).not.toContainEqual({ unsubscribe: "chain-1" });
    snapshot("chain-2", next.slice(2), 2);
    expect(bidOf(100, "call")).toBe("2.00");
    expect(bidOf(103, "put")).toBe("2.00");
    expect(sent.at(-1)).toEqual({ unsubscribe: "chain-1" });
  });

  it("that was wanted for a moment only leaves nothing behind", async () => {
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-12-04" });
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-11-27" });
    expect(sent.at(-1)).toEqual({ unsubscribe: "chain-2" });
    subscribed("chain-2", next);
    snapshot("chain-2", next, 2);
    expect(bidOf(100, "call")).toBe("1.00");
  });

  it("is the one that its underlying is opened at next time, while it is offered", async () => {
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-12-04" });
    subscribed("chain-2", next);
    snapshot("chain-2", next, 2);
    chain.leave();
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: null });
    expect(chain.address()?.expiry).toBe("2026-12-04");
    chain.leave();
    expiries = expiries.filter(({ name }) => name !== "2026-12-04");
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: null });
    expect(chain.address()?.expiry).toBe("2026-11-27");
  });

  it("gives the cursor to the contract that was asked for, also where it is shown already", async () => {
    const put = first[5]!;
    const contract = { feed: "simulated", symbol: put.symbol ?? "", instrument: put.id };
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-11-27" }, contract);
    expect(chain.picked()?.instrument).toBe(put.id);
  });

  it("takes in what is listed and lets go what is retired", () => {
    const [call, put] = contracts(300, 6).slice(10);
    subscribed("chain-1", [call!, put!], [], "listed");
    expect(shownStrikes()).toEqual(["100", "101", "102", "103", "105"]);
    subscribed("chain-1", [], first.slice(0, 2), "retired");
    expect(shownStrikes()).toEqual(["101", "102", "103", "105"]);
  });

  it("is whole again after a reconnect, without what went meanwhile", () => {
    subscribed("chain-1", first.slice(2));
    expect(shownStrikes()).toEqual(["101", "102", "103"]);
  });

  it("that the server does not have is said, and the one shown stays", async () => {
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2030-01-01" });
    expect(chain.problem()).toContain("no expiry 2030-01-01");
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-12-04" });
    hear({ op: "error", code: "unknown_symbol", field: "chain.expiry", message: "gone" });
    expect(chain.problem()).toBe("gone");
    expect(bidOf(100, "call")).toBe("1.00");
  });

  it("has every strike drawn soon, also those out of sight, so that no scroll is quicker", async () => {
    const many = contracts(2000, 100);
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-12-04" });
    subscribed("chain-2", many);
    snapshot("chain-2", many, 3);
    const blank = () => [...element.querySelectorAll(".cell.bid")].filter((cell) => !cell.textContent).length;
    const first = blank();
    expect(element.querySelectorAll("[data-strike]")).toHaveLength(100);
    expect(first).toBeGreaterThan(50);
    animationFrame();
    expect(first - blank()).toBe(12);
    for (let frame = 0; frame < 20; frame += 1) animationFrame();
    expect(blank()).toBe(0);
    expect(frames).toEqual([]);
  });

  it("has the money where its options say that the underlying is, while that says nothing itself", () => {
    const tell = (id: number, values: Record<string, number>) =>
      hear({ op: "ticks", n: 1, sent_ms: 0, rows: [makeRow({ id, seq: ++seq, ...values })] });
    const money = () => element.querySelector("[data-testid=money]")?.textContent;
    tell(first[5]!.id, { underlying_price: 101.5 });
    animationFrame();
    expect([money(), element.querySelectorAll(".in-the-money").length]).toEqual(["101.50", 4]);
    tell(first[0]!.id, { underlying_price: 102.75 });
    animationFrame();
    expect(money()).toBe("102.75");
    // Its own word goes first, its mark before its last trade.
    store.setFacts(makeFacts({ id: 1, symbol: "ACME", kind: "stock", strike: null, right: null }));
    tell(1, { last: 100.25, mark: 100.5 });
    animationFrame();
    tell(first[0]!.id, { underlying_price: 99 });
    animationFrame();
    expect(money()).toBe("100.50");
  });

  it("marks the money anew when the underlying moves", () => {
    const underlying = makeFacts({ id: 1, kind: "stock", symbol: "ACME", strike: null, right: null });
    subscribed("underlyings", [underlying]);
    hear({ op: "ticks", n: 1, sent_ms: 0, rows: [makeRow({ id: 1, seq: ++seq, last: 100.5 })] });
    animationFrame();
    expect(element.querySelector("[data-testid=money]")?.textContent).toBe("100.50");
    expect(element.querySelectorAll(".calls.in-the-money")).toHaveLength(1);
  });

  it("is walked by keys, from the strike at the money on", () => {
    expect(press("ArrowDown")).toBe(true);
    expect(chain.picked()?.symbol).toBe("X100C102");
    press("p");
    press("ArrowUp");
    press("Enter");
    press("PageDown");
    press("w");
    press("Home");
    press("c");
    expect(happened).toEqual(["open X100P101", "add X100P103"]);
    expect(chain.picked()?.symbol).toBe("X100C102");
    expect(element.querySelectorAll(".cursor")).toHaveLength(1);
    expect(press("x")).toBe(false);
  });

  it("keeps the cursor on its strike and column in the next one", async () => {
    press("ArrowDown");
    press("p");
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-12-04" });
    subscribed("chain-2", next);
    snapshot("chain-2", next);
    expect(chain.picked()?.symbol).toBe("X200P102");
    chain.showColumns(["delta", "bid"]);
    animationFrame();
    press("Enter");
    expect(happened).toEqual(["open X200P102"]);
  });

  it("picks legs by keys, by clicks while that is chosen, and marks them beside their strike", () => {
    press("Home");
    press("p");
    const id = chain.picked()!.instrument;
    press("b");
    chain.takeKey(new KeyboardEvent("keydown", { key: "S", shiftKey: true }));
    const name = chain.picked()!.symbol;
    expect(happened).toEqual([`pick 1 ${name}`, `pick -10 ${name}`]);
    chain.setMarks(new Map([[id, -12]]));
    const strike = element.querySelector("#chain-cursor")!.closest("[data-strike]")!;
    expect(strike.querySelector(".leg-mark.puts")?.textContent).toBe("\u221212");
    expect(strike.querySelector(".leg-mark.calls")).toBeNull();
    chain.setMarks(new Map());
    expect(strike.querySelector<HTMLElement>(".leg-mark.puts")!.hidden).toBe(true);
    const click = (key: string) => strike.querySelector<HTMLElement>(`.calls .cell.${key}`)!.click();
    happened = [];
    click("ask");
    expect(happened[0]).toMatch(/^open /);
    chain.setPicking(true);
    happened = [];
    click("ask");
    click("bid");
    click("delta");
    expect(happened.map((one) => one.split(" X")[0])).toEqual(["pick 1", "pick -1", "open"]);
    press("o");
    expect(happened.at(-1)).toBe("payoff");
  });

  it("gives up everything when it is left", () => {
    chain.leave();
    expect(sent).toContainEqual({ unsubscribe: "chain-1" });
    expect(chain.address()).toBeNull();
  });
});

describe("a large expiry", () => {
  const all = contracts(5000, 1000);
  const symbols = () => {
    const last = sent.filter((one) => "source" in one && one.source.startsWith("chain-")).at(-1);
    return last && "symbols" in last ? last.symbols : [];
  };
  const asked = () => sent.filter((one) => "source" in one && one.source.startsWith("chain-")).length;

  beforeEach(async () => {
    await chain.show({ feed: "simulated", underlying: "ACME", expiry: "2026-12-18" });
    await settle();
    Object.defineProperty(element, "clientHeight", { value: 560, configurable: true });
  });

  function arrive(): void {
    const names = new Set(symbols().map((name) => name.replace("simulated.", "")));
    const here = all.filter((one) => names.has(one.symbol!));
    subscribed(lastSource(), here);
    snapshot(lastSource(), here, 2);
    animationFrame();
  }

  it("is subscribed near the money only, with values of the rest from REST", () => {
    expect(symbols().length).toBeGreaterThan(40);
    expect(symbols().length).toBeLessThan(200);
    expect(symbols()).toContain("simulated.X5000C102");
    arrive();
    expect(shownStrikes().length).toBeLessThan(120);
    expect(bidOf(102, "call")).toBe("2.00");
  });

  it("is followed by one subscription once a scroll pauses, and shows values at once", async () => {
    arrive();
    await vi.advanceTimersByTimeAsync(500);
    const before = asked();
    for (let step = 1; step <= 6; step += 1) {
      element.scrollTop = step * 2000;
      element.dispatchEvent(new Event("scroll"));
      animationFrame();
      await vi.advanceTimersByTimeAsync(16);
    }
    expect(bidOf(570, "call")).toBe("9.00");
    expect(shownStrikes()).toEqual(shownStrikes().toSorted((a, b) => Number(a) - Number(b)));
    expect(asked()).toBe(before);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked()).toBe(before + 1);
    expect(symbols()).toContain("simulated.X5000P570");
    expect(symbols()).not.toContain("simulated.X5000C102");
    expect(symbols().length).toBeLessThan(200);
    element.scrollTop -= 260;
    element.dispatchEvent(new Event("scroll"));
    animationFrame();
    expect(shownStrikes()).toEqual(shownStrikes().toSorted((a, b) => Number(a) - Number(b)));
  });

  it("does not ask for what is subscribed already", async () => {
    arrive();
    await vi.advanceTimersByTimeAsync(500);
    const before = asked();
    element.scrollTop += 26;
    element.dispatchEvent(new Event("scroll"));
    animationFrame();
    await vi.advanceTimersByTimeAsync(500);
    expect(asked()).toBe(before);
  });
});
