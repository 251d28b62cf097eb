// Which instruments the page keeps though nothing subscribes them any more: the latest that were left, so that a view that
// is opened again has its values at once, and not all of a day's. Before: protocol.ts; after: store.ts.
import type { Subscribed } from "./protocol";

/** A page holds at most 2,000 at once; as many again and more are those of some chains that were looked at before. One
 * costs about a kilobyte. */
export const MOST_RETAINED = 5_000;
/** So many more may come before it is looked which go. */
const SLACK = 250;

export class Retained {
  /** All that are kept, the one that came or was left longest ago first. */
  private readonly known = new Set<number>();
  private readonly sources = new Map<string, Set<number>>();

  constructor(
    /** Whether the page still wants that source: of one that it gave up while it was hidden no answer comes. */
    private readonly isWanted: (source: string) => boolean,
    private readonly most = MOST_RETAINED,
  ) {}

  get size(): number {
    return this.known.size;
  }

  /** Something is known of it that was not before. */
  add(id: number): void {
    this.known.add(id);
  }

  /** What a source holds changed. */
  follow({ source, added, removed }: Subscribed): void {
    let held = this.sources.get(source);
    if (!held) {
      held = new Set();
      this.sources.set(source, held);
    }
    for (const { id } of Object.values(added)) held.add(id);
    for (const { id } of removed) {
      held.delete(id);
      this.left(id);
    }
    if (!held.size) this.sources.delete(source);
  }

  /** The server knows of no source any more: each is told anew. */
  forgetSources(): void {
    for (const held of this.sources.values()) for (const id of held) this.left(id);
    this.sources.clear();
  }

  /** Those that are too many: of them nothing is to be kept. */
  takeExcess(): readonly number[] {
    if (this.known.size <= this.most + SLACK) return [];
    for (const source of this.sources.keys()) if (!this.isWanted(source)) this.sources.delete(source);
    const sources = [...this.sources.values()];
    const excess: number[] = [];
    for (const id of this.known) {
      if (this.known.size - excess.length <= this.most) break;
      if (!sources.some((held) => held.has(id))) excess.push(id);
    }
    for (const id of excess) this.known.delete(id);
    return excess;
  }

  private left(id: number): void {
    if (this.known.delete(id)) this.known.add(id);
  }
}
