import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Settings } from "../src/settings";

let kept: Map<string, string>;
let settings: Settings;

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

beforeEach(() => {
  vi.useFakeTimers();
  kept = new Map();
  settings = new Settings({
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
  });
});

afterEach(() => vi.useRealTimers());

it("gives back what was written, and else what holds otherwise", () => {
  expect(settings.read("chain.side", text, "C")).toBe("C");
  settings.write("chain.side", "P");
  expect(settings.read("chain.side", text, "C")).toBe("P");
  settings.write("chain.side", 7);
  expect(settings.read("chain.side", text, "C")).toBe("C");
});

it("takes what is no JSON for nothing", () => {
  kept.set("strikewire.chain.side", "{");
  expect(settings.read("chain.side", text, "C")).toBe("C");
});

it("goes on where storage is shut", () => {
  const shut = () => {
    throw new Error("shut");
  };
  const without = new Settings({ getItem: shut, setItem: shut });
  without.write("chain.side", "P");
  expect(without.read("chain.side", text, "C")).toBe("C");
});

it("takes the account's choices over the browser's, and says so once", () => {
  settings.write("chain.side", "C");
  settings.write("chain.strikes", "all");
  const hear = vi.fn();
  settings.onAdopted(hear);
  settings.adopt({ "chain.side": "P", elsewhere: 1 }, vi.fn());
  expect(settings.read("chain.side", text, "C")).toBe("P");
  expect(settings.read("chain.strikes", text, "")).toBe("all");
  expect([...kept.keys()]).not.toContain("strikewire.elsewhere");
  settings.adopt({ "chain.side": "P" }, vi.fn());
  expect(hear).toHaveBeenCalledTimes(1);
});

it("saves all of it, once for what is chosen in one go", () => {
  const save = vi.fn();
  settings.write("chain.strikes", "2sd");
  settings.adopt({}, save);
  settings.write("chain.side", "P");
  settings.write("chain.side", "C");
  vi.runAllTimers();
  expect(save.mock.calls).toEqual([[{ "chain.side": "C", "chain.strikes": "2sd" }]]);
});
