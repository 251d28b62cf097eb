// The volatility of one underlying on the screen: the surface by REST, asked for again and again while it is looked at, and
// the chosen expiries' smiles by the stream. Before: desk.ts; after: VolatilityView and its panes.
import { createSignal } from "solid-js";
import type { Desk } from "../desk";
import type { Row } from "../protocol";
import type { VolatilityAddress } from "./address";
import { type Across, type LiveSmile, liveSmile, type Surface, symbolsOf, usualExpiries } from "./surface";

/** The whole surface is asked for so often. */
export const REFRESH_MS = 10_000;
/** Of more no eye follows the lines. */
export const MOST_CHOSEN = 6;
/** Six of these, the underlyings and the chain's own are within what a connection may hold. */
const MOST_OPTIONS = 280;
const DRAW_EVERY_MS = 1_000;
const UNDERLYING = "volatility-underlying";

export const TABS = ["term", "smiles", "surface", "interest"] as const;
export type Tab = (typeof TABS)[number];
export const AXES = ["strike", "moneyness", "delta"] as const;
export type AxisName = (typeof AXES)[number];

/** What is kept with the account. */
export interface Choices {
  readonly tab: Tab;
  readonly axis: AxisName;
  readonly across: Across;
  readonly measure: "volume" | "open_interest";
}

const USUAL: Choices = { tab: "term", axis: "strike", across: "delta", measure: "open_interest" };

/** What a setting holds, with what it lacks or has wrong as it usually is. */
export function choicesOf(value: unknown): Choices | null {
  if (typeof value !== "object" || value === null) return null;
  const kept = value as Partial<Record<keyof Choices, unknown>>;
  return {
    tab: TABS.find((one) => one === kept.tab) ?? USUAL.tab,
    axis: AXES.find((one) => one === kept.axis) ?? USUAL.axis,
    across: kept.across === "moneyness" ? "moneyness" : USUAL.across,
    measure: kept.measure === "volume" ? "volume" : USUAL.measure,
  };
}

export type Volatility = ReturnType<typeof createVolatility>;

export function createVolatility(desk: Desk, to: VolatilityAddress) {
  const { api, store, settings } = desk;
  const kept = () => settings.read("volatility", choicesOf, USUAL);
  const [surface, setSurface] = createSignal<Surface | null>(null);
  const [problem, setProblem] = createSignal("");
  const [choices, setChoices] = createSignal<Choices>(kept());
  const [chosen, setChosen] = createSignal<readonly string[]>([]);
  /** Rises when live rows are to be drawn, at most once a second. */
  const [beat, setBeat] = createSignal(0);

  const fetching = new AbortController();
  /** What is subscribed: symbols by expiry, and the instruments that they are. */
  const subscribed = new Map<string, readonly string[]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let drawing: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  let wasChosen = false;
  let asked = 0;

  async function load(): Promise<void> {
    clearTimeout(timer);
    asked += 1;
    const mine = asked;
    const answer = await api.surface(to.feed, to.underlying, fetching.signal).catch((error: unknown) => {
      if (!isOver && mine === asked) setProblem(desk.messageOf(error));
      return null;
    });
    // Of two that were asked for at once, only the later counts.
    if (isOver || mine !== asked) return;
    if (answer) {
      if (!wasChosen && !surface()) setChosen(usualExpiries(answer.expiries));
      setSurface(answer);
      setProblem("");
      follow();
    }
    timer = setTimeout(() => document.visibilityState === "visible" && void load(), REFRESH_MS);
  }

  /** Subscribes the options of the chosen expiries while their smiles are looked at, and no others. */
  function follow(): void {
    const known = surface();
    if (!known) return;
    const isShown = choices().tab === "smiles";
    const wanted = known.expiries.filter((one) => isShown && chosen().includes(one.name));
    for (const name of [...subscribed.keys()]) {
      if (wanted.some((one) => one.name === name)) continue;
      desk.unsubscribe(sourceOf(name));
      subscribed.delete(name);
    }
    for (const one of wanted) {
      const symbols = symbolsOf(one, MOST_OPTIONS).map((symbol) => `${to.feed}.${symbol}`);
      if (!symbols.length || subscribed.get(one.name)?.join() === symbols.join()) continue;
      subscribed.set(one.name, symbols);
      desk.subscribe({ source: sourceOf(one.name), symbols });
    }
  }

  /** Only of what is subscribed: a row that was left behind by another view may be older than the answer of REST. */
  function smileOf(name: string): LiveSmile | null {
    beat();
    const expiry = surface()?.expiries.find((one) => one.name === name);
    if (!expiry) return null;
    const held = new Set(subscribed.get(name));
    const rowOf = (symbol: string): Row | undefined => {
      const qualified = `${to.feed}.${symbol}`;
      return held.has(qualified) ? store.rows.get(store.ids.get(qualified) ?? -1) : undefined;
    };
    return liveSmile(expiry, rowOf, store.columns);
  }

  function choose(part: Partial<Choices>): void {
    setChoices({ ...choices(), ...part });
    settings.write("volatility", choices());
    follow();
  }

  /** Shows the smile of an expiry, or no more. False where there are too many already. */
  function toggle(name: string): boolean {
    wasChosen = true;
    const order = surface()?.expiries.map((one) => one.name) ?? [];
    const held = chosen().filter((one) => order.includes(one));
    if (!held.includes(name) && held.length >= MOST_CHOSEN) return false;
    const wanted = held.includes(name) ? held.filter((one) => one !== name) : [...held, name];
    setChosen(order.filter((one) => wanted.includes(one)));
    follow();
    return true;
  }

  const unwatch = desk.watchRows(() => {
    if (drawing !== undefined || !subscribed.size) return;
    drawing = setTimeout(() => {
      drawing = undefined;
      setBeat((count) => count + 1);
    }, DRAW_EVERY_MS);
  });
  const onVisible = () => {
    if (document.visibilityState === "visible") void load();
  };
  document.addEventListener("visibilitychange", onVisible);
  const unhear = settings.onAdopted(() => {
    setChoices(kept());
    follow();
  });
  desk.subscribe({ source: UNDERLYING, symbols: [`${to.feed}.${to.underlying}`] });
  void load();

  function stop(): void {
    isOver = true;
    fetching.abort();
    clearTimeout(timer);
    clearTimeout(drawing);
    unwatch();
    unhear();
    document.removeEventListener("visibilitychange", onVisible);
    for (const name of subscribed.keys()) desk.unsubscribe(sourceOf(name));
    subscribed.clear();
    desk.unsubscribe(UNDERLYING);
  }

  return { to, surface, problem, choices, choose, chosen, toggle, smileOf, load, stop };
}

function sourceOf(expiry: string): string {
  return `volatility-${expiry}`;
}
