// A finger that swipes over a chain of one side.
import { beforeEach, expect, it } from "vitest";
import { hearSwipes } from "../src/chain/swipe";

let element: HTMLElement;
let wanted: string[];

beforeEach(() => {
  element = document.createElement("div");
  Object.defineProperty(element, "clientWidth", { value: 390 });
  Object.defineProperty(element, "scrollWidth", { value: 600 });
  wanted = [];
  hearSwipes(element, (side) => wanted.push(side));
});

function send(type: string, fingers: number, clientX = 0, clientY = 0): void {
  const touches = Array.from({ length: fingers }, () => ({ clientX, clientY }));
  element.dispatchEvent(Object.assign(new Event(type), { touches, changedTouches: touches }));
}

function swipe(across: number, down = 0, fingers = 1): void {
  send("touchstart", fingers, 200, 300);
  send("touchend", 1, 200 + across, 300 + down);
}

it("goes to the puts from the end of the columns, to the calls from their beginning", () => {
  swipe(-120);
  expect(wanted).toEqual([]);
  element.scrollLeft = 210;
  swipe(120);
  expect(wanted).toEqual([]);
  swipe(-120);
  expect(wanted).toEqual(["P"]);
  element.scrollLeft = 0;
  swipe(120);
  expect(wanted).toEqual(["P", "C"]);
});

it("is not left to the browser where columns end, which might go back by it", () => {
  const isTaken = (across: number, down = 0) => {
    send("touchstart", 1, 200, 300);
    const touches = [{ clientX: 200 + across, clientY: 300 + down }];
    const event = Object.assign(new Event("touchmove", { cancelable: true }), { touches });
    element.dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect([isTaken(20), isTaken(-20), isTaken(20, 30)]).toEqual([true, false, false]);
  element.scrollLeft = 210;
  expect([isTaken(20), isTaken(-20)]).toEqual([false, true]);
});

it("is none where a finger goes down, hardly moves, is one of two, or is taken away", () => {
  swipe(120, 100);
  swipe(40);
  swipe(120, 0, 2);
  send("touchstart", 1, 200, 300);
  send("touchcancel", 1);
  send("touchend", 1, 320, 300);
  expect(wanted).toEqual([]);
});
