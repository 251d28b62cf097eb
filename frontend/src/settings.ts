// What the page keeps for its user: in this browser at once, and through `save` with the account. Every value read is
// checked by who asks for it, since older pages, or people, may have written anything.

export interface Keeper {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

/** All that goes with the account. */
export const NAMES = [
  "chain.columns",
  "chain.side",
  "chain.strikes",
  "chain.expiries",
  "chart",
  "volatility",
  "view",
  "list",
  "list.columns",
  "list.sorts",
  "list.folded",
  "rail",
  "detail",
  "search.recent",
  "hints",
] as const;
export type Name = (typeof NAMES)[number];

const PREFIX = "strikewire.";
/** Whose settings this browser has. */
const OWNER = "strikewire.owner";
/** What is chosen in one go is saved once. */
const SAVE_AFTER_MS = 800;

/** Gives the account what has changed, null for what is gone; rejects where that failed. */
export type Save = (changes: Record<string, unknown>) => Promise<unknown>;

export class Settings {
  private save: Save | null = null;
  /** What the account does not have yet: chosen here since, and on its way there. */
  private readonly unsaved = new Set<Name>();
  private readonly onTheWay = new Set<readonly Name[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly adopted = new Set<() => void>();
  /** What this page shows, as JSON. The browser's other tabs keep theirs in the same place. */
  private readonly shown = new Map<Name, string | undefined>();

  /** `owner` is who is signed in: what another left in this browser is nobody else's. */
  constructor(
    private readonly keeper: Keeper,
    owner: string,
  ) {
    try {
      if (keeper.getItem(OWNER) === owner) return;
      for (const name of NAMES) keeper.removeItem(PREFIX + name);
      keeper.setItem(OWNER, owner);
    } catch {
      // Storage is shut: nobody left anything.
    }
  }

  /** The value kept under `name` as `parse` takes it; `otherwise` where there is none, or none that it takes. */
  read<T>(name: Name, parse: (value: unknown) => T | null, otherwise: T): T {
    const value = this.kept(name);
    this.shown.set(name, JSON.stringify(value));
    return value === undefined ? otherwise : (parse(value) ?? otherwise);
  }

  write(name: Name, value: unknown): void {
    this.shown.set(name, JSON.stringify(value));
    if (JSON.stringify(value) === JSON.stringify(this.kept(name))) return;
    this.keep(name, value);
    if (!this.save) return;
    this.unsaved.add(name);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), SAVE_AFTER_MS);
  }

  /** Saves at once what waits to be saved: only that, as another browser may have changed the rest. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.save || !this.unsaved.size) return;
    const names = [...this.unsaved];
    this.unsaved.clear();
    this.onTheWay.add(names);
    this.save(Object.fromEntries(names.map((name) => [name, this.kept(name) ?? null])))
      // What could not be saved goes with what is changed next, or when the page is left.
      .catch(() => {
        for (const name of names) this.unsaved.add(name);
      })
      .finally(() => this.onTheWay.delete(names));
  }

  /** Takes what the account has, and from now on gives what is written to `save`. */
  adopt(values: unknown, save: Save): void {
    this.save = save;
    if (typeof values !== "object" || values === null) return;
    let isNew = false;
    for (const name of NAMES) {
      // What was chosen here and is not saved yet is newer.
      if (this.unsaved.has(name) || [...this.onTheWay].some((names) => names.includes(name))) continue;
      const value: unknown = (values as Record<string, unknown>)[name];
      if (value === undefined) continue;
      const text = JSON.stringify(value);
      if (text !== JSON.stringify(this.kept(name))) this.keep(name, value);
      if (text === this.shown.get(name)) continue;
      this.shown.set(name, text);
      isNew = true;
    }
    if (isNew) for (const hear of this.adopted) hear();
  }

  /** Calls `hear` when what was read may be different now, until what it returns is called. */
  onAdopted(hear: () => void): () => void {
    this.adopted.add(hear);
    return () => void this.adopted.delete(hear);
  }

  private kept(name: Name): unknown {
    try {
      const text = this.keeper.getItem(PREFIX + name);
      return text === null ? undefined : JSON.parse(text);
    } catch {
      return undefined; // not ours, or storage is shut: as if nothing were kept
    }
  }

  private keep(name: Name, value: unknown): void {
    try {
      this.keeper.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // Storage is full or shut: the choice holds until the page is left.
    }
  }
}
