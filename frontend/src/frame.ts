// One animation frame draws everything that changed since the last. Before: store.ts; after: grid/.

export interface Drawable {
  /** Write what changed to the page. Called inside an animation frame. */
  draw(now: number): void;
}

/** Collects drawables and draws each once in the next animation frame, however often it was asked. */
export class Frame {
  private dirty = new Set<Drawable>();
  private requested = false;

  request(drawable: Drawable): void {
    this.dirty.add(drawable);
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame((now) => this.run(now));
  }

  private run(now: number): void {
    this.requested = false;
    const drawables = [...this.dirty];
    this.dirty.clear();
    for (const drawable of drawables) drawable.draw(now);
  }
}
