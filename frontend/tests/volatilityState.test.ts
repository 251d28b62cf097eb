// The state of the volatility view: which answer counts, and what it leaves behind.
import { expect, it, vi } from "vitest";
import type { Desk } from "../src/desk";
import type { Surface } from "../src/volatility/surface";
import { createVolatility } from "../src/volatility/volatility";

const TO = { feed: "simulated", underlying: "ACME" };
const surface = (underlying_price: number): Surface => ({
  ...TO,
  underlying_currency: "USD",
  underlying_price,
  expiries: [],
});

it("shows the answer to the latest question, and hears nothing more once it is left", async () => {
  const answers: ((found: Surface) => void)[] = [];
  const held = new Set<string>();
  const hold = (name: string) => {
    held.add(name);
    return () => void held.delete(name);
  };
  const desk = {
    api: { surface: () => new Promise<Surface>((resolve) => answers.push(resolve)) },
    store: {},
    settings: { read: (_: string, __: unknown, usual: unknown) => usual, onAdopted: () => hold("settings") },
    messageOf: String,
    watchRows: () => hold("rows"),
    subscribe: ({ source }: { source: string }) => void held.add(source),
    unsubscribe: (source: string) => void held.delete(source),
  } as unknown as Desk;
  vi.useFakeTimers();
  const state = createVolatility(desk, TO);
  void state.load();
  answers[1]!(surface(2));
  answers[0]!(surface(1));
  await vi.advanceTimersByTimeAsync(0);
  expect(state.surface()?.underlying_price).toBe(2);
  expect(held.size).toBe(3);
  state.stop();
  expect([...held]).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
