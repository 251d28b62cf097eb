// A finger that swipes sideways over a chain of one side goes to the other: calls stand at the left of the puts. Where columns
// are scrolled by it, only from their edge on. Before: chain/grid.ts.
import type { Side } from "./strikes";

/** Shorter is a tap, or a scroll that begins. */
const LEAST_PX = 60;
/** So much more across than down. */
const ACROSS = 2;

interface Begun {
  readonly x: number;
  readonly y: number;
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

/** Calls `wanted` with the side that is swiped to over `element`, which scrolls sideways. */
export function hearSwipes(element: HTMLElement, wanted: (side: Side) => void): void {
  let begun: Begun | null = null;
  element.addEventListener(
    "touchstart",
    ({ touches }) => {
      const [finger] = touches;
      const beyond = element.scrollWidth - element.clientWidth;
      begun =
        finger && touches.length === 1
          ? {
              x: finger.clientX,
              y: finger.clientY,
              atStart: element.scrollLeft <= 1,
              atEnd: element.scrollLeft >= beyond - 1,
            }
          : null;
    },
    { passive: true },
  );
  element.addEventListener(
    "touchmove",
    (event) => {
      const [finger] = event.touches;
      if (!begun || !finger || !event.cancelable) return;
      const [across, down] = [finger.clientX - begun.x, finger.clientY - begun.y];
      // Beyond the edge some browsers go to the page before instead, whatever `overscroll-behavior` says.
      if (Math.abs(across) > Math.abs(down) && (across < 0 ? begun.atEnd : begun.atStart))
        event.preventDefault();
    },
    { passive: false },
  );
  element.addEventListener("touchcancel", () => {
    begun = null;
  });
  element.addEventListener("touchend", ({ changedTouches }) => {
    const [finger] = changedTouches;
    if (begun && finger) {
      const [across, down] = [finger.clientX - begun.x, finger.clientY - begun.y];
      const isSwipe = Math.abs(across) >= LEAST_PX && Math.abs(across) >= ACROSS * Math.abs(down);
      if (isSwipe && across < 0 && begun.atEnd) wanted("P");
      if (isSwipe && across > 0 && begun.atStart) wanted("C");
    }
    begun = null;
  });
}
