import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { APART_MS, FLASH_MS, Flasher } from "../src/flash";

let cell: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers();
  cell = document.createElement("div");
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a flash", () => {
  it("lasts 300 ms", () => {
    const flasher = new Flasher(() => false);
    flasher.mark(cell, "up", performance.now());
    vi.advanceTimersByTime(FLASH_MS - 20);
    expect(cell.className).toBe("flash-up");
    vi.advanceTimersByTime(40);
    expect(cell.className).toBe("");
  });

  it("comes at most twice a second for a cell, however often it changes", () => {
    const flasher = new Flasher(() => false);
    let marks = 0;
    for (let now = 0; now < 10_000; now += 10) if (flasher.mark(cell, "down", now)) marks += 1;
    expect(marks).toBe(10_000 / APART_MS);
  });

  it("of one cell does not hold back another", () => {
    const flasher = new Flasher(() => false);
    const other = document.createElement("div");
    expect(flasher.mark(cell, "up", 0)).toBe(true);
    expect(flasher.mark(other, "up", 1)).toBe(true);
  });

  it("is gone from every cell, also of marks that began while others stood", () => {
    const flasher = new Flasher(() => false);
    const cells = Array.from({ length: 20 }, () => document.createElement("div"));
    for (const one of cells) {
      flasher.mark(one, "up", performance.now());
      vi.advanceTimersByTime(30);
    }
    vi.advanceTimersByTime(FLASH_MS + 50);
    expect(cells.map((one) => one.className).join("")).toBe("");
  });
});

it("where motion is not wanted, a dot marks the change and nothing flashes", () => {
  const flasher = new Flasher(() => true);
  flasher.mark(cell, "up", performance.now());
  expect(cell.className).toBe("dot-up");
  vi.advanceTimersByTime(1100);
  expect(cell.className).toBe("");
});
