// What the page keeps for its user: in this browser, and through `save` wherever else it is to be kept. Every value read
// is checked by who asks for it, since older pages, or people, may have written anything.

export interface Keeper {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
}

const PREFIX = "strikewire.";

export class Settings {
  private save: ((name: string, value: unknown) => void) | null = null;

  constructor(private readonly keeper: Keeper) {}

  /** The value kept under `name` as `parse` takes it; `otherwise` where there is none, or none that it takes. */
  read<T>(name: string, parse: (value: unknown) => T | null, otherwise: T): T {
    try {
      const kept = this.keeper.getItem(PREFIX + name);
      return kept === null ? otherwise : (parse(JSON.parse(kept)) ?? otherwise);
    } catch {
      // Not ours, or storage is shut: as if nothing were kept.
      return otherwise;
    }
  }

  write(name: string, value: unknown): void {
    try {
      this.keeper.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // Storage is full or shut: the choice holds until the page is left.
    }
    this.save?.(name, value);
  }

  /** From now on everything written goes to `save` too. */
  alsoTo(save: (name: string, value: unknown) => void): void {
    this.save = save;
  }
}
