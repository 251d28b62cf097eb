import { expect, it } from "vitest";
import { actionOf, KEYS, linesOf, type Scope, shownKey } from "../src/keys";

const press = (key: string, held: Partial<KeyboardEvent> = {}) =>
  ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held }) as KeyboardEvent;
const SCOPES: readonly Scope[] = [...new Set(KEYS.map(({ scope }) => scope))];

it("gives every key one meaning in its scope", () => {
  for (const scope of SCOPES) {
    const keys = KEYS.filter((key) => key.scope === scope).flatMap((key) => [...key.keys] as string[]);
    expect(new Set(keys).size).toBe(keys.length);
  }
});

it("lets no key of a part mean something of the page", () => {
  const page: readonly string[] = KEYS.filter(({ scope }) => scope === "page").flatMap(({ keys }) => [
    ...keys,
  ]);
  const parts = KEYS.filter(({ scope }) => scope === "list" || scope === "chain").flatMap(({ keys }) => [
    ...keys,
  ]);
  expect(parts.filter((key) => page.includes(key))).toEqual([]);
});

it("tells held keys apart, Command as Ctrl, and letters in either case", () => {
  expect(actionOf("page", press("k", { ctrlKey: true }))).toBe("search");
  expect(actionOf("page", press("K", { metaKey: true }))).toBe("search");
  expect(actionOf("page", press("k"))).toBe(null);
  expect(actionOf("page", press("?", { shiftKey: true }))).toBe("help");
  expect(actionOf("list", press("ArrowUp", { altKey: true }))).toBe("moveUp");
  expect(actionOf("list", press("ArrowUp"))).toBe("up");
  expect(actionOf("search", press("Enter", { shiftKey: true }))).toBe("other");
  expect(actionOf("chain", press("c", { ctrlKey: true }))).toBe(null);
});

it("shows all of them, keys of one text on one line", () => {
  const shown = SCOPES.flatMap((scope) => linesOf(scope).flatMap(({ keys }) => keys));
  expect(shown.length).toBe(KEYS.flatMap(({ keys }) => keys as readonly string[]).length);
  expect(linesOf("list")[0]).toEqual({ keys: ["↑", "↓"], text: "Move" });
  expect(["Ctrl+k", "Alt+ArrowUp", "Shift+Enter", "/"].map(shownKey)).toEqual([
    "Ctrl K",
    "Alt ↑",
    "Shift Enter",
    "/",
  ]);
});
