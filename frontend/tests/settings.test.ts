import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Settings } from "../src/settings";

let kept: Map<string, string>;
let settings: Settings;

const keeper = {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, value: string) => kept.set(name, value),
  removeItem: (name: string) => kept.delete(name),
};

const saved = () => vi.fn((_: Record<string, unknown>): Promise<unknown> => Promise.resolve());

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

beforeEach(() => {
  vi.useFakeTimers();
  kept = new Map();
  settings = new Settings(keeper, "1");
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
  const without = new Settings({ getItem: shut, setItem: shut, removeItem: shut }, "1");
  without.write("chain.side", "P");
  expect(without.read("chain.side", text, "C")).toBe("C");
});

it("takes the account's choices over the browser's, and says so once", () => {
  settings.write("chain.side", "C");
  settings.write("chain.strikes", "all");
  const hear = vi.fn();
  const unhear = settings.onAdopted(hear);
  settings.adopt({ "chain.side": "P", elsewhere: 1 }, saved());
  expect(settings.read("chain.side", text, "C")).toBe("P");
  expect(settings.read("chain.strikes", text, "")).toBe("all");
  expect([...kept.keys()]).not.toContain("strikewire.elsewhere");
  settings.adopt({ "chain.side": "P" }, saved());
  expect(hear).toHaveBeenCalledTimes(1);
  unhear();
  settings.adopt({ "chain.side": "C" }, saved());
  expect(hear).toHaveBeenCalledTimes(1);
});

it("hears of what another tab of this browser has changed", () => {
  settings.write("chain.side", "C");
  const hear = vi.fn();
  settings.onAdopted(hear);
  const other = new Settings(keeper, "1");
  other.write("chain.side", "P");
  settings.adopt({ "chain.side": "P" }, saved());
  expect(hear).toHaveBeenCalledTimes(1);
  settings.adopt({ "chain.side": "P" }, saved());
  expect(hear).toHaveBeenCalledTimes(1);
});

it("saves what has changed, once for what is chosen in one go, and not what another browser may have changed", () => {
  const save = saved();
  settings.adopt({ "chain.strikes": "2sd", rail: 200 }, save);
  settings.write("chain.side", "P");
  settings.write("chain.side", "C");
  settings.write("rail", undefined);
  vi.runAllTimers();
  expect(save.mock.calls).toEqual([[{ "chain.side": "C", rail: null }]]);
});

it("takes from another browser what is not chosen here", () => {
  settings.adopt({ "chain.side": "C", "chain.strikes": "1sd" }, saved());
  settings.write("chain.side", "P");
  settings.adopt({ "chain.side": "C", "chain.strikes": "2sd" }, saved());
  expect(settings.read("chain.side", text, "")).toBe("P");
  expect(settings.read("chain.strikes", text, "")).toBe("2sd");
});

it("holds on to what is on its way to the account, and no longer", async () => {
  let arrive = () => {};
  settings.adopt({ "chain.side": "C" }, () => new Promise<void>((resolve) => (arrive = resolve)));
  settings.write("chain.side", "P");
  settings.flush();
  settings.adopt({ "chain.side": "C" }, saved());
  expect(settings.read("chain.side", text, "")).toBe("P");
  arrive();
  await vi.runAllTimersAsync();
  settings.adopt({ "chain.side": "C" }, saved());
  expect(settings.read("chain.side", text, "")).toBe("C");
});

it("saves what could not be saved with what comes next, as it is by then", async () => {
  const save = saved();
  save.mockRejectedValueOnce(new Error("away"));
  settings.adopt({}, save);
  settings.write("chain.side", "P");
  await vi.runAllTimersAsync();
  settings.adopt({ "chain.side": "C" }, save);
  settings.write("chain.strikes", "2sd");
  await vi.runAllTimersAsync();
  expect(save.mock.calls[1]).toEqual([{ "chain.side": "P", "chain.strikes": "2sd" }]);
  settings.flush();
  expect(save).toHaveBeenCalledTimes(2);
});

it("saves at once what waits, and nothing where nothing waits", () => {
  const save = saved();
  settings.adopt({}, save);
  settings.flush();
  settings.write("chain.side", "P");
  settings.flush();
  vi.runAllTimers();
  expect(save).toHaveBeenCalledTimes(1);
});

it("asks for nothing to be saved that stays as it is", () => {
  const save = saved();
  settings.adopt({ "chain.side": "P" }, save);
  settings.write("chain.side", "P");
  vi.runAllTimers();
  expect(save).not.toHaveBeenCalled();
});

it("keeps what was chosen here and waits to be saved over what the account has", () => {
  settings.adopt({}, saved());
  settings.write("chain.side", "P");
  settings.adopt({ "chain.side": "C" }, saved());
  expect(settings.read("chain.side", text, "C")).toBe("P");
});

it("gives nobody what another left in this browser", () => {
  settings.write("search.recent", ["secret"]);
  expect(new Settings(keeper, "1").read("chain.side", text, "C")).toBe("C");
  expect(kept.get("strikewire.search.recent")).toBe('["secret"]');
  const other = new Settings(keeper, "2");
  expect(other.read("search.recent", (value) => value, null)).toBe(null);
});
