// What a cell's title says, for who has no mouse.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CellNote, HOLD_MS, REST_MS } from "../src/grid/note";

let host: HTMLElement;
let note: CellNote;
let clicks: number;
const shown = () => document.querySelector("[data-testid=cell-note]")?.textContent ?? null;
const cell = (name: string) => host.querySelector<HTMLElement>(`.${name}`)!;

beforeEach(() => {
  vi.useFakeTimers();
  host = document.createElement("div");
  host.innerHTML = `
    <div class="row" title="Not of now">
      <div class="cell bid" title="One-sided: no bid"></div><div class="cell ask">2.00</div>
    </div>
    <div class="row"><div class="cell last">3.00</div></div>`;
  document.body.append(host);
  note = new CellNote(host);
  clicks = 0;
  host.addEventListener("click", () => {
    clicks += 1;
  });
});

afterEach(() => {
  note.hide();
  host.remove();
  vi.useRealTimers();
});

describe("with the keyboard", () => {
  it("comes where the cursor rests, and not on its way", () => {
    note.follow(cell("bid"));
    vi.advanceTimersByTime(REST_MS - 1);
    expect(shown()).toBeNull();
    note.follow(cell("ask"));
    vi.advanceTimersByTime(REST_MS - 1);
    expect(shown()).toBeNull();
    vi.advanceTimersByTime(1);
    // A cell without a word of its own has that of its row.
    expect(shown()).toBe("Not of now");
    note.follow(cell("last"));
    vi.advanceTimersByTime(REST_MS);
    expect(shown()).toBeNull();
  });

  it("goes with the next key, a scroll, and when the keyboard goes elsewhere", () => {
    for (const end of [() => note.follow(null), "scroll", "blur"]) {
      note.follow(cell("bid"));
      vi.advanceTimersByTime(REST_MS);
      expect(shown()).toBe("One-sided: no bid");
      if (typeof end === "string") host.dispatchEvent(new Event(end));
      else end();
      expect(shown()).toBeNull();
    }
  });

  it("comes also where the cursor's own step scrolls", () => {
    note.follow(cell("bid"));
    host.dispatchEvent(new Event("scroll"));
    vi.advanceTimersByTime(REST_MS);
    expect(shown()).toBe("One-sided: no bid");
  });

  it("says what is so now", () => {
    note.follow(cell("bid"));
    vi.advanceTimersByTime(REST_MS);
    cell("bid").title = "No quote: neither bid nor ask";
    note.refresh();
    expect(shown()).toBe("No quote: neither bid nor ask");
    cell("bid").remove();
    note.refresh();
    expect(shown()).toBeNull();
  });
});

describe("with a finger", () => {
  const send = (type: string, more: PointerEventInit = {}) =>
    cell("bid").dispatchEvent(new PointerEvent(type, { bubbles: true, pointerType: "touch", ...more }));
  const tap = () => cell("bid").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));

  it("comes while it holds, stays to be read, and opens nothing", () => {
    send("pointerdown");
    vi.advanceTimersByTime(HOLD_MS);
    expect(shown()).toBe("One-sided: no bid");
    send("pointerup");
    tap();
    expect([shown(), clicks]).toEqual(["One-sided: no bid", 0]);
    send("pointerdown");
    expect(shown()).toBeNull();
    send("pointerup");
    tap();
    vi.advanceTimersByTime(HOLD_MS);
    expect([shown(), clicks]).toEqual([null, 1]);
  });

  it("does not come where it scrolls, or taps", () => {
    send("pointerdown");
    send("pointermove", { clientX: 3, clientY: 12 });
    vi.advanceTimersByTime(HOLD_MS);
    expect(shown()).toBeNull();
    tap();
    expect(clicks).toBe(1);
  });

  it("is not for a mouse, which has the title", () => {
    send("pointerdown", { pointerType: "mouse" });
    vi.advanceTimersByTime(HOLD_MS);
    expect(shown()).toBeNull();
  });
});
