// The desk: builds socket, store, frame and grid, in order, and holds the state that the views read.
import { createSignal } from "solid-js";
import {
  Api,
  ApiError,
  type Entry,
  type Found,
  type Item,
  type RollingItem,
  type Rule,
  type SectionItem,
  type Shared,
  type Watchlist,
} from "./api";
import { addressOf } from "./chain/address";
import { createChain } from "./chain/chain";
import { feedTime, ourNow, serverTime } from "./clock";
import { type Account, createDisplay } from "./display";
import { saveCsv } from "./export";
import { Flasher } from "./flash";
import { Frame } from "./frame";
import type { Named } from "./grid/cells";
import { Grid } from "./grid/grid";
import { viewOf } from "./grid/view";
import { type Moment, staleWhy, type Words, wordsFor } from "./health";
import { createHints } from "./hints";
import { type Arrival, LatencyMeter, mergedBetween, NO_READOUT, type Readout } from "./latency";
import { DayLines } from "./lists/dayLines";
import { entriesOf, feedsOf, type Line, linesOf, moved } from "./lists/lines";
import { createListView } from "./lists/listView";
import { listTable } from "./lists/table";
import { nameOf, spelled } from "./names";
import { createPanels, NARROW } from "./panels";
import { createPicks } from "./payoff/picks";
import type { FeedStatus, Message, Row, Subscription } from "./protocol";
import { type Route, routeOf } from "./route";
import { Settings } from "./settings";
import { type Connection, StreamSocket } from "./socket";
import { Store } from "./store";
import { ofFeed } from "./times";

export interface Page {
  readonly user: string;
  readonly staff: boolean;
  readonly account: Account & {
    readonly id: number;
    readonly has_begun: boolean;
    readonly exchange_zones: Readonly<Record<string, string>>;
  };
  readonly loginUrl: string;
  readonly logoutUrl: string;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
  readonly undo?: () => void;
}

/** What is asked of its user in a box over the page. */
export type Asked =
  | { readonly what: "paste"; readonly text: string }
  | { readonly what: "share" }
  | { readonly what: "rolling"; readonly of: RollingItem | null }
  | { readonly what: "section"; readonly of: SectionItem | null };

/** A watchlist on the screen, one's own or another's. */
export interface ListShown {
  readonly name: string;
  readonly items: readonly Item[];
}

const BEAT_MS = 250;
/** In beats: a list that is sorted by what changes is sorted again, and it is looked whether a day is over. */
const SORT_EVERY = 12;
const DAY_EVERY = 40;
const TOAST_MS = 6000;
/** From the first word of an edit elsewhere until watchlists are read again. */
const LOAD_AFTER_MS = 50;
/** Between two askings for a first watchlist, doubled each time. */
const BEGIN_MS = 5000;
const LONGEST_BEGIN_MS = 60_000;
/** The source of another's list. */
const SHARED = "shared";

export type Desk = ReturnType<typeof createDesk>;

export function createDesk(page: Page) {
  const [watchlists, setWatchlists] = createSignal<readonly Watchlist[] | null>(null);
  const [loadError, setLoadError] = createSignal("");
  const [activeId, setActiveId] = createSignal<number | null>(null);
  const [at, setAt] = createSignal<Route>(routeOf(window.location.hash));
  const view = () => at().view;
  const [selected, setSelected] = createSignal<Named | null>(null);
  const [shared, setShared] = createSignal<(Shared & { readonly key: string }) | null>(null);
  const [sharedProblem, setSharedProblem] = createSignal("");
  const [asked, setAsked] = createSignal<Asked | null>(null);
  const [connection, setConnection] = createSignal<Connection>({ phase: "connecting" });
  const [feeds, setFeeds] = createSignal<ReadonlyMap<string, FeedStatus>>(new Map());
  const [beat, setBeat] = createSignal(0);
  const [drawn, setDrawn] = createSignal(0);
  const [factsVersion, setFactsVersion] = createSignal(0);
  const [readout, setReadout] = createSignal<Readout>(NO_READOUT);
  /** How often the server sends to this page, ms. */
  const [beatMs, setBeatMs] = createSignal<number | null>(null);
  const [toasts, setToasts] = createSignal<readonly Toast[]>([]);

  let grid: Grid | null = null;
  let saveView: (() => void) | null = null;
  /** The watchlist that is subscribed: the one on the screen. */
  let followed: number | string | null = null;
  let heard: number | null = null;
  let sentWaiting: number[] = [];
  let hasDrawn = false;
  /** When the server sent the rows that are being applied, its time; null while there are none. */
  let sending: number | null = null;
  let edits = 0;
  let pending = 0;
  let nextToast = 1;
  let loading: ReturnType<typeof setTimeout> | undefined;
  /** Whose chain, volatility or payoff is shown. */
  let underlying: Named | null = null;
  /** Is to have the cursor in the chain that is gone to. */
  let aim: Named | null = null;

  const watchers = new Set<(id: number, row: Row) => void>();
  const frame = new Frame();
  const meter = new LatencyMeter();
  const motion = window.matchMedia("(prefers-reduced-motion: reduce)");
  const flasher = new Flasher(() => motion.matches);
  const api = new Api("/api/v1/", signIn);
  const settings = new Settings(localStorage, String(page.account.id));
  settings.adopt(page.account.display.layout, saveLayout);
  const display = createDisplay({
    account: page.account,
    exchangeZones: page.account.exchange_zones,
    save: (chosen) => api.saveDisplay(chosen),
    onProblem: (error) => toast(messageOf(error), true),
  });
  const panels = createPanels(settings, window.matchMedia(NARROW));
  const hints = createHints(settings);
  const store = new Store({
    onRow: (id, row, before) => {
      if (sending !== null && isOnScreen(id)) {
        meter.arrived(arrivalOf(id, row, before, sending), ourNow());
        if (sentWaiting.at(-1) !== sending) sentWaiting.push(sending);
      }
      dayLines.live(id, row, store.columns);
      grid?.rowChanged(id);
      chain.rowChanged(id);
      // Behind what draws the row: a frame draws in the order in which it was asked.
      if (sentWaiting.length) frame.request(timing);
      if (id === detailed()?.instrument) frame.request(details);
      for (const watch of watchers) watch(id, row);
    },
    onFacts: (id) => {
      grid?.factsChanged(id);
      chain.factsChanged(id);
      setFactsVersion((version) => version + 1);
    },
    onStatus: (status) => {
      const first = !feeds().has(status.feed);
      setFeeds(new Map(store.feeds));
      // Only now can be told how long a contract has left.
      if (first) grid?.drawNames();
      markStale();
    },
    onEmpty: (ids) => {
      for (const id of ids) {
        grid?.rowChanged(id);
        chain.rowChanged(id);
      }
    },
    isWanted: (source) => socket.wants(source),
  });
  const dayLines = new DayLines({
    ask: (symbols) => api.sparklines(symbols),
    lines: store.days,
    messageOf,
    onLines: (ids) => {
      for (const id of ids) grid?.rowChanged(id);
    },
  });
  const listView = createListView(settings, () => drawLook());
  const [listFit, setListFit] = createSignal<readonly string[]>([]);
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new StreamSocket(`${scheme}//${window.location.host}/ws/stream/`, {
    onMessage,
    onConnection: (state) => {
      const before = connection().phase;
      setConnection(state);
      markStale();
      if (state.phase === "signed_out") signIn();
      // What was edited elsewhere while we were away.
      if (state.phase === "open" && before !== "open" && before !== "silent") refresh();
    },
  });

  const chain = createChain({
    api,
    store,
    socket,
    frame,
    flasher,
    settings,
    feedNow,
    staleWhy: staleText,
    messageOf,
    onDrawn,
    onOpen: () => showDetail(true),
    onAdd: (contract) => void watch(contract),
    onPick: (contract, quantity) => picks.pick(contract, quantity),
    onPayoff: () => {
      const to = chain.address();
      if (to) window.location.hash = picks.addressOf(to);
    },
    onUnderlyings: () => grid?.drawNames(),
  });

  const picks = createPicks({
    api,
    store,
    socket,
    feedNow,
    messageOf,
    onMarks: (marks) => chain.setMarks(marks),
    onRefused: (text) => toast(text, true),
  });

  /** Why rows of a feed are not of now, and since when; empty where they are. */
  function staleText(feed: string): string {
    return staleWhy(socket.connection, store.feeds.get(feed), moment());
  }

  function moment(): Moment {
    return { our_ms: ourNow(), server_ms: socket.clock.now(), heard_ms: heard };
  }

  function markStale(): void {
    grid?.markStale();
    chain.markStale();
  }

  function onMessage(message: Message): void {
    // Until something comes after it, a first connection is still being made, and nothing on the page is old.
    if (message.op !== "welcome") heard = ourNow();
    sending = message.op === "ticks" ? message.sent_ms : null;
    store.apply(message);
    sending = null;
    chain.onMessage(message);
    if (message.op === "welcome" || message.op === "configured") setBeatMs(message.interval_ms);
    // A hidden tab draws nothing; what it was sent would count as hours of delay when it is looked at again.
    if (document.visibilityState === "hidden") sentWaiting = [];
    if (message.op === "subscribed") {
      grid?.redrawAll();
      chain.redraw();
      if (message.cause !== "request" && message.source.startsWith("watchlist-")) loadSoon();
      if (message.cause !== "request" && message.source === SHARED) void loadShared();
    } else if (message.op === "watchlists") {
      loadSoon();
    } else if (message.op === "error" && message.field === "watchlist" && view() === "shared") {
      // What REST says of the key stands on the page.
    } else if (message.op === "error" && message.code !== "not_streaming") {
      toast(message.message, true);
    }
  }

  function isOnScreen(id: number): boolean {
    return view() === "chain" ? chain.has(id) : (grid?.has(id) ?? false);
  }

  function arrivalOf(id: number, row: Row, before: Row | undefined, sent: number): Arrival {
    const { lag_ms, venue_time_ms, seq } = store.columns;
    const [lag, venue] = [row[lag_ms] ?? null, row[venue_time_ms] ?? null];
    const status = store.feeds.get(store.facts.get(id)?.feed ?? "");
    const wait = status && venue !== null ? sent - serverTime(status, venue + (lag ?? 0)) : null;
    return { lag, wait, merged: mergedBetween(before?.[seq] ?? null, row[seq]!) };
  }

  function onDrawn(): void {
    hasDrawn = true;
  }

  /** Drawn anew for their own instrument's rows, not for each of a chain's. */
  const details = { draw: () => setDrawn((count) => count + 1) };

  /** After the grids, in the same frame: what was sent and is drawn now. What nobody sees counts for nothing. */
  const timing = {
    draw: () => {
      const [now, at] = [socket.clock.now(), ourNow()];
      if (hasDrawn) for (const sent of sentWaiting) meter.drawn(now - sent, at);
      sentWaiting = [];
      hasDrawn = false;
    },
  };

  function start(): void {
    window.addEventListener("hashchange", route);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return settings.flush();
      refresh();
      void loadSettings();
    });
    setInterval(() => {
      setBeat((count) => count + 1);
      grid?.drawAges();
      chain.drawAges();
      if (beat() % SORT_EVERY === 0) grid?.sortAgain();
      if (beat() % DAY_EVERY === 0) dayLines.turnDay(feedNow);
      if (beat() % 4 === 0) setReadout(meter.read(ourNow()));
      if (beat() % 240 === 0) grid?.drawNames();
    }, BEAT_MS);
    display.onDrawn(() => chain.relay());
    window.addEventListener("pagehide", () => settings.flush());
    if (!page.account.has_begun) void begin();
    void load();
    chain.start();
    if (!window.location.hash) goBack();
    route();
    socket.start();
  }

  /** Rejects where it may be tried again. */
  async function saveLayout(layout: Record<string, unknown>): Promise<void> {
    try {
      await api.saveDisplay({ layout });
    } catch (error) {
      toast(messageOf(error), true);
      if (!(error instanceof ApiError && error.status === 400)) throw error;
    }
  }

  /** What was changed in another tab, in another browser, or on the settings page. */
  async function loadSettings(): Promise<void> {
    try {
      const account = await api.me();
      settings.adopt(account.display.layout, saveLayout);
      display.adopt(account);
    } catch {
      // What the page has goes on.
    }
  }

  /** Where the account was last, for an address that names nothing. */
  function goBack(): void {
    const hash = settings.read("view", textOf, "");
    if (hash && routeOf(hash).view !== "list") history.replaceState(null, "", hash);
  }

  /** A new user's first watchlist, as soon as there is a feed that lives. */
  async function begin(pauseMs = BEGIN_MS): Promise<void> {
    const living = [...store.feeds.keys()];
    const settled = living.length > 0 && (await api.giveFirstList(living).catch(() => false));
    if (settled) return load();
    // It costs the server a look through all that is listed, in vain for as long as nothing is or may be seen.
    const next = living.length ? Math.min(pauseMs * 2, LONGEST_BEGIN_MS) : pauseMs;
    setTimeout(() => void begin(next), living.length ? pauseMs : 100);
  }

  /** Shows what the address says. */
  function route(): void {
    const to = routeOf(window.location.hash);
    // The chain itself knows its expiry; the key of a shared list is in nobody's account.
    if (to.view === "list") settings.write("view", "");
    else if (to.view === "chain") settings.write("view", addressOf(to.to.feed, to.to.underlying));
    else if (to.view !== "shared") settings.write("view", window.location.hash);
    // From a contract's details to its chain: there it has the cursor, and the details go on.
    const detailed = view() !== "chain" && panels.detailOpen() ? selected() : null;
    const contract = aim ?? (detailed && to.view === "chain" && isOf(detailed, to.to) ? detailed : null);
    aim = null;
    panels.leaveSheet();
    setAt(to);
    if (to.view !== "shared") setShared(null);
    if (to.view !== "chain") chain.leave();
    picks.show(to.view === "chain" || to.view === "payoff" ? to.to : null);
    if (to.view === "list") {
      show(to.id ?? activeId());
    } else if (to.view === "shared") {
      if (to.key === shared()?.key) return;
      setShared(null);
      setSharedProblem("");
      setSelected(null);
      grid?.selectEntry(null);
      drawList();
      follow(to.key);
      document.title = "A shared watchlist · Strikewire";
      void loadShared();
    } else {
      follow(null);
      document.title = `${to.to.underlying} · Strikewire`;
      if (to.view === "chain") void chain.show(to.to, contract);
    }
    ofFeed(feedsOnScreen()[0] ?? "");
  }

  /** To a view, and in a chain to one of its contracts. */
  function goTo(hash: string, contract: Named | null = null): void {
    aim = contract;
    // At once, so that whoever goes there can give it the keyboard.
    if (window.location.hash !== hash) history.pushState(null, "", hash);
    route();
  }

  /** What may have been edited while nobody looked, or nothing was heard. */
  function refresh(): void {
    void load();
    dayLines.refresh();
    if (view() === "shared") void loadShared();
  }

  /** Another's list, by the key in the address. */
  async function loadShared(): Promise<void> {
    const key = sharedKey();
    if (key === null) return;
    try {
      const found = await api.shared(key);
      if (sharedKey() !== key) return;
      setShared({ ...found, key });
      setSharedProblem("");
      document.title = `${found.name} · Strikewire`;
    } catch (error) {
      if (sharedKey() !== key) return;
      setShared(null);
      setSharedProblem(messageOf(error));
    }
    drawList();
  }

  /** The list on the screen, or that was there last. */
  function current(): ListShown | null {
    return view() === "shared" ? shared() : active();
  }

  function drawList(): void {
    drawLook();
    grid?.setLines(linesOf(current()?.items ?? []), view() === "shared");
  }

  function drawLook(): void {
    const [columns, sort] = [listView.columns(), listView.sortOf(listKey())];
    grid?.setLook({ columns, sort, folded: listView.folded() });
    followDays();
  }

  /** The day's course of what is on the screen, where its column is. */
  function followDays(): void {
    const isShown = ["list", "shared"].includes(view()) && listView.columns().includes("day");
    const lines = isShown ? linesOf(current()?.items ?? []) : [];
    dayLines.show(lines.filter((line) => line.kind === "quote"));
  }

  /** What the list on the screen is called among those that are sorted. */
  function listKey(): string {
    return view() === "shared" ? `shared-${sharedKey()}` : `${activeId()}`;
  }

  /** Calls `save` where what a view of its own shows is to be saved, until what it returns is called. */
  function onExport(save: () => void): () => void {
    saveView = save;
    return () => {
      if (saveView === save) saveView = null;
    };
  }

  /** Saves what stands on the screen. */
  function exportShown(): void {
    const list = current();
    if (saveView) saveView();
    else if (view() === "chain") {
      const table = chain.table();
      if (table) saveCsv(table.name, table.header, table.rows);
    } else if (grid && list && ["list", "shared"].includes(view())) {
      const { lines, columns } = grid.shown;
      const table = listTable(lines, columns, (line) => viewOf(store, line, feedNow(line.feed)));
      saveCsv(`${list.name}.csv`, table.header, table.rows);
    }
  }

  function mountGrid(element: HTMLElement): void {
    grid = new Grid(
      element,
      store,
      frame,
      flasher,
      feedNow,
      staleText,
      {
        onSelect: (line) => setSelected(line?.kind === "quote" ? line : null),
        onOpen: openLine,
        onRemove: (line) => void remove(line),
        onMove: (line, to) => void move(line.item, to),
        onCannotMove: () =>
          toast("The list is sorted: go back to its own order to move what is in it.", false),
        onSort: (key) => listView.sortBy(listKey(), key),
        onFold: (heading, on) => listView.fold(heading.key, on),
        onFit: setListFit,
      },
      onDrawn,
      chain.linkOf,
    );
    drawList();
  }

  function openLine(line: Line): void {
    if (line.kind === "quote") showDetail(true);
    else if (view() === "shared") return;
    else if (line.of.kind === "section") setAsked({ what: "section", of: line.of });
    else setAsked({ what: "rolling", of: line.of });
  }

  /** Calls `watch` with each newer row of any instrument, until what it returns is called. */
  function watchRows(watch: (id: number, row: Row) => void): () => void {
    watchers.add(watch);
    return () => watchers.delete(watch);
  }

  function showDetail(open: boolean): void {
    panels.showDetail(open);
    if (open && view() !== "chain") grid?.selectFirst();
  }

  /** Whether that is the underlying of a chain, or one of its contracts. */
  function isOf({ feed, symbol, instrument }: Named, to: { feed: string; underlying: string }): boolean {
    const underlying = store.facts.get(instrument)?.underlying ?? symbol;
    return feed === to.feed && (symbol === to.underlying || underlying === to.underlying);
  }

  /** What the details are of: in a chain the contract that was picked, and else the view's underlying. */
  function detailed(): Named | null {
    const shown = at();
    if (shown.view === "list" || shown.view === "shared") return selected();
    const picked = shown.view === "chain" ? chain.picked() : null;
    return picked ?? namedUnderlying(shown.to.feed, shown.to.underlying);
  }

  /** The same object again while it is the same instrument, so that what shows it is not made anew. */
  function namedUnderlying(feed: string, symbol: string): Named | null {
    factsVersion();
    const instrument = chain.idOf(feed, symbol);
    if (instrument === undefined) return null;
    if (underlying?.instrument !== instrument) underlying = { feed, symbol, instrument };
    return underlying;
  }

  // ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────
  function active(): Watchlist | null {
    return watchlists()?.find((list) => list.id === activeId()) ?? null;
  }

  function feedNow(feed: string): number {
    const status = store.feeds.get(feed);
    return status ? feedTime(status, socket.clock.now()) : Number.NaN;
  }

  /** The statuses of the feeds whose rows are shown; of all feeds while the list is empty. */
  function shownFeeds(): readonly FeedStatus[] {
    const known = feeds();
    const names = new Set(feedsOnScreen());
    const shown = [...known.values()].filter((status) => names.has(status.feed));
    return shown.length ? shown : [...known.values()];
  }

  /** Feeds of the list on the screen that the server does not run now. */
  function missingFeeds(): readonly string[] {
    const known = feeds();
    if (!known.size) return []; // not told yet
    return [...new Set(feedsOnScreen())].filter((feed) => !known.has(feed));
  }

  function feedsOnScreen(): readonly string[] {
    const shown = at();
    if (shown.view === "chain" || shown.view === "payoff" || shown.view === "volatility")
      return [shown.to.feed];
    return feedsOf(current()?.items ?? []);
  }

  function words(): Words {
    beat();
    return wordsFor(connection(), shownFeeds(), moment());
  }

  function show(id: number | null): void {
    const lists = watchlists();
    if (!lists) return;
    const chosen =
      lists.find((list) => list.id === id) ??
      lists.find((list) => list.id === settings.read("list", numberOf, -1)) ??
      lists[0];
    if (chosen && chosen.id !== activeId()) {
      setActiveId(chosen.id);
      setSelected(null);
      grid?.selectEntry(null);
      settings.write("list", chosen.id);
    }
    if (!chosen) setActiveId(null);
    if (view() === "list") {
      // Not where the address has just become another view's, and that is about to be heard.
      const stays = routeOf(window.location.hash).view === "list";
      if (chosen && stays && window.location.hash !== `#list-${chosen.id}`)
        history.replaceState(null, "", `#list-${chosen.id}`);
      document.title = chosen ? `${chosen.name} · Strikewire` : "Strikewire";
      follow(chosen?.id ?? null);
    }
    ofFeed(feedsOnScreen()[0] ?? "");
    drawList();
  }

  /** Subscribes that watchlist, one's own by its id and another's by its key, and the one before no more. */
  function follow(list: number | string | null): void {
    if (list === followed) return;
    const before = followed;
    followed = list;
    const source = (one: number | string) => (typeof one === "string" ? SHARED : `watchlist-${one}`);
    if (list !== null) socket.subscribe({ source: source(list), watchlist: list });
    if (before !== null && (list === null || source(before) !== source(list)))
      socket.unsubscribe(source(before));
  }

  // ── Edits ───────────────────────────────────────────────────────────────────────────────────────────────────────
  async function load(): Promise<void> {
    const at = edits;
    try {
      const lists = await api.watchlists();
      // An edit of our own began or ended meanwhile: this answer may be older than it.
      if (pending > 0) return;
      if (at !== edits) return load();
      setWatchlists(lists);
      setLoadError("");
      show(activeId() ?? idFromHash());
    } catch (error) {
      if (watchlists() === null) setLoadError(messageOf(error));
    }
  }

  /** Once for all that is told in one go: an edit is told of the list that is shown, and of all lists. */
  function loadSoon(): void {
    if (loading !== undefined) return;
    loading = setTimeout(() => {
      loading = undefined;
      void load();
    }, LOAD_AFTER_MS);
  }

  /** Shows the change at once, asks the server, and takes the server's word afterwards. */
  async function edit<T>(
    ask: () => Promise<T>,
    change?: (lists: readonly Watchlist[]) => readonly Watchlist[],
  ) {
    edits += 1;
    pending += 1;
    const before = watchlists();
    if (change) {
      setWatchlists((lists) => (lists ? change(lists) : lists));
      show(activeId());
    }
    try {
      return await ask();
    } catch (error) {
      toast(messageOf(error), true);
      setWatchlists(before);
      show(activeId());
      return null;
    } finally {
      edits += 1;
      pending -= 1;
      if (pending === 0) await load();
    }
  }

  function withItems(id: number, items: (held: readonly Item[]) => readonly Item[]) {
    return (lists: readonly Watchlist[]) =>
      lists.map((list) => (list.id === id ? { ...list, items: items(list.items) } : list));
  }

  async function add(found: Found): Promise<boolean> {
    const list = active();
    if (!list) return false;
    store.setFacts(found);
    const entry = await edit(() => api.addEntry(list.id, qualified(found)));
    if (entry) hints.done("add");
    if (entry && view() === "list") grid?.selectEntry(entry.id);
    else if (entry) toast(`Added ${spelled(nameOf(found.symbol, found))} to ${list.name}`, false);
    return entry !== null;
  }

  /** Puts a contract of a chain into the list that was on the screen last. */
  async function watch(contract: Named): Promise<void> {
    const list = active();
    const name = spelled(nameOf(contract.symbol, store.facts.get(contract.instrument)));
    if (!list) toast("Make a watchlist first: contracts are added to the one shown last.", true);
    else if (entryOf(contract)) toast(`${name} is in ${list.name} already`, false);
    else if (await edit(() => api.addEntry(list.id, qualified(contract)))) {
      hints.done("add");
      toast(`Added ${name} to ${list.name}`, false);
    }
  }

  /** The entry of the present list that names the instrument. */
  function entryOf(named: Named): Entry | undefined {
    return entriesOf(active()?.items ?? []).find((entry) => entry.instrument === named.instrument);
  }

  async function remove(line: Line): Promise<void> {
    const item = active()?.items[line.item];
    if (!item) return;
    if (line.kind === "quote" && line.held) {
      toast("A rule put it there: change the rule, or remove that.", false);
      return;
    }
    await removeItem(item);
  }

  async function removeItem(item: Item): Promise<void> {
    const list = active();
    if (!list) return;
    const before = list.items;
    await edit(
      () => removal(list.id, item),
      withItems(list.id, (held) => held.filter((other) => !isSame(other, item))),
    );
    const now = watchlists()?.find((other) => other.id === list.id);
    if (now?.items.some((held) => isSame(held, item))) return;
    toast(`Removed ${itemName(item)}`, false, () => void edit(() => restore(list.id, item, before)));
  }

  function removal(list: number, item: Item): Promise<void> {
    if (item.kind === "instrument") return api.removeEntry(list, item.id);
    if (item.kind === "section") return api.removeSection(list, item.id);
    return api.removeRolling(list, item.id);
  }

  /** Puts an item back to where it stood in `before`; it has a new id then. */
  async function restore(list: number, item: Item, before: readonly Item[]): Promise<unknown> {
    const position = before.findIndex((other) => isSame(other, item));
    if (item.kind === "section") return api.addSection(list, item.name, position);
    if (item.kind === "rolling") {
      const { rule, strikes, rights } = item;
      const underlying = `${item.feed}.${item.underlying}`;
      return api.addRolling(list, { underlying, rule, strikes, rights, position });
    }
    const again = await api.addEntry(list, qualified(item));
    return api.orderItems(list, before.toSpliced(position, 1, { ...item, ...again }));
  }

  function itemName(item: Item): string {
    if (item.kind === "section") return item.name;
    if (item.kind === "rolling") return item.underlying;
    return spelled(nameOf(item.symbol, store.facts.get(item.instrument)));
  }

  /** The item at `from` goes to where the one at `to` is now. */
  async function move(from: number, to: number): Promise<void> {
    const list = active();
    if (!list) return;
    const items = moved(list.items, from, to);
    await edit(
      () => api.orderItems(list.id, items),
      withItems(list.id, () => items),
    );
  }

  async function saveSection(of: SectionItem | null, name: string): Promise<boolean> {
    const list = active();
    if (!list) return false;
    const ask = () => (of ? api.renameSection(list.id, of.id, name) : api.addSection(list.id, name));
    return (await edit(ask)) !== null;
  }

  async function saveRolling(of: RollingItem | null, rule: Rule): Promise<boolean> {
    const list = active();
    if (!list) return false;
    const { underlying: _, ...changed } = rule;
    const ask = () => (of ? api.changeRolling(list.id, of.id, changed) : api.addRolling(list.id, rule));
    return (await edit(ask)) !== null;
  }

  /** Takes what was pasted; gives the report, or null where it was refused whole. */
  async function paste(text: string) {
    const list = active();
    return list ? edit(() => api.paste(list.id, text, false)) : null;
  }

  async function shareList(on: boolean): Promise<void> {
    const list = active();
    if (list) await edit<unknown>(() => (on ? api.share(list.id) : api.withdraw(list.id)));
  }

  async function copyShared(): Promise<void> {
    const key = shared()?.key;
    if (!key) return;
    const made = await edit(() => api.copyShared(key));
    if (made) window.location.hash = `#list-${made.id}`;
  }

  async function createList(name: string): Promise<boolean> {
    const list = await edit(() => api.createWatchlist(name));
    if (list) show(list.id);
    return list !== null;
  }

  async function renameList(id: number, name: string): Promise<boolean> {
    const done = await edit(
      () => api.renameWatchlist(id, name),
      (lists) => lists.map((list) => (list.id === id ? { ...list, name } : list)),
    );
    return done !== null;
  }

  async function deleteList(id: number): Promise<void> {
    await edit(
      () => api.deleteWatchlist(id),
      (lists) => lists.filter((list) => list.id !== id),
    );
  }

  // ── Messages to the person ──────────────────────────────────────────────────────────────────────────────────────
  function toast(text: string, bad: boolean, undo?: () => void): void {
    const id = nextToast++;
    setToasts((held) => [...held.slice(-2), { id, text, bad, ...(undo ? { undo } : {}) }]);
    setTimeout(() => dismiss(id), TOAST_MS);
  }

  function dismiss(id: number): void {
    setToasts((held) => held.filter((one) => one.id !== id));
  }

  function signIn(): void {
    socket.stop();
    const next = encodeURIComponent(window.location.pathname + window.location.search);
    // After `#` may stand the key of a shared list, which no server's log shall have.
    window.location.assign(`${page.loginUrl}?next=${next}${window.location.hash}`);
  }

  return {
    page,
    api,
    store,
    chain,
    picks,
    settings,
    /** What the address says. */
    at,
    view,
    beat,
    drawn,
    factsVersion,
    watchlists,
    loadError,
    active,
    activeId,
    selected,
    detailed,
    detailOpen: panels.detailOpen,
    showDetail,
    /** In a chain: no contract any more, but what it is on. */
    pickUnderlying: () => chain.setPicked(null),
    detailWide: panels.detailWide,
    widenDetail: panels.widenDetail,
    railOpen: panels.railOpen,
    showRail: panels.showRail,
    panels,
    display,
    hints,
    watchRows,
    frame,
    messageOf,
    connection,
    feeds,
    shownFeeds,
    missingFeeds,
    feedNow,
    words,
    readout,
    beatMs,
    /** By how much the server's time as this page has it may be wrong, ms; null before the first answered ping. */
    uncertaintyMs: () => {
      beat();
      return socket.clock.uncertaintyMs;
    },
    toasts,
    toast,
    dismiss,
    start,
    mountGrid,
    load,
    show,
    goTo,
    hurry: socket.hurry,
    subscribe: (what: Subscription) => socket.subscribe(what),
    unsubscribe: (source: string) => socket.unsubscribe(source),
    /** How watchlists are shown, and how many of their columns have room. */
    listView,
    listKey,
    listFit,
    exportShown,
    onExport,
    focusGrid: () => (view() === "chain" ? chain.focus() : grid?.focus()),
    selectEntry: (id: number) => grid?.selectEntry(id),
    current,
    shared,
    sharedProblem,
    asked,
    ask: setAsked,
    add,
    watch,
    entryOf,
    removeEntry: (entry: Entry) => removeItem({ ...entry, kind: "instrument" }),
    saveSection,
    saveRolling,
    paste,
    shareList,
    copyShared,
    createList,
    renameList,
    deleteList,
  };
}

/** `feed.symbol`, which names one instrument even where two feeds have the symbol. */
function qualified(named: { readonly feed: string; readonly symbol: string }): string {
  return `${named.feed}.${named.symbol}`;
}

function isSame(one: Item, other: Item): boolean {
  return one.kind === other.kind && one.id === other.id;
}

/** The key in the address of a shared list. */
function sharedKey(): string | null {
  const to = routeOf(window.location.hash);
  return to.view === "shared" ? to.key : null;
}

function idFromHash(): number | null {
  const to = routeOf(window.location.hash);
  return to.view === "list" ? to.id : null;
}

const textOf = (value: unknown) => (typeof value === "string" ? value : null);
const numberOf = (value: unknown) => (typeof value === "number" ? value : null);

function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : "Something went wrong on this page.";
}
