// Every key of the page, in one table: what is pressed where, and what it does. The handlers ask it and the help shows it,
// so that neither knows a key which the other does not. Pure.

/** Where a key counts: `page` anywhere but in a field; the others where their part has the keyboard. */
export type Scope = "page" | "list" | "chain" | "search";

interface Key {
  readonly scope: Scope;
  readonly action: string;
  /** As `KeyboardEvent.key` names them, capitals aside, after `Ctrl+` and `Alt+` where those are held. */
  readonly keys: readonly string[];
  /** What it does, for the help; keys next to each other with one text are told together. */
  readonly text: string;
}

export const KEYS = [
  {
    scope: "page",
    action: "search",
    keys: ["/", "Ctrl+k"],
    text: "Search symbols, chains, lists and commands",
  },
  { scope: "page", action: "rail", keys: ["l"], text: "Show or hide the watchlists at the left" },
  { scope: "page", action: "detail", keys: ["d"], text: "Show or hide the details at the right" },
  { scope: "page", action: "export", keys: ["e"], text: "Save what is on the screen as CSV" },
  { scope: "page", action: "theme", keys: ["t"], text: "Dark or light" },
  { scope: "page", action: "help", keys: ["?"], text: "This page" },
  { scope: "page", action: "close", keys: ["Escape"], text: "Close what is open" },

  { scope: "search", action: "down", keys: ["ArrowDown"], text: "Choose" },
  { scope: "search", action: "up", keys: ["ArrowUp"], text: "Choose" },
  { scope: "search", action: "take", keys: ["Enter"], text: "Open; a symbol beside a watchlist is added" },
  {
    scope: "search",
    action: "other",
    keys: ["Shift+Enter"],
    text: "The other way round: to its chain, or add",
  },
  { scope: "search", action: "leave", keys: ["Escape"], text: "Close the search" },

  { scope: "list", action: "up", keys: ["ArrowUp"], text: "Move" },
  { scope: "list", action: "down", keys: ["ArrowDown"], text: "Move" },
  {
    scope: "list",
    action: "left",
    keys: ["ArrowLeft"],
    text: "Move from cell to cell; fold a heading, unfold it",
  },
  {
    scope: "list",
    action: "right",
    keys: ["ArrowRight"],
    text: "Move from cell to cell; fold a heading, unfold it",
  },
  { scope: "list", action: "pageUp", keys: ["PageUp"], text: "Move by ten" },
  { scope: "list", action: "pageDown", keys: ["PageDown"], text: "Move by ten" },
  { scope: "list", action: "first", keys: ["Home"], text: "To the first, to the last" },
  { scope: "list", action: "last", keys: ["End"], text: "To the first, to the last" },
  {
    scope: "list",
    action: "open",
    keys: ["Enter"],
    text: "Details of the contract; on the column names: sort",
  },
  { scope: "list", action: "moveUp", keys: ["Alt+ArrowUp"], text: "Move the contract within the list" },
  { scope: "list", action: "moveDown", keys: ["Alt+ArrowDown"], text: "Move the contract within the list" },
  { scope: "list", action: "remove", keys: ["Delete", "Backspace"], text: "Remove the contract" },

  { scope: "chain", action: "previousExpiry", keys: ["["], text: "The expiry before, the next" },
  { scope: "chain", action: "nextExpiry", keys: ["]"], text: "The expiry before, the next" },
  { scope: "chain", action: "up", keys: ["ArrowUp"], text: "Move" },
  { scope: "chain", action: "down", keys: ["ArrowDown"], text: "Move" },
  { scope: "chain", action: "left", keys: ["ArrowLeft"], text: "Move" },
  { scope: "chain", action: "right", keys: ["ArrowRight"], text: "Move" },
  { scope: "chain", action: "pageUp", keys: ["PageUp"], text: "Move by ten strikes" },
  { scope: "chain", action: "pageDown", keys: ["PageDown"], text: "Move by ten strikes" },
  { scope: "chain", action: "money", keys: ["Home"], text: "To the money" },
  { scope: "chain", action: "end", keys: ["End"], text: "To the highest strike" },
  { scope: "chain", action: "calls", keys: ["c"], text: "To the calls, to the puts" },
  { scope: "chain", action: "puts", keys: ["p"], text: "To the calls, to the puts" },
  { scope: "chain", action: "open", keys: ["Enter"], text: "Details of the contract" },
  { scope: "chain", action: "watch", keys: ["w"], text: "Add the contract to the list shown last" },
  { scope: "chain", action: "buy", keys: ["b"], text: "Buy, sell one of it into a position; with Shift ten" },
  {
    scope: "chain",
    action: "sell",
    keys: ["s"],
    text: "Buy, sell one of it into a position; with Shift ten",
  },
  { scope: "chain", action: "volatility", keys: ["v"], text: "The underlying’s volatility; there, back" },
  { scope: "chain", action: "payoff", keys: ["o"], text: "The payoff of the position; there, back" },
] as const satisfies readonly Key[];

export type ActionOf<S extends Scope> = Extract<(typeof KEYS)[number], { scope: S }>["action"];

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** What a key does there, or null. */
export function actionOf<S extends Scope>(scope: S, event: Pressed): ActionOf<S> | null {
  const name = nameOf(event);
  const all: readonly Key[] = KEYS;
  const found = all.find((key) => key.scope === scope && key.keys.includes(name));
  return (found?.action as ActionOf<S> | undefined) ?? null;
}

/** A key of one character is that character, shifted or not; Command counts as Ctrl. */
function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey }: Pressed): string {
  const isLetter = key.length === 1;
  const plain = isLetter ? key.toLowerCase() : key;
  return `${ctrlKey || metaKey ? "Ctrl+" : ""}${altKey ? "Alt+" : ""}${shiftKey && !isLetter ? "Shift+" : ""}${plain}`;
}

const SHOWN: Readonly<Record<string, string>> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  PageUp: "Page Up",
  PageDown: "Page Down",
  Escape: "Esc",
};

/** A key as it stands on keyboards: `Alt ↑`. */
export function shownKey(name: string): string {
  const parts = name.split("+");
  const shown = (part: string) =>
    SHOWN[part] ?? (parts.length > 1 && part.length === 1 ? part.toUpperCase() : part);
  return parts.map(shown).join(" ");
}

export interface KeyLine {
  readonly keys: readonly string[];
  readonly text: string;
}

/** What the help says of a scope: keys with the same text on one line. */
export function linesOf(scope: Scope): readonly KeyLine[] {
  const lines = new Map<string, string[]>();
  for (const key of KEYS) {
    if (key.scope !== scope) continue;
    lines.set(key.text, [...(lines.get(key.text) ?? []), ...key.keys.map(shownKey)]);
  }
  return [...lines].map(([text, keys]) => ({ keys, text }));
}
