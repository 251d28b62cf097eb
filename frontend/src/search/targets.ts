// What a search leads to, and which of what the page knows by itself is meant, best first: chains, views, lists, commands.
// Pure: nothing is asked, so that it answers as fast as one types.
import type { Found, Underlying } from "../api";
import { addressOf } from "../chain/address";
import { payoffAddress } from "../payoff/address";
import { volatilityAddress } from "../volatility/address";
import { scoreOf } from "./words";

/** A view at an address. */
export interface Place {
  readonly kind: "chain" | "volatility" | "payoff" | "list";
  readonly key: string;
  readonly name: string;
  readonly note: string;
  readonly feed: string;
  readonly hash: string;
}

export interface Command {
  readonly kind: "command";
  readonly key: string;
  readonly name: string;
  /** Other words by which it is found. */
  readonly also: string;
  /** The key of the page that does the same, or nothing. */
  readonly pressed: string;
  readonly run: () => void;
}

/** What the server found. */
export interface Contract {
  readonly kind: "instrument";
  readonly key: string;
  readonly found: Found;
}

/** What was chosen before. */
export interface Recent {
  readonly kind: "recent";
  readonly key: string;
  readonly of: Kept;
}

/** A recent choice as the account keeps it. */
export interface Kept {
  readonly name: string;
  readonly note: string;
  readonly hash: string;
  /** The contract under the cursor there. */
  readonly contract: { readonly feed: string; readonly symbol: string; readonly instrument: number } | null;
}

export type Target = Place | Command | Contract | Recent;

export interface Known {
  readonly underlyings: readonly Underlying[];
  readonly lists: readonly { readonly id: number; readonly name: string; readonly size: number }[];
  readonly commands: readonly Command[];
}

export interface Ranked {
  /** Of the underlying that the first word begins. */
  readonly places: readonly Place[];
  /** Where the first word begins no underlying but names a view: that view of the first underlyings. */
  readonly views: readonly Place[];
  readonly lists: readonly Place[];
  readonly commands: readonly Command[];
}

const MOST_CHAINS = 4;
/** Letters of a view's name before it is meant. */
const LEAST_OF_A_VIEW = 3;
const MOST_LISTS = 5;
const MOST_COMMANDS = 6;
const VIEWS = ["volatility", "payoff"] as const;

export function rank(words: readonly string[], known: Known): Ranked {
  if (!words.length) return { places: [], views: [], lists: [], commands: [] };
  const lists = best(words, known.lists, ({ name }) => name, MOST_LISTS);
  const places = placesOf(words, known.underlyings);
  return {
    places,
    views: places.length ? [] : viewsOf(words, known.underlyings),
    lists: lists.map(({ id, name, size }) => ({
      kind: "list",
      key: `list-${id}`,
      name,
      note: size === 1 ? "1 symbol" : `${size} symbols`,
      feed: "",
      hash: `#list-${id}`,
    })),
    commands: best(words, known.commands, ({ name, also }) => `${name} ${also}`, MOST_COMMANDS),
  };
}

/** Chains of the underlyings that the first word begins; and of the first of them its other views, which come before where
 * a further word names one. */
function placesOf(words: readonly string[], underlyings: readonly Underlying[]): readonly Place[] {
  const [symbol = "", ...rest] = words;
  const found = best([symbol], underlyings, ({ underlying }) => underlying, MOST_CHAINS, true);
  const [first] = found;
  if (!first) return [];
  const named = VIEWS.filter((view) => rest.some((word) => word.length > 1 && view.startsWith(word)));
  const views = (named.length ? named : words.length === 1 ? VIEWS : []).map((view) => placeOf(view, first));
  const chains = found.map((one) => placeOf("chain", one));
  return named.length ? [...views, ...chains.slice(0, 1)] : [...chains, ...views];
}

function viewsOf(words: readonly string[], underlyings: readonly Underlying[]): readonly Place[] {
  const [word = "", ...rest] = words;
  if (rest.length || word.length < LEAST_OF_A_VIEW) return [];
  const view = (["chain", ...VIEWS] as const).find((one) => one.startsWith(word));
  return view ? underlyings.slice(0, MOST_CHAINS).map((one) => placeOf(view, one)) : [];
}

/** For who has typed nothing and searched nothing before: what a first search may lead to. */
export function firstChains(underlyings: readonly Underlying[]): readonly Place[] {
  return underlyings.slice(0, MOST_CHAINS).map((one) => placeOf("chain", one));
}

function placeOf(kind: "chain" | "volatility" | "payoff", { feed, underlying, expiries }: Underlying): Place {
  const of = {
    chain: { name: "option chain", note: `${expiries} expiries`, hash: addressOf(feed, underlying) },
    volatility: { name: "volatility", note: "view", hash: volatilityAddress(feed, underlying) },
    payoff: { name: "payoff", note: "view", hash: payoffAddress(feed, underlying, "") },
  }[kind];
  return { kind, key: `${kind}-${feed}-${underlying}`, feed, ...of, name: `${underlying} ${of.name}` };
}

function best<T>(
  words: readonly string[],
  all: readonly T[],
  name: (one: T) => string,
  most: number,
  onlyBeginnings = false,
): readonly T[] {
  const found: { one: T; score: number; length: number }[] = [];
  for (const one of all) {
    const text = name(one);
    if (onlyBeginnings && !text.toLowerCase().startsWith(words[0]!)) continue;
    const score = scoreOf(words, text);
    if (score !== null) found.push({ one, score, length: text.length });
  }
  return found
    .sort((a, b) => b.score - a.score || a.length - b.length)
    .slice(0, most)
    .map(({ one }) => one);
}

/** The chain that a found instrument is of or has, at its expiry; null where it has none. */
export function chainOfFound(found: Found, underlyings: readonly Underlying[]): string | null {
  const { feed, symbol, kind, underlying, expiry, root } = found;
  if (kind === "option" && expiry) {
    const day = expiry.slice(0, 10);
    return addressOf(feed, underlying, root ? `${day}.${root}` : day);
  }
  const has = underlyings.some((one) => one.feed === feed && one.underlying === symbol);
  return has ? addressOf(feed, symbol) : null;
}

const MOST_RECENT = 6;

/** With `chosen` in front, what stood further back left off. */
export function withRecent(recent: readonly Kept[], chosen: Kept): readonly Kept[] {
  const isSame = (one: Kept) => one.hash === chosen.hash && one.contract?.symbol === chosen.contract?.symbol;
  return [chosen, ...recent.filter((one) => !isSame(one))].slice(0, MOST_RECENT);
}

/** As the account keeps them, or null where they are nothing of the kind. */
export function recentOf(value: unknown): readonly Kept[] | null {
  return Array.isArray(value) ? value.filter(isKept).slice(0, MOST_RECENT) : null;
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const { name, note, hash, contract } = value as Record<string, unknown>;
  const isText = [name, note, hash].every((one) => typeof one === "string" && one.length < 200);
  return isText && (hash as string).startsWith("#") && (contract === null || isNamed(contract));
}

function isNamed(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { feed, symbol, instrument } = value as Record<string, unknown>;
  return typeof feed === "string" && typeof symbol === "string" && typeof instrument === "number";
}
