// Picking legs: which contracts they are of, what is subscribed for them, what they cost by the quotes of now, and what
// follows for the position as a whole.
import { beforeEach, describe, expect, it } from "vitest";
import type { Chain, Found } from "../src/api";
import { assess } from "../src/payoff/assessment";
import { type Leg, readLegs } from "../src/payoff/leg";
import { createPicks, type Picks } from "../src/payoff/picks";
import type { Outcome } from "../src/payoff/position";
import { netOf, pricedLeg } from "../src/payoff/quoted";
import { tableOf } from "../src/payoff/table";
import { type Facts, Flag, type Message, type Subscription } from "../src/protocol";
import { Store } from "../src/store";
import { makeFacts, makeRow, makeStatus, WELCOME } from "./builders";

const NOW = Date.UTC(2026, 10, 23, 15);
const EXPIRES = Date.UTC(2026, 11, 18, 21);
const ACME = { feed: "simulated", underlying: "ACME" };
const option = (id: number, right: "C" | "P", strike: number, changes: Partial<Facts> = {}): Found => ({
  ...makeFacts({ id, right, strike, expiry: "2026-12-18", expires_ms: EXPIRES, ...changes }),
  symbol: changes.symbol ?? `ACME${right}${strike}`,
});
const CALL = option(1, "C", 100);
const PUT = option(2, "P", 95);
const STOCK: Found = {
  ...makeFacts({
    id: 9,
    kind: "stock",
    root: null,
    expiry: null,
    expires_ms: null,
    strike: null,
    right: null,
  }),
  symbol: "ACME",
  multiplier: 1,
};
const named = (facts: Found) => ({ feed: facts.feed, symbol: facts.symbol, instrument: facts.id });

let sent: (Subscription | { unsubscribe: string })[];
let asked: string[];
let offered: readonly Found[];
let refused: string[];
let marks: ReadonlyMap<number, number>;
let store: Store;
let picks: Picks;
let seq = 0;

function quote(facts: Found, values: Record<string, number | null>): void {
  store.apply({ op: "ticks", n: 1, sent_ms: 0, rows: [makeRow({ id: facts.id, seq: ++seq, ...values })] });
}

function follow(...all: Found[]): void {
  const added = Object.fromEntries(all.map((facts) => [facts.symbol, facts]));
  store.apply({
    op: "subscribed",
    source: "payoff",
    added,
    removed: [],
    refused: [],
    total: 1,
    cause: "request",
  });
}

const symbols = (): readonly string[] => {
  const last = sent.at(-1);
  return last && "symbols" in last ? last.symbols : [];
};
const put = (text: string) => picks.put(ACME, readLegs(text).legs);
const views = () => picks.viewsOf(ACME);
const settle = () => new Promise((done) => setTimeout(done));

beforeEach(() => {
  [sent, asked, refused, marks, offered] = [[], [], [], new Map(), []];
  store = new Store({ onRow: () => {}, onFacts: () => {}, onStatus: () => {}, onEmpty: () => {} });
  store.apply({ ...WELCOME, feeds: [makeStatus()] } as Message);
  picks = createPicks({
    api: {
      contracts: async (feed, underlying, expiry, from, to) => {
        asked.push(`${feed}.${underlying} ${expiry} ${from} ${to}`);
        return offered;
      },
    },
    store,
    socket: {
      subscribe: (subscription) => sent.push(subscription),
      unsubscribe: (source) => sent.push({ unsubscribe: source }),
    },
    feedNow: () => NOW,
    messageOf: () => "It went wrong.",
    onMarks: (found) => {
      marks = found;
    },
    onRefused: (text) => refused.push(text),
  });
});

describe("legs that are picked", () => {
  beforeEach(() => {
    for (const facts of [CALL, PUT, STOCK]) store.setFacts(facts);
    picks.show(ACME);
  });

  it("are marked, subscribed with their underlying, and kept while another is on the screen", () => {
    expect(picks.pick(named(CALL), 1)).toBe(true);
    picks.pick(named(PUT), -10);
    expect(picks.addressOf(ACME)).toBe("#payoff/simulated/ACME/+1C100.2026-12-18~-10P95.2026-12-18");
    expect([...marks]).toEqual([
      [1, 1],
      [2, -10],
    ]);
    expect(symbols()).toEqual(["simulated.ACME", "simulated.ACMEC100", "simulated.ACMEP95"]);
    picks.show({ feed: "simulated", underlying: "ZEPH" });
    expect(sent.at(-1)).toEqual({ unsubscribe: "payoff" });
    expect(picks.legsOf(ACME)).toHaveLength(2);
    picks.show(ACME);
    expect(symbols()).toHaveLength(3);
    picks.put(ACME, []);
    expect(sent.at(-1)).toEqual({ unsubscribe: "payoff" });
    expect(marks.size).toBe(0);
    expect(asked).toEqual([]);
  });

  it("may be of the underlying, and of no future", () => {
    picks.pick(named(STOCK), 100);
    expect(picks.legsOf(ACME)).toEqual([{ kind: "underlying", quantity: 100, price: "market" }]);
    store.setFacts({ ...STOCK, id: 10, kind: "future", symbol: "ACMEZ6" });
    expect(picks.pick({ feed: "simulated", symbol: "ACMEZ6", instrument: 10 }, 1)).toBe(false);
    expect(refused).toHaveLength(1);
  });

  it("name their root where it is not that of the underlying", () => {
    const weekly = option(3, "C", 100, { root: "ACMEW", symbol: "ACMEWC100" });
    store.setFacts(weekly);
    picks.pick(named(weekly), 1);
    picks.pick(named(CALL), 1);
    expect(picks.addressOf(ACME)).toContain("+1C100.2026-12-18.ACMEW~+1C100.2026-12-18");
    expect([...marks.keys()]).toEqual([3, 1]);
  });
});

describe("legs of an address", () => {
  beforeEach(() => picks.show(ACME));

  it("are looked up a day of expiry at a time, the underlying without", async () => {
    offered = [CALL, PUT, option(3, "P", 95, { root: "ACMEW", symbol: "ACMEWP95" })];
    put("+1C100.2026-12-18~-1P95.2026-12-18~-2P95.2026-12-18.ACMEW~+5U");
    expect(views()[0]!.absent).toBe("Looking it up…");
    await settle();
    expect(asked).toEqual(["simulated.ACME 2026-12-18 95 100"]);
    expect(views().map((view) => view.symbol)).toEqual(["ACMEC100", "ACMEP95", "ACMEWP95", "ACME"]);
    expect(symbols()).toHaveLength(4);
  });

  it("without a root mean the only one that there is", async () => {
    offered = [option(3, "C", 100, { root: "ACMEW", symbol: "ACMEWC100" })];
    put("+1C100.2026-12-18");
    await settle();
    expect(views()[0]!.symbol).toBe("ACMEWC100");
  });

  it("say each why nothing is known of them, and are asked for again", async () => {
    put("+1C100.2026-12-18~+1C100.2020-01-17");
    await settle();
    expect(views().map((view) => view.absent)).toEqual([
      "No such contract is offered to you now",
      "It expired on 17 Jan 20",
    ]);
    offered = [CALL];
    picks.retry(ACME);
    expect(views()[0]!.absent).toBe("No such contract is offered to you now");
    await settle();
    expect(views()[0]!.symbol).toBe("ACMEC100");
    store.apply({
      op: "subscribed",
      source: "payoff",
      added: {},
      removed: [],
      refused: [{ symbol: "simulated.ACMEC100", code: "forbidden", message: "Not open to you." }],
      total: 0,
      cause: "request",
    });
    expect(views()[0]!.absent).toBe("Not open to you.");
  });
});

describe("what a leg is counted at", () => {
  beforeEach(() => {
    picks.show(ACME);
    for (const facts of [CALL, PUT, STOCK]) store.setFacts(facts);
  });
  const price = (text: string, spot: number | null = 100) => {
    put(text);
    return pricedLeg(views()[0]!, spot);
  };

  it("is the ask for what is bought, the bid for what is sold, the middle, or one's own", () => {
    quote(CALL, { bid: 4, ask: 4.5 });
    expect(price("+1C100.2026-12-18").price).toBe(4.5);
    expect(price("-1C100.2026-12-18").price).toBe(4);
    expect(price("-1C100.2026-12-18@mid").price).toBe(4.25);
    expect(price("-1C100.2026-12-18@3.1").price).toBe(3.1);
  });

  it("is blank with its reason where the quote has none, and never zero", () => {
    expect(price("+1C100.2026-12-18")).toMatchObject({ price: null, reason: "No quote yet" });
    quote(CALL, { bid: 4, flags: Flag.noAsk });
    expect(price("+1C100.2026-12-18")).toMatchObject({ price: null, reason: "One-sided, no ask to buy at" });
    expect(price("+1C100.2026-12-18@mid").reason).toBe("One-sided, no ask: no middle");
    quote(CALL, { bid: 4 });
    expect(price("+1C100.2026-12-18").reason).toBe("The venue names no ask to buy at");
    quote(CALL, { bid: 5, ask: 4, flags: Flag.crossed });
    expect(price("+1C100.2026-12-18@mid").price).toBeNull();
    put("+1C100.2026-12-18~-1P95.2026-12-18");
    expect(netOf(views(), 100)).toMatchObject({ cost: null, reason: "Leg 2 has no price. No quote yet" });
  });

  it("is in dollars where the price is in the coin, by the underlying's price", () => {
    const coin = { ...CALL, underlying: "ACME", currency: "ACME", multiplier: 1 };
    store.setFacts(coin);
    quote(CALL, { bid: 0.04, ask: 0.05 });
    expect(price("+1C100.2026-12-18", 60_000)).toEqual({ price: 0.05, money: 3000, reason: "" });
    expect(price("+1C100.2026-12-18", null)).toMatchObject({ price: 0.05, money: null });
    put("+2C100.2026-12-18~+1P95.2026-12-18@1");
    // The put is in dollars: both are then.
    expect(netOf(views(), 60_000)).toEqual({ cost: 6100, currency: "USD", reason: "" });
    store.setFacts({ ...PUT, currency: "EUR" });
    expect(netOf(views(), 60_000)).toMatchObject({ cost: null, reason: expect.stringContaining("several") });
  });
});

describe("an assessment", () => {
  const CHAIN = {
    underlying_price: 100,
    expiries: [
      {
        expires_at: new Date(EXPIRES).toISOString(),
        days_left: 25.25,
        forward: 100,
        at_the_money_volatility: 0.2,
        expected_move: 5,
      },
    ],
  } as unknown as Chain;
  const look = (days = 0, shift = 0, now = NOW, chain: Chain | null = CHAIN) =>
    assess(views(), 100, now, chain, { days, shift });

  beforeEach(() => {
    picks.show(ACME);
    follow(CALL, PUT, STOCK);
    const all = { implied_volatility: 0.2, gamma: 0.05, theta: -0.04, vega: 0.1, rho: 0.03 };
    quote(CALL, { bid: 2.1, ask: 2.2, delta: 0.52, ...all });
    quote(PUT, { bid: 0.5, ask: 0.6, delta: -0.15, ...all });
    quote(STOCK, { bid: 99.9, ask: 100.1 });
    put("+1C100.2026-12-18~-2P95.2026-12-18");
  });

  it("adds up cost, bounds and the quotes' greeks", () => {
    const found = look();
    expect(found.net).toMatchObject({ cost: expect.closeTo(120, 9), currency: "USD" });
    expect(found.outcome).toMatchObject({
      most: "unlimited",
      least: expect.closeTo(-19_120, 9),
      isExact: true,
    });
    expect((found.outcome as Outcome).breakevens[0]).toBeCloseTo(101.2, 9);
    expect(found.greeks.delta).toBeCloseTo(52 + 30, 9);
    expect(found.greeks.theta).toBeCloseTo(-4 + 8, 9);
    expect(found.areQuoted).toBe(true);
    expect(found.probability).toBeGreaterThan(0.3);
    expect(found.probability).toBeLessThan(0.5);
    expect(found.atTime?.(100)).toBeGreaterThan(-120);
  });

  it("has the model's greeks at another time or volatility, and ends at the first expiry", () => {
    const later = look(7, 0.05);
    expect(later.areQuoted).toBe(false);
    expect(later.at_ms).toBe(NOW + 7 * 86_400_000);
    expect(later.greeks.delta).not.toBe(look().greeks.delta);
    const last = look(400);
    expect(last.at_ms).toBe(EXPIRES);
    expect(last.atTime).toBeNull();
  });

  it("takes interest from the forward, and none from what differs by a moment's reading", () => {
    const of = (forward: number): Chain => ({
      ...CHAIN,
      expiries: CHAIN.expiries.map((expiry) => ({ ...expiry, forward })),
    });
    const profit = (chain: Chain) => look(0, 0, NOW, chain).atTime!(100);
    expect(profit(of(101))).toBeGreaterThan(profit(CHAIN) + 20);
    expect(profit(of(100.01))).toBe(profit(CHAIN));
    expect(look(0, 0, NOW, of(101)).probability).toBeGreaterThan(Number(look().probability) + 0.05);
  });

  it("says what is missing in place of each number", () => {
    quote(PUT, { ask: 0.6, flags: Flag.noBid });
    const found = look();
    const reason = "Leg 2 has no price. One-sided, no bid to sell at";
    expect([found.net.reason, found.outcome, found.probability]).toEqual([reason, reason, reason]);
    expect(found.greeks.delta).toBe("Leg 2: no delta from the venue or the model");
    quote(PUT, { bid: 0.5, ask: 0.6 });
    expect(look().withoutTime).toContain("no implied volatility");
    expect(look().outcome).toMatchObject({ isExact: true });
    expect(look(0, 0, NOW, null).probability).toContain("at the money");
  });

  it("gives no figures of what has expired", () => {
    expect(look(0, 0, EXPIRES).outcome).toContain("expired");
    expect(look(0, 0, EXPIRES).atExpiry).toBeNull();
  });

  it("is a table of legs and curve, which agree with it", () => {
    const { header, rows } = tableOf(views(), look(), [80, 120], "ACME");
    const cell = (row: (typeof rows)[number], name: string) => row[header.indexOf(name)];
    expect(rows[0]).toHaveLength(header.length);
    expect(rows.slice(0, 2).map((row) => cell(row, "cost"))).toEqual([220, -100]);
    const at = rows.find((row) => cell(row, "part") === "curve" && cell(row, "underlying_price") === 101.2);
    expect(cell(at!, "profit_at_expiry")).toBe(0);
    expect(rows.filter((row) => cell(row, "part") === "curve").length).toBeGreaterThan(60);
  });
});

it("an own price holds also without a quote", () => {
  picks.show(ACME);
  for (const facts of [CALL, PUT]) store.setFacts(facts);
  put("+1C100.2026-12-18@2");
  const leg: Leg = picks.legsOf(ACME)[0]!;
  expect(leg.price).toBe(2);
  expect(netOf(views(), null).cost).toBe(200);
});
