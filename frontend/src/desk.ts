// The desk: builds socket, store, frame and grid, in order, and holds the state that the views read.
import { createSignal } from "solid-js";
import { Api, ApiError, type Entry, type Found, type Watchlist } from "./api";
import { chainOf } from "./chain/address";
import { createChain } from "./chain/chain";
import { feedTime, ourNow } from "./clock";
import { Flasher } from "./flash";
import { Frame } from "./frame";
import type { Named } from "./grid/cells";
import { Grid } from "./grid/grid";
import { isStale, type Words, wordsFor } from "./health";
import { LatencyMeter, type Readout } from "./latency";
import { nameOf, spelled } from "./names";
import type { FeedStatus, Message, Row } from "./protocol";
import { Settings } from "./settings";
import { type Connection, StreamSocket } from "./socket";
import { Store } from "./store";

export interface Page {
  readonly user: string;
  readonly staff: boolean;
  readonly loginUrl: string;
  readonly logoutUrl: string;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
  readonly undo?: () => void;
}

/** What the middle of the page shows. */
export type View = "list" | "chain";

const BEAT_MS = 250;
const TOAST_MS = 6000;
const LAST_LIST = "strikewire.watchlist";
const DETAIL = "strikewire.detail";
const DETAIL_WIDE = "strikewire.detail-width";

export type Desk = ReturnType<typeof createDesk>;

export function createDesk(page: Page) {
  const [watchlists, setWatchlists] = createSignal<readonly Watchlist[] | null>(null);
  const [loadError, setLoadError] = createSignal("");
  const [activeId, setActiveId] = createSignal<number | null>(null);
  const [view, setView] = createSignal<View>(chainOf(window.location.hash) ? "chain" : "list");
  const [selected, setSelected] = createSignal<Entry | null>(null);
  const [detailOpen, setDetailOpen] = createSignal(localStorage.getItem(DETAIL) === "open");
  const [detailWide, setDetailWide] = createSignal(localStorage.getItem(DETAIL_WIDE) === "wide");
  const [connection, setConnection] = createSignal<Connection>({ phase: "connecting" });
  const [feeds, setFeeds] = createSignal<ReadonlyMap<string, FeedStatus>>(new Map());
  const [beat, setBeat] = createSignal(0);
  const [drawn, setDrawn] = createSignal(0);
  const [factsVersion, setFactsVersion] = createSignal(0);
  const [readout, setReadout] = createSignal<Readout>({
    venue_to_ingest_ms: null,
    server_to_screen_ms: null,
    rows_per_second: 0,
  });
  const [toasts, setToasts] = createSignal<readonly Toast[]>([]);

  let grid: Grid | null = null;
  /** The watchlist that is subscribed: the one on the screen. */
  let followed: number | null = null;
  let heard: number | null = null;
  let sentWaiting: number[] = [];
  let edits = 0;
  let pending = 0;
  let nextToast = 1;

  const watchers = new Set<(id: number, row: Row) => void>();
  const frame = new Frame();
  const meter = new LatencyMeter();
  const motion = window.matchMedia("(prefers-reduced-motion: reduce)");
  const flasher = new Flasher(() => motion.matches);
  const settings = new Settings(localStorage);
  const api = new Api("/api/v1/", signIn);
  const store = new Store({
    onRow: (id, row) => {
      grid?.rowChanged(id);
      chain.rowChanged(id);
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
  });
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new StreamSocket(`${scheme}//${window.location.host}/ws/stream/`, {
    onMessage,
    onConnection: (state) => {
      const before = connection().phase;
      setConnection(state);
      markStale();
      if (state.phase === "signed_out") signIn();
      // What was edited elsewhere while we were away.
      if (state.phase === "open" && before !== "open" && before !== "silent") void load();
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
    isStale: staleNow,
    messageOf,
    onDrawn,
    onOpen: () => showDetail(true),
    onAdd: (contract) => void watch(contract),
    onUnderlyings: () => grid?.drawNames(),
  });

  function staleNow(feed: string): boolean {
    return isStale(socket.connection, store.feeds.get(feed));
  }

  function markStale(): void {
    grid?.markStale();
    chain.markStale();
  }

  function onMessage(message: Message): void {
    heard = ourNow();
    store.apply(message);
    chain.onMessage(message);
    if (message.op === "ticks" || message.op === "snapshot") {
      const lag = store.columns.lag_ms;
      const lags = message.op === "ticks" ? message.rows.map((row) => row[lag] ?? 0) : [];
      meter.arrived(lags, heard);
      // A hidden tab draws nothing; what it was sent would count as hours of delay when it is looked at again.
      if (document.visibilityState === "hidden") sentWaiting = [];
      else if (message.op === "ticks") sentWaiting.push(message.sent_ms);
    } else if (message.op === "subscribed") {
      grid?.redrawAll();
      chain.redraw();
      if (message.cause !== "request" && message.source.startsWith("watchlist-")) void load();
    } else if (message.op === "error" && message.code !== "not_streaming") {
      toast(message.message, true);
    }
  }

  function onDrawn(): void {
    const now = socket.clock.now();
    const at = ourNow();
    for (const sent of sentWaiting) meter.drawn(now - sent, at);
    sentWaiting = [];
    setDrawn((count) => count + 1);
  }

  function start(): void {
    window.addEventListener("hashchange", route);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void load();
    });
    setInterval(() => {
      setBeat((count) => count + 1);
      grid?.drawAges();
      chain.drawAges();
      if (beat() % 4 === 0) setReadout(meter.read(ourNow()));
      if (beat() % 240 === 0) grid?.drawNames();
    }, BEAT_MS);
    void load();
    void loadSettings();
    chain.start();
    route();
    socket.start();
  }

  /** What the account keeps of the page; without it this browser's own holds. */
  async function loadSettings(): Promise<void> {
    const save = (all: Record<string, unknown>) =>
      void api.saveLayout(all).catch((error) => toast(messageOf(error), true));
    try {
      settings.adopt(await api.layout(), save);
    } catch {
      // What the browser keeps goes on.
    }
  }

  /** Shows what the address says. */
  function route(): void {
    const to = chainOf(window.location.hash);
    // From a contract's details to its chain: there it has the cursor, and the details go on.
    const contract = view() === "list" && detailOpen() ? selected() : null;
    setView(to ? "chain" : "list");
    if (to) {
      followList(null);
      document.title = `${to.underlying} · Strikewire`;
      void chain.show(to, contract);
    } else {
      chain.leave();
      show(idFromHash() ?? activeId());
    }
  }

  function mountGrid(element: HTMLElement): void {
    grid = new Grid(
      element,
      store,
      frame,
      flasher,
      feedNow,
      staleNow,
      {
        onSelect: setSelected,
        onOpen: () => showDetail(true),
        onRemove: (entry) => void remove(entry),
        onMove: (entry, index) => void move(entry, index),
      },
      onDrawn,
      chain.linkOf,
    );
    grid.setEntries(active()?.entries ?? []);
  }

  /** Calls `watch` with each newer row of any instrument, until what it returns is called. */
  function watchRows(watch: (id: number, row: Row) => void): () => void {
    watchers.add(watch);
    return () => watchers.delete(watch);
  }

  function showDetail(open: boolean): void {
    setDetailOpen(open);
    localStorage.setItem(DETAIL, open ? "open" : "closed");
    if (!open) return;
    if (view() === "list") grid?.selectFirst();
    else if (!chain.picked()) pickUnderlying();
  }

  /** The underlying of the chain on the screen, in the details. */
  function pickUnderlying(): void {
    const to = chain.address();
    const instrument = to && chain.idOf(to.feed, to.underlying);
    if (to && instrument != null) chain.setPicked({ feed: to.feed, symbol: to.underlying, instrument });
  }

  /** What the details are of. */
  function detailed(): Named | null {
    return view() === "chain" ? chain.picked() : selected();
  }

  function widenDetail(wide: boolean): void {
    setDetailWide(wide);
    localStorage.setItem(DETAIL_WIDE, wide ? "wide" : "narrow");
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
    const to = chain.address();
    if (view() === "chain") return to ? [to.feed] : [];
    return active()?.entries.map((entry) => entry.feed) ?? [];
  }

  function words(): Words {
    beat();
    return wordsFor(connection(), shownFeeds(), {
      our_ms: ourNow(),
      server_ms: socket.clock.now(),
      heard_ms: heard,
    });
  }

  function show(id: number | null): void {
    const lists = watchlists();
    if (!lists) return;
    const chosen =
      lists.find((list) => list.id === id) ?? lists.find((list) => list.id === remembered()) ?? lists[0];
    if (chosen && chosen.id !== activeId()) {
      setActiveId(chosen.id);
      setSelected(null);
      grid?.selectEntry(null);
      localStorage.setItem(LAST_LIST, String(chosen.id));
    }
    if (!chosen) setActiveId(null);
    if (view() === "list") {
      if (chosen && window.location.hash !== `#list-${chosen.id}`)
        history.replaceState(null, "", `#list-${chosen.id}`);
      document.title = chosen ? `${chosen.name} · Strikewire` : "Strikewire";
      followList(chosen?.id ?? null);
    }
    grid?.setEntries(chosen?.entries ?? []);
  }

  /** Subscribes that watchlist, and the one before no more. */
  function followList(id: number | null): void {
    if (id === followed) return;
    const before = followed;
    followed = id;
    if (id !== null) socket.subscribe({ source: `watchlist-${id}`, watchlist: id });
    if (before !== null) socket.unsubscribe(`watchlist-${before}`);
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

  function withEntries(id: number, entries: (held: readonly Entry[]) => readonly Entry[]) {
    return (lists: readonly Watchlist[]) =>
      lists.map((list) => (list.id === id ? { ...list, entries: entries(list.entries) } : list));
  }

  async function add(found: Found): Promise<boolean> {
    const list = active();
    if (!list) return false;
    store.setFacts(found);
    const entry = await edit(() => api.addEntry(list.id, qualified(found)));
    if (entry) grid?.selectEntry(entry.id);
    return entry !== null;
  }

  /** Puts a contract of a chain into the list that was on the screen last. */
  async function watch(contract: Named): Promise<void> {
    const list = active();
    const name = spelled(nameOf(contract.symbol, store.facts.get(contract.instrument)));
    if (!list) toast("Make a watchlist first: contracts are added to the one shown last.", true);
    else if (entryOf(contract)) toast(`${name} is in ${list.name} already`, false);
    else if (await edit(() => api.addEntry(list.id, qualified(contract))))
      toast(`Added ${name} to ${list.name}`, false);
  }

  /** The entry of the present list that names the instrument. */
  function entryOf(named: Named): Entry | undefined {
    return active()?.entries.find((entry) => entry.instrument === named.instrument);
  }

  async function remove(entry: Entry): Promise<void> {
    const list = active();
    if (!list) return;
    const before = list.entries.map(qualified);
    await edit(
      () => api.removeEntry(list.id, entry.id),
      withEntries(list.id, (held) => held.filter((other) => other.id !== entry.id)),
    );
    if (
      watchlists()?.some(
        (other) => other.id === list.id && other.entries.some((held) => held.id === entry.id),
      )
    )
      return;
    const name = spelled(nameOf(entry.symbol, store.facts.get(entry.instrument)));
    toast(`Removed ${name}`, false, () => void edit(() => api.setEntries(list.id, before)));
  }

  async function move(entry: Entry, index: number): Promise<void> {
    const list = active();
    if (!list) return;
    const others = list.entries.filter((other) => other.id !== entry.id);
    const moved = others.toSpliced(index, 0, entry);
    await edit(
      () => api.setEntries(list.id, moved.map(qualified)),
      withEntries(list.id, () => moved),
    );
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
    const next = encodeURIComponent(window.location.pathname + window.location.search + window.location.hash);
    window.location.assign(`${page.loginUrl}?next=${next}`);
  }

  return {
    page,
    api,
    store,
    chain,
    settings,
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
    pickUnderlying,
    detailOpen,
    showDetail,
    detailWide,
    widenDetail,
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
    toasts,
    dismiss,
    start,
    mountGrid,
    load,
    show,
    hurry: socket.hurry,
    focusGrid: () => (view() === "chain" ? chain.focus() : grid?.focus()),
    selectEntry: (id: number) => grid?.selectEntry(id),
    add,
    watch,
    entryOf,
    remove,
    move,
    createList,
    renameList,
    deleteList,
  };
}

/** `feed.symbol`, which names one instrument even where two feeds have the symbol. */
function qualified(named: { readonly feed: string; readonly symbol: string }): string {
  return `${named.feed}.${named.symbol}`;
}

function idFromHash(): number | null {
  const match = /^#list-(\d+)$/.exec(window.location.hash);
  return match ? Number(match[1]) : null;
}

function remembered(): number {
  return Number(localStorage.getItem(LAST_LIST));
}

function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : "Something went wrong on this page.";
}
