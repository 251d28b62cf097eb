// REST: the only module that fetches. After: desk.ts.
import type { Bar, Interval, Prices } from "./chart/series";
import type { Account } from "./display";
import type { Named } from "./grid/cells";
import type { StoredLine } from "./lists/dayLines";
import type { Facts, Kind } from "./protocol";
import type { Surface } from "./volatility/surface";

export interface Entry {
  readonly id: number;
  readonly feed: string;
  readonly symbol: string;
  /** The instrument's id, as rows carry it. */
  readonly instrument: number;
  readonly position: number;
}

/** An entry among all that stands in its list. */
export interface InstrumentItem extends Entry {
  readonly kind: "instrument";
}

/** A heading over what follows it, up to the next one. */
export interface SectionItem {
  readonly kind: "section";
  readonly id: number;
  readonly name: string;
}

/** Contracts around the money, chosen by a rule; they change by themselves. */
export interface RollingItem {
  readonly kind: "rolling";
  readonly id: number;
  readonly feed: string;
  readonly underlying: string;
  readonly rule: "next" | "weekly" | "monthly" | "30d" | "60d";
  /** On each side of the one at the money. */
  readonly strikes: number;
  readonly rights: "C" | "P" | "CP";
  readonly state: "following" | "waiting" | "none";
  readonly expiry: string | null;
  readonly centre: number | null;
  readonly held: readonly Named[];
}

export type Item = InstrumentItem | SectionItem | RollingItem;

export interface Watchlist {
  readonly id: number;
  readonly name: string;
  readonly position: number;
  readonly version: number;
  /** The key of its link, where it is shared. */
  readonly share_key: string | null;
  readonly items: readonly Item[];
}

/** Another's watchlist, by its link. */
export interface Shared {
  readonly name: string;
  readonly owner: string;
  readonly version: number;
  readonly items: readonly Item[];
}

/** What a rolling entry is to follow. */
export interface Rule extends Pick<RollingItem, "rule" | "strikes" | "rights"> {
  /** `feed.symbol` */
  readonly underlying: string;
}

/** What became of one symbol of a paste. */
export interface Pasted {
  readonly text: string;
  readonly outcome: "taken" | "already_there" | "refused";
  readonly symbol: string | null;
  readonly message: string | null;
  readonly choices: readonly string[];
}

export interface PasteReport {
  readonly taken: number;
  readonly already_there: number;
  readonly refused: number;
  readonly results: readonly Pasted[];
}

export interface Found extends Facts {
  readonly symbol: string;
}

/** An underlying that has an option chain. */
export interface Underlying {
  readonly feed: string;
  readonly underlying: string;
  readonly kind: Kind;
  readonly currency: string;
  readonly expiries: number;
  readonly options: number;
}

export interface Expiry {
  /** `YYYY-MM-DD`, with `.ROOT` where several roots share the day. */
  readonly name: string;
  readonly expiry: string;
  readonly root: string;
  readonly cycle: "daily" | "weekly" | "monthly";
  readonly expires_at: string | null;
  readonly days_left: number | null;
  readonly strikes: number;
  readonly options: number;
  readonly forward: number | null;
  /** A fraction per year. */
  readonly at_the_money_volatility: number | null;
  /** In the underlying's currency. */
  readonly expected_move: number | null;
}

export interface Chain {
  readonly feed: string;
  readonly underlying: string;
  readonly underlying_currency: string;
  readonly underlying_price: number | null;
  readonly expiries: readonly Expiry[];
}

/** An option and its newest row, whose columns have the names of the stream; times are RFC 3339. */
export interface QuotedOption {
  readonly symbol: string;
  readonly id: number;
  readonly [column: string]: number | string | null;
}

export interface ChainOfExpiry {
  readonly currency: string;
  readonly multiplier: number;
  readonly exercise: string | null;
  readonly expiry: Expiry;
  readonly strikes: readonly {
    readonly strike: number;
    readonly call: QuotedOption | null;
    readonly put: QuotedOption | null;
  }[];
}

/** A bar as REST tells it; times are RFC 3339. */
interface StoredBar {
  readonly starts_at: string;
  readonly ends_at: string;
  readonly day: string | null;
  readonly mid_open: number | null;
  readonly mid_high: number | null;
  readonly mid_low: number | null;
  readonly mid_close: number | null;
  readonly last_open: number | null;
  readonly last_high: number | null;
  readonly last_low: number | null;
  readonly last_close: number | null;
  readonly volume: number | null;
  readonly implied_volatility: number | null;
}

/** A trade as REST tells it; times are RFC 3339. */
export interface StoredTrade {
  readonly received_at: string;
  readonly traded_at: string;
  readonly price: number;
  readonly size: number;
  readonly trade_id: string | null;
}

interface Page<T> {
  readonly next: string | null;
  readonly results: readonly T[];
}

/** Something the server refused or that did not reach it; the message is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const WITHIN_MS = 10_000;
/** In one address: proxies refuse those above 8 kB, and a symbol with its feed may take forty characters. */
const SYMBOLS_AT_ONCE = 150;
const MOST_PAGES = 50;
const BARS_A_PAGE = 2_000;

export class Api {
  constructor(
    private readonly root: string,
    private readonly onSignedOut: () => void,
  ) {}

  watchlists(): Promise<readonly Watchlist[]> {
    return this.all("watchlists/");
  }

  createWatchlist(name: string): Promise<Watchlist> {
    return this.request("POST", "watchlists/", { name });
  }

  renameWatchlist(id: number, name: string): Promise<Watchlist> {
    return this.request("PATCH", `watchlists/${id}/`, { name });
  }

  deleteWatchlist(id: number): Promise<void> {
    return this.request("DELETE", `watchlists/${id}/`);
  }

  addEntry(watchlist: number, symbol: string): Promise<Entry> {
    return this.request("POST", `watchlists/${watchlist}/entries/`, { symbol });
  }

  removeEntry(watchlist: number, entry: number): Promise<void> {
    return this.request("DELETE", `watchlists/${watchlist}/entries/${entry}/`);
  }

  /** Another order of all that stands in the list. */
  orderItems(watchlist: number, items: readonly Item[]): Promise<unknown> {
    const order = items.map(({ kind, id }) => ({ kind, id }));
    return this.request("PUT", `watchlists/${watchlist}/items/`, { items: order });
  }

  addSection(watchlist: number, name: string, position?: number): Promise<SectionItem> {
    const place = position === undefined ? {} : { position };
    return this.request("POST", `watchlists/${watchlist}/sections/`, { name, ...place });
  }

  renameSection(watchlist: number, section: number, name: string): Promise<unknown> {
    return this.request("PATCH", `watchlists/${watchlist}/sections/${section}/`, { name });
  }

  removeSection(watchlist: number, section: number): Promise<void> {
    return this.request("DELETE", `watchlists/${watchlist}/sections/${section}/`);
  }

  addRolling(watchlist: number, entry: Rule & { readonly position?: number }): Promise<RollingItem> {
    return this.request("POST", `watchlists/${watchlist}/rolling/`, entry);
  }

  changeRolling(watchlist: number, rolling: number, rule: Omit<Rule, "underlying">): Promise<unknown> {
    return this.request("PATCH", `watchlists/${watchlist}/rolling/${rolling}/`, rule);
  }

  removeRolling(watchlist: number, rolling: number): Promise<void> {
    return this.request("DELETE", `watchlists/${watchlist}/rolling/${rolling}/`);
  }

  /** Adds every symbol of `text` that can be added, or with `dryRun` only says what would become of each. */
  paste(watchlist: number, text: string, dryRun: boolean, signal?: AbortSignal): Promise<PasteReport> {
    return this.request("POST", `watchlists/${watchlist}/paste/`, { text, dry_run: dryRun }, signal);
  }

  /** The key of the list's link, made where it has none. */
  async share(watchlist: number): Promise<string> {
    const made: { share_key: string } = await this.request("POST", `watchlists/${watchlist}/share/`);
    return made.share_key;
  }

  withdraw(watchlist: number): Promise<void> {
    return this.request("DELETE", `watchlists/${watchlist}/share/`);
  }

  shared(key: string): Promise<Shared> {
    return this.request("GET", "shared/", undefined, undefined, { "Strikewire-Share-Key": key });
  }

  copyShared(key: string): Promise<Watchlist> {
    return this.request("POST", "shared/copy/", { key });
  }

  /** The account's settings. */
  me(): Promise<Account> {
    return this.request("GET", "me/");
  }

  /** What is named of how the page looks, and of its layout; null takes a name away. */
  saveDisplay(display: Partial<Account["display"]>): Promise<unknown> {
    return this.request("PATCH", "me/", { display });
  }

  /** Has a new user's first watchlist made, of one of these feeds; false while there is nothing to put into it. */
  async giveFirstList(feeds: readonly string[]): Promise<boolean> {
    const answer = await fetch("/first-list/", {
      method: "POST",
      credentials: "same-origin",
      headers: { "X-CSRFToken": cookie("csrftoken") },
      body: new URLSearchParams(feeds.map((feed) => ["feed", feed])),
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    return answer.ok && ((await answer.json()) as { settled: boolean }).settled;
  }

  /** The underlyings that have a chain, by symbol. */
  underlyings(signal?: AbortSignal): Promise<readonly Underlying[]> {
    return this.all("chains/", signal);
  }

  chain(feed: string, underlying: string, signal?: AbortSignal): Promise<Chain> {
    return this.request("GET", chainPath(feed, underlying), undefined, signal);
  }

  chainOfExpiry(
    feed: string,
    underlying: string,
    expiry: string,
    signal?: AbortSignal,
  ): Promise<ChainOfExpiry> {
    const path = `${chainPath(feed, underlying)}${encodeURIComponent(expiry)}/`;
    return this.request("GET", path, undefined, signal);
  }

  /** Every expiry of an underlying by strike. The browser keeps the answer and its tag, and asks by that. */
  surface(feed: string, underlying: string, signal?: AbortSignal): Promise<Surface> {
    return this.request("GET", `${chainPath(feed, underlying)}surface/`, undefined, signal);
  }

  /** The newest `count` stored trades, oldest first. */
  async trades(symbol: string, count: number, signal: AbortSignal): Promise<readonly StoredTrade[]> {
    const path = `instruments/${encodeURIComponent(symbol)}/trades/?newest=${count}`;
    const page: Page<StoredTrade> = await this.request("GET", path, undefined, signal);
    return page.results;
  }

  async search(text: string, signal: AbortSignal): Promise<readonly Found[]> {
    const query = new URLSearchParams({ text, page_size: "20" });
    const page: Page<Found> = await this.request("GET", `instruments/?${query}`, undefined, signal);
    return page.results;
  }

  /** The options of one day of expiry, all its roots, with strikes from `from` up to `to`. */
  contracts(
    feed: string,
    underlying: string,
    expiry: string,
    from: number,
    to: number,
  ): Promise<readonly Found[]> {
    const query = new URLSearchParams({ feed, underlying, expiry, kind: "option", page_size: "500" });
    query.set("strike_from", String(from));
    query.set("strike_to", String(to));
    return this.all(`instruments/?${query}`);
  }

  /** The day's course of each; what is not offered is left out. */
  async sparklines(symbols: readonly string[]): Promise<readonly StoredLine[]> {
    const asked: Promise<{ results: readonly StoredLine[] }>[] = [];
    for (let from = 0; from < symbols.length; from += SYMBOLS_AT_ONCE) {
      const query = new URLSearchParams({ symbols: symbols.slice(from, from + SYMBOLS_AT_ONCE).join(",") });
      asked.push(this.request("GET", `sparklines/?${query}`));
    }
    return (await Promise.all(asked)).flatMap((answer) => answer.results);
  }

  /** The bars that begin from `from_s` on and before `to_s`: seconds since 1970 on the feed's clock. */
  async bars(
    symbol: string,
    interval: Interval,
    from_s: number,
    to_s: number,
    signal: AbortSignal,
  ): Promise<readonly Bar[]> {
    const query = new URLSearchParams({
      interval,
      from: instant(from_s),
      to: instant(to_s),
      page_size: String(BARS_A_PAGE),
    });
    const path = `instruments/${encodeURIComponent(symbol)}/bars/?${query}`;
    return (await this.all<StoredBar>(path, signal)).map(barOf);
  }

  /** All pages from `path` on. */
  private async all<T>(path: string, signal?: AbortSignal): Promise<readonly T[]> {
    const found: T[] = [];
    let next: string | null = path;
    for (let page = 0; next && page < MOST_PAGES; page += 1) {
      const answer: Page<T> = await this.request("GET", next, undefined, signal);
      found.push(...answer.results);
      next = answer.next && this.relative(answer.next);
    }
    return found;
  }

  /** A page's address as a path below the root, so that it is fetched from where the page itself came. */
  private relative(address: string): string {
    const url = new URL(address, window.location.href);
    return (url.pathname + url.search).slice(this.root.length);
  }

  private async request<T>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    headers?: Readonly<Record<string, string>>,
  ): Promise<T> {
    const limit = AbortSignal.timeout(WITHIN_MS);
    let response: Response;
    try {
      response = await fetch(this.root + path, {
        method,
        credentials: "same-origin",
        headers: {
          ...headers,
          Accept: "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(method === "GET" ? {} : { "X-CSRFToken": cookie("csrftoken") }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        // What is saved as the page is left arrives all the same.
        keepalive: path === "me/",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, "The server cannot be reached. Nothing was changed.");
    }
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
    const message = await problemText(response);
    if (response.status === 401 || (response.status === 403 && /credentials|csrf/i.test(message))) {
      this.onSignedOut();
    }
    throw new ApiError(response.status, message);
  }
}

function chainPath(feed: string, underlying: string): string {
  return `chains/${encodeURIComponent(`${feed}.${underlying}`)}/`;
}

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function barOf(bar: StoredBar): Bar {
  return {
    starts_s: Date.parse(bar.starts_at) / 1000,
    ends_s: Date.parse(bar.ends_at) / 1000,
    day: bar.day,
    mid: prices(bar.mid_open, bar.mid_high, bar.mid_low, bar.mid_close),
    last: prices(bar.last_open, bar.last_high, bar.last_low, bar.last_close),
    iv: alone(bar.implied_volatility),
    volume: bar.volume,
  };
}

/** Of what only the close is stored. */
function alone(value: number | null): Prices | null {
  return prices(value, value, value, value);
}

/** The four are known together, or none of them is. */
function prices(
  open: number | null,
  high: number | null,
  low: number | null,
  close: number | null,
): Prices | null {
  return open === null || high === null || low === null || close === null ? null : { open, high, low, close };
}

/** What a problem document says to people: the messages of its fields, else its detail, else its title. */
async function problemText(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as {
      title?: string;
      detail?: string;
      errors?: readonly { message?: string }[];
    };
    const messages = (problem.errors ?? []).map((error) => error.message).filter(Boolean);
    const text = messages.join(" ") || problem.detail || problem.title;
    if (text) return text;
  } catch {
    // Not a problem document: a proxy's page, say. The status is all there is to tell.
  }
  return `The server answered ${response.status}.`;
}

/** The value of a cookie, or the empty text. */
export function cookie(name: string): string {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
