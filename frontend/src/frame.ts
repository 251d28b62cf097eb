// One animation frame draws everything that changed since the last. Much that changes is drawn in fewer frames, so that
// painting leaves the tab its time. Before: store.ts; after: grid/, chain/.

export interface Drawable {
  /** Write what changed to the page. Called inside an animation frame. */
  draw(now: number): void;
}

/** A frame puts off what changes next by about ten times what it takes to write, lay out and paint, so that painting has no
 * more than a tenth of the tab's time: so much for any frame, and so much for each cell. What changes after that is drawn
 * at once. */
const MS_A_FRAME = 25;
const MS_A_CELL = 0.75;
/** But never by more: ten times a second is as often as a number can be read. */
export const LONGEST_PAUSE_MS = 100;
/** So many rows out of sight that were never drawn are with each frame: a scroll may be quicker than the next one. */
export const AHEAD = 6;

/** Collects drawables and draws each once in the next animation frame that is due, however often it was asked. */
export class Frame {
  private dirty = new Set<Drawable>();
  private requested = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private written = 0;
  private resumes = 0;

  constructor(private readonly longestPauseMs = LONGEST_PAUSE_MS) {}

  /** Newer values are to be drawn: at once, or where much was drawn just now, a little later. */
  request(drawable: Drawable): void {
    this.dirty.add(drawable);
    if (this.requested || this.timer !== undefined) return;
    const pause = this.resumes - performance.now();
    if (pause <= 0) this.ask();
    else
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.ask();
      }, pause);
  }

  /** Someone waits for it: a scroll, a key, another chain. It is in the next frame, whatever was drawn just now. */
  hurry(drawable: Drawable): void {
    this.dirty.add(drawable);
    if (this.requested) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.ask();
  }

  /** So many cells were written in this frame. */
  wrote(cells: number): void {
    this.written += cells;
  }

  private ask(): void {
    this.requested = true;
    requestAnimationFrame((now) => this.run(now));
  }

  private run(now: number): void {
    this.requested = false;
    const drawables = [...this.dirty];
    this.dirty.clear();
    this.written = 0;
    for (const drawable of drawables) drawable.draw(now);
    const pause = this.written && MS_A_FRAME + this.written * MS_A_CELL;
    this.resumes = performance.now() + Math.min(this.longestPauseMs, pause);
  }
}
