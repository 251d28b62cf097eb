// The legs that are picked, by underlying, kept while one goes about; the contracts that they are of; and what is subscribed
// for them. Before: api.ts, socket.ts, store.ts; after: the chain's marks and tray, PayoffView.
import { createSignal } from "solid-js";
import type { Api, Found } from "../api";
import type { Named } from "../grid/cells";
import { dayOf } from "../names";
import { columnValue, type Facts } from "../protocol";
import type { StreamSocket } from "../socket";
import type { Store } from "../store";
import { payoffAddress } from "./address";
import {
  contractText,
  type Leg,
  legsText,
  MOST_LEGS,
  MOST_QUANTITY,
  type OptionLeg,
  withPicked,
} from "./leg";
import type { LegView } from "./quoted";

const SOURCE = "payoff";

export interface PickParts {
  readonly api: Pick<Api, "contracts">;
  readonly store: Store;
  readonly socket: Pick<StreamSocket, "subscribe" | "unsubscribe">;
  readonly feedNow: (feed: string) => number;
  readonly messageOf: (error: unknown) => string;
  /** How many of each instrument are picked, by its id. */
  readonly onMarks: (marks: ReadonlyMap<number, number>) => void;
  readonly onRefused: (text: string) => void;
}

/** What a position is on. */
export interface Subject {
  readonly feed: string;
  readonly underlying: string;
}

type Contract = { readonly symbol: string } | { readonly symbol: null; readonly reason: string };

const ASKED: Contract = { symbol: null, reason: "Looking it up…" };

export type Picks = ReturnType<typeof createPicks>;

export function createPicks(parts: PickParts) {
  const { api, store, socket } = parts;
  const [version, setVersion] = createSignal(0);
  const positions = new Map<string, readonly Leg[]>();
  const contracts = new Map<string, Contract>();
  /** Those that are being asked for; what was said of them before holds meanwhile. */
  const asking = new Set<string>();
  let shown: Subject | null = null;
  let subscribed = "";

  const keyOf = ({ feed, underlying }: Subject): string => `${feed}.${underlying}`;
  const contractKey = (of: Subject, leg: Leg): string => `${keyOf(of)} ${contractText(leg)}`;

  function legsOf(of: Subject): readonly Leg[] {
    version();
    return positions.get(keyOf(of)) ?? [];
  }

  function put(of: Subject, wanted: readonly Leg[]): void {
    const legs = wanted.map((leg) =>
      leg.kind === "option" && leg.root === of.underlying ? { ...leg, root: null } : leg,
    );
    if (legs.length) positions.set(keyOf(of), legs);
    else positions.delete(keyOf(of));
    resolve(of, legs);
    settle();
  }

  /** Buys or, below zero, sells so many of an instrument. Says whether it could. */
  function pick(named: Named, quantity: number): boolean {
    const facts = store.facts.get(named.instrument);
    const leg = facts && legFor(facts, quantity);
    if (!facts || !leg) {
      parts.onRefused("Options and their underlyings can be picked.");
      return false;
    }
    const of = { feed: named.feed, underlying: leg.kind === "option" ? facts.underlying : named.symbol };
    const legs = withPicked(positions.get(keyOf(of)) ?? [], leg);
    if (!legs) {
      parts.onRefused(
        `A position has at most ${MOST_LEGS} legs, of up to ${MOST_QUANTITY.toLocaleString("en-US")} each.`,
      );
      return false;
    }
    contracts.set(contractKey(of, leg), { symbol: named.symbol });
    put(of, legs);
    return true;
  }

  /** The position on that underlying is on the screen, or none is. */
  function show(of: Subject | null): void {
    shown = of;
    if (of) resolve(of, positions.get(keyOf(of)) ?? []);
    settle();
  }

  // ── Contracts ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** Finds the symbols of the legs: among what is known, else by REST. */
  function resolve(of: Subject, legs: readonly Leg[]): void {
    const wanted = new Map<string, OptionLeg[]>();
    for (const leg of legs) {
      const key = contractKey(of, leg);
      const held = contracts.get(key);
      if (held?.symbol || asking.has(key)) continue;
      if (leg.kind === "underlying") {
        contracts.set(key, { symbol: of.underlying });
        continue;
      }
      const known = knownOption(of, leg);
      if (known) contracts.set(key, { symbol: known });
      else {
        asking.add(key);
        wanted.set(leg.expiry, [...(wanted.get(leg.expiry) ?? []), leg]);
      }
    }
    for (const [expiry, asked] of wanted) void ask(of, expiry, asked);
  }

  function knownOption(of: Subject, leg: OptionLeg): string | undefined {
    for (const facts of store.facts.values()) if (isOf(facts, of, leg, leg.root)) return facts.symbol;
    return undefined;
  }

  async function ask(of: Subject, expiry: string, legs: readonly OptionLeg[]): Promise<void> {
    const strikes = legs.map((leg) => leg.strike);
    let found: readonly Found[] = [];
    let problem = "";
    try {
      found = await api.contracts(of.feed, of.underlying, expiry, Math.min(...strikes), Math.max(...strikes));
    } catch (error) {
      problem = parts.messageOf(error);
    }
    for (const leg of legs) {
      const fitting = found.filter((one) => isOf(one, of, leg, null, true));
      // Without a root its own is meant, or whichever there is where there is but one.
      const one =
        fitting.find((other) => isOf(other, of, leg, leg.root)) ?? (leg.root ? undefined : only(fitting));
      if (one) store.setFacts(one);
      asking.delete(contractKey(of, leg));
      contracts.set(
        contractKey(of, leg),
        one ? { symbol: one.symbol } : { symbol: null, reason: problem || notOffered(of, expiry) },
      );
    }
    settle();
  }

  function notOffered(of: Subject, expiry: string): string {
    const now = parts.feedNow(of.feed);
    const isOver = !Number.isNaN(now) && expiry < new Date(now).toISOString().slice(0, 10);
    return isOver ? `It expired on ${dayOf(expiry)}` : "No such contract is offered to you now";
  }

  /** Asks again for what was not found. */
  function retry(of: Subject): void {
    resolve(of, positions.get(keyOf(of)) ?? []);
  }

  // ── What follows ────────────────────────────────────────────────────────────────────────────────────────────────
  function settle(): void {
    follow();
    parts.onMarks(marks());
    setVersion((count) => count + 1);
  }

  /** The contracts of the position on the screen, and its underlying. */
  function follow(): void {
    const legs = shown ? (positions.get(keyOf(shown)) ?? []) : [];
    const symbols = new Set<string>();
    for (const leg of legs) {
      const symbol = contracts.get(contractKey(shown!, leg))?.symbol;
      if (symbol) symbols.add(`${shown!.feed}.${symbol}`);
    }
    if (shown && legs.length) symbols.add(keyOf(shown));
    const wanted = [...symbols].sort();
    if (wanted.join() === subscribed) return;
    subscribed = wanted.join();
    if (wanted.length) socket.subscribe({ source: SOURCE, symbols: wanted });
    else socket.unsubscribe(SOURCE);
  }

  function marks(): ReadonlyMap<number, number> {
    const found = new Map<number, number>();
    for (const [key, legs] of positions) {
      for (const leg of legs) {
        const symbol = contracts.get(`${key} ${contractText(leg)}`)?.symbol;
        const id = symbol && store.ids.get(`${key.slice(0, key.indexOf("."))}.${symbol}`);
        if (id) found.set(id, (found.get(id) ?? 0) + leg.quantity);
      }
    }
    return found;
  }

  /** A leg with the newest row of its contract; to be asked anew for each look. */
  function view(of: Subject, leg: Leg): LegView {
    const contract = contracts.get(contractKey(of, leg)) ?? ASKED;
    const { symbol } = contract;
    const id = symbol === null ? undefined : store.ids.get(`${of.feed}.${symbol}`);
    const facts = id === undefined ? undefined : store.facts.get(id);
    const row = id === undefined ? undefined : store.rows.get(id);
    const value: LegView["value"] = (column) => (row ? columnValue(row, store.columns, column) : null);
    let absent = "";
    if (contract.symbol === null) absent = contract.reason;
    else if (!row) absent = store.refusal(of.feed, contract.symbol, id ?? -1) ?? "No quote yet";
    return { leg, symbol, facts, absent, value, has: (flag) => ((value("flags") ?? 0) & flag) !== 0 };
  }

  return {
    legsOf,
    viewsOf: (of: Subject): readonly LegView[] => legsOf(of).map((leg) => view(of, leg)),
    addressOf: (of: Subject): string => payoffAddress(of.feed, of.underlying, legsText(legsOf(of))),
    /** Changes with every pick, and with what becomes known of contracts. */
    version,
    put,
    pick,
    show,
    retry,
  };
}

/** The leg that buys or sells an instrument; null where it is of a kind that no position here has. */
export function legFor(facts: Facts, quantity: number): Leg | null {
  if (facts.kind === "future") return null;
  if (facts.kind !== "option") return { kind: "underlying", quantity, price: "market" };
  if (!facts.expiry || !facts.right || facts.strike === null) return null;
  const root = facts.root === null || facts.root === facts.underlying ? null : facts.root;
  const expiry = facts.expiry.slice(0, 10);
  return {
    kind: "option",
    quantity,
    right: facts.right,
    strike: facts.strike,
    expiry,
    root,
    price: "market",
  };
}

function isOf(facts: Facts, of: Subject, leg: OptionLeg, root: string | null, anyRoot = false): boolean {
  return (
    facts.kind === "option" &&
    facts.feed === of.feed &&
    facts.underlying === of.underlying &&
    facts.right === leg.right &&
    facts.strike === leg.strike &&
    facts.expiry?.slice(0, 10) === leg.expiry &&
    (anyRoot || (facts.root ?? of.underlying) === (root ?? of.underlying))
  );
}

function only<T>(all: readonly T[]): T | undefined {
  return all.length === 1 ? all[0] : undefined;
}
