// The option chain on the screen: which expiry is wanted, what is subscribed for it, what the grid shows. The chain shown
// stays until the values of the next are here. Before: api.ts, socket.ts, store.ts; after: chain/grid.ts, ChainView.
import { createSignal } from "solid-js";
import type { Api, Chain, Expiry, Underlying } from "../api";
import type { Flasher } from "../flash";
import { decimals } from "../format";
import type { Frame } from "../frame";
import type { Named } from "../grid/cells";
import { isCoinPriced } from "../money";
import type { Message, Row, Subscribed } from "../protocol";
import type { Settings } from "../settings";
import type { StreamSocket } from "../socket";
import { ownPrice, underlyingPrice } from "../spot";
import type { Store } from "../store";
import { type Address, addressOf } from "./address";
import { namedExpiry, usualExpiry } from "./expiry";
import { ChainGrid, type Fit, type Place, type Terms } from "./grid";
import { chosenKeys, USUAL } from "./layout";
import { rowOf } from "./seed";
import { byStrike, moneyAt, type Placed, RANGES, type Side, type Strike, within } from "./strikes";

/** Of an expiry with more contracts only those near what is in sight are subscribed. */
export const LARGE = 400;
/** Strikes subscribed beyond the edges of what is in sight. */
const BEYOND = 15;
/** A scroll has paused for so long before what is subscribed follows it. */
const PAUSE_MS = 120;
/** Volatility at the money and expected moves are asked for so often. */
const REFRESH_MS = 15_000;
/** The server asks for what follows a change of the catalogue to be spread over so long. */
const SPREAD_MS = 5_000;
/** So many underlyings at the left are live. */
const MOST_UNDERLYINGS = 60;
const MOST_PLACES = 50;
/** So many underlyings keep the expiry that was looked at last. */
const MOST_EXPIRIES = 50;
const UNDERLYINGS = "underlyings";

export interface ChainParts {
  readonly api: Api;
  readonly store: Store;
  readonly socket: Pick<StreamSocket, "subscribe" | "unsubscribe">;
  readonly frame: Frame;
  readonly flasher: Flasher;
  readonly settings: Settings;
  readonly feedNow: (feed: string) => number;
  readonly staleWhy: (feed: string) => string;
  readonly messageOf: (error: unknown) => string;
  readonly onDrawn: () => void;
  readonly onOpen: (contract: Named) => void;
  readonly onAdd: (contract: Named) => void;
  readonly onPick: (contract: Named, quantity: number) => void;
  readonly onPayoff: () => void;
  /** It is known anew what has a chain. */
  readonly onUnderlyings: () => void;
}

/** One expiry, wanted or shown. */
interface Held {
  readonly address: string;
  readonly feed: string;
  readonly expiry: Expiry;
  /** Its source in the stream. */
  readonly source: string;
  /** Whether only a window of it is subscribed. */
  readonly windowed: boolean;
  contracts: Map<number, Placed>;
  strikes: readonly Strike[];
  subscribed: readonly [number, number];
}

export type ChainState = ReturnType<typeof createChain>;

export function createChain(parts: ChainParts) {
  const { api, store, socket, settings } = parts;
  const [underlyings, setUnderlyings] = createSignal<readonly Underlying[]>([]);
  const [address, setAddress] = createSignal<Address | null>(null);
  const [chain, setChain] = createSignal<Chain | null>(null);
  const [expiry, setExpiry] = createSignal<Expiry | null>(null);
  const [count, setCount] = createSignal<number | null>(null);
  const [problem, setProblem] = createSignal("");
  const [picked, setPicked] = createSignal<Named | null>(null);
  const [picking, setPicking] = createSignal(false);
  const [fit, setFit] = createSignal<Fit>({ shown: 0, single: false });
  const kept = {
    columns: () => settings.read("chain.columns", chosenKeys, USUAL),
    side: () => settings.read<Side>("chain.side", (value) => (value === "P" ? "P" : null), "C"),
    range: () =>
      settings.read("chain.strikes", (value) => RANGES.find(([name]) => name === value)?.[0] ?? null, "all"),
  };
  const [columns, setColumns] = createSignal(kept.columns());
  const [side, setSide] = createSignal(kept.side());
  const [range, setRange] = createSignal(kept.range());
  settings.onAdopted(() => {
    setColumns(kept.columns());
    setSide(kept.side());
    setRange(kept.range());
    grid?.setColumns(columns(), side());
    again();
  });

  let grid: ChainGrid | null = null;
  let shown: Held | null = null;
  let pending: Held | null = null;
  /** To have the cursor once its chain is shown. */
  let pointed: Named | null = null;
  let live: readonly string[] = [];
  let marks: ReadonlyMap<number, number> = new Map();
  /** The contract of the chain on the screen whose row came last. */
  let newest: number | null = null;
  let fetching = new AbortController();
  let pause: ReturnType<typeof setTimeout> | undefined;
  let nextSource = 1;
  const places = new Map<string, Place>();

  // ── What there is ───────────────────────────────────────────────────────────────────────────────────────────────
  async function loadUnderlyings(): Promise<void> {
    try {
      setUnderlyings(await api.underlyings());
      followUnderlyings();
      parts.onUnderlyings();
    } catch {
      // The list stays as it was; the connection's own state says what is wrong.
    }
  }

  /** Prices of the underlyings at the left, and of the one on the screen. */
  function followUnderlyings(): void {
    const now = address();
    const wanted = new Set(
      underlyings()
        .slice(0, MOST_UNDERLYINGS)
        .map((one) => `${one.feed}.${one.underlying}`),
    );
    if (now) wanted.add(`${now.feed}.${now.underlying}`);
    const symbols = [...wanted];
    if (symbols.join() === live.join()) return;
    live = symbols;
    if (symbols.length) socket.subscribe({ source: UNDERLYINGS, symbols });
    else socket.unsubscribe(UNDERLYINGS);
  }

  function idOf(feed: string, symbol: string): number | undefined {
    return store.ids.get(`${feed}.${symbol}`);
  }

  /** What an underlying is worth by its own newest row; null where that is not known. */
  function priceOf(feed: string, symbol: string): number | null {
    return ownPrice(store.rows.get(idOf(feed, symbol) ?? -1), store.columns);
  }

  /** The same of the one on the screen, which may be told by its options alone. */
  function price(): number | null {
    const now = address();
    if (!now) return null;
    const own = store.rows.get(idOf(now.feed, now.underlying) ?? -1);
    return underlyingPrice(own, optionRows(), store.columns) ?? chain()?.underlying_price ?? null;
  }

  /** Of the chain that is on its way or shown, that which came last first. */
  function* optionRows(): Iterable<Row | undefined> {
    if (newest !== null) yield store.rows.get(newest);
    for (const id of (pending ?? shown)?.contracts.keys() ?? []) yield store.rows.get(id);
  }

  // ── Which expiry ────────────────────────────────────────────────────────────────────────────────────────────────
  /** Goes to the chain at that address, and in it to `contract`; without an expiry, to its usual one. */
  async function show(to: Address, contract: Named | null = null): Promise<void> {
    const before = address();
    pointed = contract;
    setAddress(to);
    setProblem("");
    followUnderlyings();
    if (before?.feed !== to.feed || before.underlying !== to.underlying) {
      keepPlace();
      drop();
      setChain(null);
      setExpiry(null);
      setPicked(contract);
      await load();
    } else choose();
  }

  /** Nothing of a chain is on the screen any more. */
  function leave(): void {
    if (!address()) return;
    keepPlace();
    fetching.abort();
    drop();
    setAddress(null);
    setChain(null);
    setExpiry(null);
    setPicked(null);
    followUnderlyings();
  }

  async function load(): Promise<void> {
    const to = address();
    if (!to) return;
    fetching.abort();
    fetching = new AbortController();
    const { signal } = fetching;
    try {
      const found = await api.chain(to.feed, to.underlying, signal);
      if (signal.aborted) return;
      setChain(found);
      setProblem("");
      choose();
    } catch (error) {
      if (!signal.aborted && !chain()) setProblem(parts.messageOf(error));
    }
  }

  /** Begins what the address wants, unless that is shown or on its way. */
  function choose(): void {
    const to = address();
    const found = chain();
    if (!to || !found) return;
    const kept = keptExpiries()[`${to.feed}.${to.underlying}`];
    const one =
      to.expiry === null
        ? ((kept ? namedExpiry(found.expiries, kept) : undefined) ?? usualExpiry(found.expiries))
        : namedExpiry(found.expiries, to.expiry);
    if (!one) {
      abandon();
      setExpiry(null);
      setProblem(
        to.expiry === null
          ? `${to.underlying} has no options that are offered now.`
          : `${to.underlying} has no expiry ${to.expiry} that is offered now. Choose another above.`,
      );
      return;
    }
    setExpiry(one);
    setProblem("");
    drawPrice();
    const at = addressOf(to.feed, to.underlying, one.name);
    if (to.expiry === null) {
      setAddress({ ...to, expiry: one.name });
      history.replaceState(null, "", at);
    }
    if (shown?.address === at) {
      abandon();
      point();
    }
    if (shown?.address !== at && pending?.address !== at) void begin(to, one, at);
  }

  async function begin(to: Address, one: Expiry, at: string): Promise<void> {
    abandon();
    const windowed = one.options > LARGE;
    const held: Held = {
      address: at,
      feed: to.feed,
      expiry: one,
      source: `chain-${nextSource++}`,
      windowed,
      contracts: new Map(),
      strikes: [],
      subscribed: [0, 0],
    };
    pending = held;
    if (!windowed) {
      const underlying = `${to.feed}.${to.underlying}`;
      socket.subscribe({ source: held.source, chain: { underlying, expiry: one.name } });
      return;
    }
    try {
      await readStructure(held, to);
      if (pending !== held) return;
      const money = moneyAt(held.strikes, price()) ?? held.strikes.length >> 1;
      subscribeWindow(held, money - 2 * BEYOND, money + 2 * BEYOND);
    } catch (error) {
      if (pending !== held) return;
      pending = null;
      setProblem(parts.messageOf(error));
    }
  }

  /** What a large chain consists of, with the values of now, by REST. */
  async function readStructure(held: Held, to: Address): Promise<void> {
    const answer = await api.chainOfExpiry(to.feed, to.underlying, held.expiry.name);
    for (const { strike, call, put } of answer.strikes) {
      for (const [option, right] of [
        [call, "C"],
        [put, "P"],
      ] as const) {
        if (!option) continue;
        held.contracts.set(option.id, { id: option.id, feed: to.feed, symbol: option.symbol, strike, right });
        const row = rowOf(option, store.fields);
        if (row) store.seed([row]);
      }
    }
    held.strikes = ranged(held);
  }

  function subscribeWindow(held: Held, first: number, last: number): void {
    held.subscribed = [Math.max(0, first), Math.min(held.strikes.length, last)];
    const symbols = held.strikes
      .slice(...held.subscribed)
      .flatMap(({ call, put }) => [call, put])
      .filter((one) => one !== null)
      .map((one) => `${one.feed}.${one.symbol}`);
    socket.subscribe({ source: held.source, symbols });
  }

  /** What is in sight changed: a large chain's subscription follows, once the scroll pauses. */
  function onSight(first: number, last: number): void {
    clearTimeout(pause);
    const held = shown;
    if (!held?.windowed || (first >= held.subscribed[0] && last <= held.subscribed[1])) return;
    pause = setTimeout(() => {
      if (shown === held) subscribeWindow(held, first - BEYOND, last + BEYOND);
    }, PAUSE_MS);
  }

  /** The expiry `steps` further in the navigator. */
  function step(steps: number): void {
    const all = chain()?.expiries ?? [];
    const to = address();
    const at = all.findIndex((one) => one.name === expiry()?.name);
    const next = all[Math.min(all.length - 1, Math.max(0, at + steps))];
    if (!to || !next || next.name === expiry()?.name) return;
    const hash = addressOf(to.feed, to.underlying, next.name);
    history.replaceState(null, "", hash);
    void show({ ...to, expiry: next.name });
  }

  // ── What the stream says ────────────────────────────────────────────────────────────────────────────────────────
  /** After the store has taken it. */
  function onMessage(message: Message): void {
    switch (message.op) {
      case "subscribed":
        if (message.source === pending?.source) contain(pending, message);
        else if (message.source === shown?.source) {
          contain(shown, message);
          draw(shown, grid?.place ?? null);
        }
        break;
      case "snapshot":
        if (message.source === pending?.source && !message.more) swap(pending);
        break;
      case "error":
        if (pending && message.field?.startsWith("chain")) {
          pending = null;
          setProblem(message.message);
          void load();
        }
        break;
      case "catalogue":
        setTimeout(() => {
          void loadUnderlyings();
          if (address()) void load();
        }, Math.random() * SPREAD_MS);
        break;
    }
  }

  function contain(held: Held, message: Subscribed): void {
    // What a large chain contains is known from REST; here only comes what is subscribed of it.
    if (held.windowed) return;
    // The answer to a request tells all, also after the connection was lost; what comes unasked tells what changed.
    if (message.cause === "request") held.contracts = new Map();
    for (const [symbol, facts] of Object.entries(message.added)) {
      held.contracts.set(facts.id, store.facts.get(facts.id) ?? { ...facts, symbol });
    }
    for (const { id } of message.removed) held.contracts.delete(id);
    held.strikes = ranged(held);
  }

  /** The values of `held` are here: it takes the place of what is shown. */
  function swap(held: Held): void {
    const before = shown;
    const now = address();
    const isFirst = before === null;
    const place = isFirst ? (places.get(held.address) ?? null) : (grid?.place ?? null);
    pending = null;
    shown = held;
    newest = null;
    draw(held, place);
    point();
    keepExpiry(held);
    if (before) socket.unsubscribe(before.source);
    if (now) document.title = `${now.underlying} ${held.expiry.expiry} · Strikewire`;
  }

  /** Gives the cursor to the contract that was asked for. */
  function point(): void {
    if (pointed) grid?.pointAt(pointed.instrument);
    pointed = null;
  }

  /** An underlying is opened at the expiry that was looked at last. */
  function keepExpiry({ feed, expiry: { name } }: Held): void {
    const key = `${feed}.${address()?.underlying ?? ""}`;
    const { [key]: _, ...others } = keptExpiries();
    const latest = Object.entries(others).slice(1 - MOST_EXPIRIES);
    settings.write("chain.expiries", { ...Object.fromEntries(latest), [key]: name });
  }

  function keptExpiries(): Readonly<Record<string, string>> {
    return settings.read("chain.expiries", expiriesOf, {});
  }

  function draw(held: Held, place: Place | null): void {
    setCount(held.contracts.size);
    grid?.setStrikes(held.strikes, termsOf(held), price(), held.expiry.expected_move, place);
  }

  function termsOf(held: Held): Terms {
    const to = address();
    const first = [...held.contracts.keys()].map((id) => store.facts.get(id)).find((facts) => facts);
    const id = to && idOf(to.feed, to.underlying);
    const tick = (id != null && store.facts.get(id)?.tick) || 0.01;
    return {
      feed: held.feed,
      prices: { dollars: isCoinPriced(first), large: !isCoinPriced(first) && (price() ?? 0) >= 10_000 },
      places: decimals(tick),
    };
  }

  function ranged(held: Held): readonly Strike[] {
    const wanted = RANGES.find(([name]) => name === range())![1];
    return within(byStrike(held.contracts.values()), wanted, price(), held.expiry.expected_move);
  }

  /** Gives up what is on its way; what is shown stays. */
  function abandon(): void {
    if (!pending) return;
    socket.unsubscribe(pending.source);
    pending = null;
  }

  function drop(): void {
    abandon();
    clearTimeout(pause);
    if (shown) socket.unsubscribe(shown.source);
    shown = null;
    newest = null;
    setCount(null);
  }

  function keepPlace(): void {
    const place = grid?.place;
    if (!shown || !place) return;
    places.delete(shown.address);
    places.set(shown.address, place);
    const [oldest] = places.keys();
    if (places.size > MOST_PLACES && oldest !== undefined) places.delete(oldest);
  }

  function drawPrice(): void {
    grid?.setPrice(price(), expiry()?.expected_move ?? null);
  }

  // ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────
  function mount(element: HTMLElement): () => void {
    const made = new ChainGrid(element, store, parts.frame, parts.flasher, parts.feedNow, parts.staleWhy, {
      onCursor: setPicked,
      onOpen: parts.onOpen,
      onAdd: parts.onAdd,
      onPick: parts.onPick,
      onPayoff: parts.onPayoff,
      onSight,
      onFit: setFit,
      onSide: showSide,
      onDrawn: parts.onDrawn,
    });
    grid = made;
    made.setColumns(columns(), side());
    made.setMarks(marks);
    made.setPicking(picking());
    if (shown) draw(shown, null);
    return () => {
      made.destroy();
      if (grid === made) grid = null;
    };
  }

  function showColumns(keys: readonly string[]): void {
    setColumns(keys);
    settings.write("chain.columns", keys);
    grid?.setColumns(keys, side());
  }

  function showSide(wanted: Side): void {
    setSide(wanted);
    settings.write("chain.side", wanted);
    grid?.setColumns(columns(), wanted);
  }

  function showRange(name: string): void {
    setRange(name);
    settings.write("chain.strikes", name);
    again();
  }

  /** The strikes of the range round the money of now. */
  function again(): void {
    if (!shown) return;
    shown.strikes = ranged(shown);
    // Other rows have the same places now: what is in sight is asked for anew.
    shown.subscribed = [0, 0];
    draw(shown, null);
  }

  function start(): void {
    void loadUnderlyings();
    setInterval(() => {
      if (address() && document.visibilityState === "visible") void load();
    }, REFRESH_MS);
  }

  return {
    underlyings,
    address,
    chain,
    expiry,
    count,
    problem,
    picked,
    setPicked,
    fit,
    /** Whether a click on a bid sells and on an ask buys. */
    picking,
    setPicking: (on: boolean) => {
      setPicking(on);
      grid?.setPicking(on);
    },
    setMarks: (wanted: ReadonlyMap<number, number>) => {
      marks = wanted;
      grid?.setMarks(wanted);
    },
    columns,
    side,
    range,
    price,
    priceOf,
    idOf,
    show,
    leave,
    load,
    loadUnderlyings,
    step,
    mount,
    showColumns,
    showSide,
    showRange,
    start,
    onMessage,
    /** The address of the chain of an underlying, or null where it has none. */
    linkOf: (feed: string, symbol: string): string | null =>
      underlyings().some((one) => one.feed === feed && one.underlying === symbol)
        ? addressOf(feed, symbol)
        : null,
    /** Whether that instrument has a place in the grid. */
    has: (id: number) => grid?.has(id) ?? false,
    rowChanged: (id: number) => {
      grid?.rowChanged(id);
      const to = address();
      if (!to) return;
      const underlying = idOf(to.feed, to.underlying);
      if (shown?.contracts.has(id)) newest = id;
      // What says nothing of its price itself moves with what its options say of it.
      const isTold = () => ownPrice(store.rows.get(underlying ?? -1), store.columns) === null;
      if (id === underlying || (id === newest && isTold())) drawPrice();
    },
    factsChanged: (id: number) => grid?.factsChanged(id),
    drawAges: () => grid?.drawAges(),
    /** Rows may have another height. */
    relay: () => grid?.setColumns(columns(), side()),
    markStale: () => grid?.markStale(),
    redraw: () => grid?.redraw(),
    /** What is on the screen, for a file. */
    table: () => {
      const to = address();
      if (!grid || !to || !shown) return null;
      return { name: `${to.underlying} ${shown.expiry.name}.csv`, ...grid.table() };
    },
    takeKey: (event: KeyboardEvent) => grid?.takeKey(event) ?? false,
    focus: () => grid?.focus(),
    showMoney: () => grid?.showMoney(),
  };
}

function expiriesOf(value: unknown): Readonly<Record<string, string>> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.fromEntries(Object.entries(value).filter(([, name]) => typeof name === "string"));
}
