// The desk: builds socket, store, frame and grid, in order, and holds the state that the views read.
import { createSignal } from "solid-js";
import { Api, ApiError, type Entry, type Found, type Watchlist } from "./api";
import { feedTime, ourNow } from "./clock";
import { Flasher } from "./flash";
import { Frame } from "./frame";
import { Grid } from "./grid/grid";
import { isStale, type Words, wordsFor } from "./health";
import { LatencyMeter, type Readout } from "./latency";
import { nameOf, spelled } from "./names";
import type { FeedStatus, Message, Row } from "./protocol";
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
  const api = new Api("/api/v1/", signIn);
  const store = new Store({
    onRow: (id, row) => {
      grid?.rowChanged(id);
      for (const watch of watchers) watch(id, row);
    },
    onFacts: (id) => {
      grid?.factsChanged(id);
      setFactsVersion((version) => version + 1);
    },
    onStatus: (status) => {
      const first = !feeds().has(status.feed);
      setFeeds(new Map(store.feeds));
      // Only now can be told how long a contract has left.
      if (first) grid?.drawNames();
      grid?.markStale();
    },
    onEmpty: (ids) => {
      for (const id of ids) grid?.rowChanged(id);
    },
  });
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new StreamSocket(`${scheme}//${window.location.host}/ws/stream/`, {
    onMessage,
    onConnection: (state) => {
      const before = connection().phase;
      setConnection(state);
      grid?.markStale();
      if (state.phase === "signed_out") signIn();
      // What was edited elsewhere while we were away.
      if (state.phase === "open" && before !== "open" && before !== "silent") void load();
    },
  });

  function onMessage(message: Message): void {
    heard = ourNow();
    store.apply(message);
    if (message.op === "ticks" || message.op === "snapshot") {
      const lag = store.columns.lag_ms;
      const lags = message.op === "ticks" ? message.rows.map((row) => row[lag] ?? 0) : [];
      meter.arrived(lags, heard);
      // A hidden tab draws nothing; what it was sent would count as hours of delay when it is looked at again.
      if (document.visibilityState === "hidden") sentWaiting = [];
      else if (message.op === "ticks") sentWaiting.push(message.sent_ms);
    } else if (message.op === "subscribed") {
      grid?.redrawAll();
      if (message.cause !== "request") void load();
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
    window.addEventListener("hashchange", () => show(idFromHash()));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void load();
    });
    setInterval(() => {
      setBeat((count) => count + 1);
      grid?.drawAges();
      if (beat() % 4 === 0) setReadout(meter.read(ourNow()));
      if (beat() % 240 === 0) grid?.drawNames();
    }, BEAT_MS);
    void load();
    socket.start();
  }

  function mountGrid(element: HTMLElement): void {
    grid = new Grid(
      element,
      store,
      frame,
      flasher,
      feedNow,
      (feed) => isStale(socket.connection, store.feeds.get(feed)),
      {
        onSelect: setSelected,
        onOpen: () => showDetail(true),
        onRemove: (entry) => void remove(entry),
        onMove: (entry, index) => void move(entry, index),
      },
      onDrawn,
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
    if (open) grid?.selectFirst();
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
    const names = new Set(active()?.entries.map((entry) => entry.feed));
    const shown = [...known.values()].filter((status) => names.has(status.feed));
    return shown.length ? shown : [...known.values()];
  }

  /** Feeds of the list on the screen that the server does not run now. */
  function missingFeeds(): readonly string[] {
    const known = feeds();
    if (!known.size) return []; // not told yet
    return [...new Set(active()?.entries.map((entry) => entry.feed))].filter((feed) => !known.has(feed));
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
    const before = activeId();
    if (chosen && chosen.id !== before) {
      setActiveId(chosen.id);
      setSelected(null);
      grid?.selectEntry(null);
      localStorage.setItem(LAST_LIST, String(chosen.id));
      history.replaceState(null, "", `#list-${chosen.id}`);
      socket.subscribe({ source: `watchlist-${chosen.id}`, watchlist: chosen.id });
    }
    if (before !== null && before !== chosen?.id) socket.unsubscribe(`watchlist-${before}`);
    if (!chosen) setActiveId(null);
    document.title = chosen ? `${chosen.name} · Strikewire` : "Strikewire";
    grid?.setEntries(chosen?.entries ?? []);
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
    beat,
    drawn,
    factsVersion,
    watchlists,
    loadError,
    active,
    activeId,
    selected,
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
    focusGrid: () => grid?.focus(),
    selectEntry: (id: number) => grid?.selectEntry(id),
    add,
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
