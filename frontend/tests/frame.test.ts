import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Drawable, Frame, LONGEST_PAUSE_MS } from "../src/frame";

let frame: Frame;
let drawn: number[];

beforeEach(() => {
  vi.useFakeTimers();
  drawn = [];
  frame = new Frame();
});

afterEach(() => {
  vi.useRealTimers();
});

/** One that writes so many cells each time. */
function writing(cells: number): Drawable {
  return {
    draw: () => {
      drawn.push(performance.now());
      frame.wrote(cells);
    },
  };
}

describe("a frame", () => {
  it("draws once what was asked for several times", () => {
    const one = writing(1);
    frame.request(one);
    frame.request(one);
    vi.advanceTimersByTime(50);
    expect(drawn).toHaveLength(1);
  });

  it("comes at once again after a few cells", () => {
    const one = writing(3);
    for (let at = 0; at < 1000; at += 50) {
      frame.request(one);
      vi.advanceTimersByTime(50);
    }
    expect(drawn).toHaveLength(20);
  });

  it("comes at most ten times a second while hundreds of cells change", () => {
    const one = writing(500);
    for (let at = 0; at < 1000; at += 10) {
      frame.request(one);
      vi.advanceTimersByTime(10);
    }
    expect(drawn.length).toBeGreaterThan(7);
    expect(drawn.length).toBeLessThanOrEqual(10);
    for (const [index, at] of drawn.entries())
      if (index) expect(at - drawn[index - 1]!).toBeGreaterThanOrEqual(LONGEST_PAUSE_MS);
  });

  it("is not held up by what was drawn before where someone waits for it", () => {
    const one = writing(500);
    frame.request(one);
    vi.advanceTimersByTime(20);
    frame.request(one);
    frame.hurry(one);
    vi.advanceTimersByTime(20);
    expect(drawn).toHaveLength(2);
    // Nothing is left over from the frame that was put off.
    vi.advanceTimersByTime(500);
    expect(drawn).toHaveLength(2);
  });

  it("brings what came last, however long it was put off", () => {
    const one = writing(500);
    frame.request(one);
    vi.advanceTimersByTime(20);
    frame.request(one);
    vi.advanceTimersByTime(LONGEST_PAUSE_MS + 20);
    expect(drawn).toHaveLength(2);
  });
});
