// Marks a cell that changed, for 300 ms and at most twice a second; where motion is not wanted, with a small dot.
// Before: grid/; it writes classes that styles/grid.css paints.

export const FLASH_MS = 300;
export const APART_MS = 500;
/** A mark this near its end goes with what is drawn anyway, which spares the page a frame of its own for it. */
const EARLY_MS = 120;
/** The dot does not move, and may stand long enough to be seen. */
export const DOT_MS = 1000;

export type Direction = "up" | "down" | "same";

interface Flashing {
  readonly element: Element;
  readonly name: string;
  readonly until: number;
}

export class Flasher {
  private begun = new WeakMap<Element, number>();
  private showing: Flashing[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly reducedMotion: () => boolean) {}

  /** `now` in ms. Says whether the cell was marked: not while its last mark is less than half a second old. */
  mark(element: Element, direction: Direction, now: number): boolean {
    const begun = this.begun.get(element);
    const reduced = this.reducedMotion();
    if (begun !== undefined && now - begun < (reduced ? DOT_MS : APART_MS)) return false;
    this.begun.set(element, now);
    const name = `${reduced ? "dot" : "flash"}-${direction}`;
    element.classList.add(name);
    this.showing.push({ element, name, until: now + (reduced ? DOT_MS : FLASH_MS) });
    this.schedule(now);
    return true;
  }

  /** Takes off every mark that is over, or nearly so. */
  sweep(now: number): void {
    const rest: Flashing[] = [];
    for (const flashing of this.showing) {
      if (flashing.until <= now + EARLY_MS) flashing.element.classList.remove(flashing.name);
      else rest.push(flashing);
    }
    this.showing = rest;
  }

  private schedule(now: number): void {
    if (this.timer !== undefined || this.showing.length === 0) return;
    const first = Math.min(...this.showing.map((flashing) => flashing.until));
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        const later = performance.now();
        this.sweep(later);
        this.schedule(later);
      },
      Math.max(16, first - now),
    );
  }
}
