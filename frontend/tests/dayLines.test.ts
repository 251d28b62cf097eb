import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { drawn, HEIGHT, WIDTH } from "../src/grid/spark";
import { type DayLine, DayLines, gone, lineOf, type StoredLine } from "../src/lists/dayLines";
import { makeColumns, makeRow } from "./builders";

const OPENS = Date.UTC(2026, 0, 15, 14, 30);
const MINUTE = 60_000;

const stored = (changes: Partial<StoredLine> = {}): StoredLine => ({
  id: 1,
  opens_at: new Date(OPENS).toISOString(),
  closes_at: new Date(OPENS + 390 * MINUTE).toISOString(),
  step_minutes: 5,
  price: "mid",
  minutes: [5, 9],
  values: [2, 3],
  ...changes,
});

describe("a line goes on with live values", () => {
  const line = lineOf(stored());
  const valuesAfter = (minutes: number, value: number, before = line) =>
    gone(before, "mid", OPENS + minutes * MINUTE, value).values;

  it("in the step that runs by one point", () => {
    expect(valuesAfter(9.5, 4)).toEqual([2, 4]);
    expect(valuesAfter(9.9, 5, gone(line, "mid", OPENS + 9.5 * MINUTE, 4))).toEqual([2, 5]);
  });

  it("with another point in each step after, though a stored one ends where it begins", () => {
    expect(valuesAfter(10, 4)).toEqual([2, 3, 4]);
    expect(valuesAfter(10, 4, lineOf(stored({ minutes: [5, 10] })))).toEqual([2, 3, 4]);
  });

  it("and with nothing from before its session or after it", () => {
    expect(valuesAfter(-1, 4)).toEqual([2, 3]);
    expect(valuesAfter(390, 4)).toEqual([2, 3]);
  });
});

describe("a line says why it is not there", () => {
  it.each([
    [undefined, "Nothing is stored of it"],
    [stored({ minutes: [], values: [], price: null }), "Nothing was quoted in this session"],
    [
      stored({ opens_at: null, closes_at: null, step_minutes: null, price: null, minutes: [], values: [] }),
      "The feed is not heard, and so its day is not known",
    ],
    [stored(), ""],
  ])("%#", (told, reason) => expect(lineOf(told).reason).toBe(reason));
});

describe("the lines of a list", () => {
  const lines = new Map<number, DayLine>();
  const asked: (readonly string[])[] = [];
  const named = (instrument: number) => ({ feed: "simulated", symbol: `S${instrument}`, instrument });
  let answer: () => Promise<readonly StoredLine[]>;
  let told: number[];
  let days: DayLines;

  beforeEach(() => {
    vi.useFakeTimers();
    lines.clear();
    asked.length = 0;
    told = [];
    answer = async () => [stored(), stored({ id: 2, price: "last", values: [7, 8] })];
    days = new DayLines({
      ask: (symbols) => {
        asked.push(symbols);
        return answer();
      },
      lines,
      messageOf: () => "it is away",
      onLines: (ids) => told.push(...ids),
    });
  });
  afterEach(() => vi.useRealTimers());

  const settle = () => vi.advanceTimersByTimeAsync(0);
  const live = (id: number, values: Record<string, number | null>) =>
    days.live(id, makeRow({ id, venue_time_ms: OPENS + 20 * MINUTE, ...values }), makeColumns());

  it("are asked for in one request, and not again while nothing new is shown", async () => {
    days.show([named(1), named(2)]);
    expect(lines.get(1)?.state).toBe("loading");
    await settle();
    days.show([named(2), named(1)]);
    days.show([named(2)]);
    await settle();
    expect(asked).toEqual([["simulated.S1", "simulated.S2"]]);
    expect(told).toEqual([1, 2]);
  });

  it("go on with the price that they are of", async () => {
    days.show([named(1), named(2)]);
    await settle();
    live(1, { bid: 4, ask: 5, last: 9 });
    live(2, { bid: 4, ask: 5, last: 9 });
    expect([lines.get(1)?.values, lines.get(2)?.values]).toEqual([
      [2, 3, 4.5],
      [7, 8, 9],
    ]);
  });

  it("take no mid of a crossed quote, nor of one with one side", async () => {
    days.show([named(1)]);
    await settle();
    live(1, { bid: 5, ask: 4 });
    live(1, { bid: 5 });
    expect(lines.get(1)?.values).toEqual([2, 3]);
  });

  it("are asked for again by themselves where they could not be loaded", async () => {
    answer = async () => Promise.reject(new Error());
    days.show([named(1)]);
    await settle();
    expect(lines.get(1)?.reason).toBe("The day could not be loaded: it is away");
    answer = async () => [stored()];
    await vi.advanceTimersByTimeAsync(20_000);
    expect(lines.get(1)?.values).toEqual([2, 3]);
  });

  it("are asked for again once what was missed could be seen", async () => {
    days.show([named(1)]);
    await settle();
    days.refresh();
    await vi.advanceTimersByTimeAsync(61_000);
    expect(asked).toHaveLength(1);
    days.refresh();
    expect(asked).toHaveLength(2);
  });

  it("are asked for again where they come back before they were told, or in vain", async () => {
    const answers: ((lines: readonly StoredLine[]) => void)[] = [];
    answer = () => new Promise((resolve) => answers.push(resolve));
    days.show([named(1)]);
    days.show([named(2)]);
    days.show([named(1)]);
    for (const resolve of answers) resolve([stored()]);
    await settle();
    expect(lines.get(1)?.values).toEqual([2, 3]);
    answer = async () => Promise.reject(new Error());
    days.show([named(3)]);
    await settle();
    answer = async () => [stored({ id: 2 }), stored({ id: 3 })];
    days.show([named(2)]);
    days.show([named(3)]);
    await settle();
    expect(lines.get(3)?.values).toEqual([2, 3]);
  });

  it("are asked for again where they were away for long, and lack what came meanwhile", async () => {
    days.show([named(1)]);
    await settle();
    days.show([]);
    await vi.advanceTimersByTimeAsync(50_000);
    days.show([named(1)]);
    expect(asked).toHaveLength(1);
    days.show([]);
    await vi.advanceTimersByTimeAsync(61_000);
    days.show([named(1)]);
    expect(asked).toHaveLength(2);
  });

  it("are asked for once when the session is over, and again when another may have begun", async () => {
    const askedAt = async (minutes: number) => {
      await vi.advanceTimersByTimeAsync(61_000);
      days.turnDay(() => OPENS + minutes * MINUTE);
      await settle();
      return asked.length;
    };
    days.show([named(1)]);
    days.turnDay(() => OPENS + 400 * MINUTE);
    expect(asked).toHaveLength(1);
    expect(await askedAt(390)).toBe(1);
    expect(await askedAt(Number.NaN)).toBe(1);
    expect(await askedAt(391)).toBe(2);
    expect(await askedAt(392)).toBe(2);
    live(1, { bid: 4, ask: 5 });
    expect(await askedAt(393)).toBe(2);
    live(1, { bid: 4, ask: 5, venue_time_ms: OPENS + 1440 * MINUTE });
    expect(await askedAt(1441)).toBe(3);
    expect(await askedAt(1442)).toBe(3);
  });

  it("are asked for again when rows come of a feed that said no time", async () => {
    answer = async () => [
      stored({ opens_at: null, closes_at: null, step_minutes: null, minutes: [], values: [] }),
    ];
    days.show([named(1)]);
    await settle();
    live(1, { bid: 4, ask: 5 });
    answer = async () => [stored()];
    await vi.advanceTimersByTimeAsync(61_000);
    days.turnDay(() => OPENS + 21 * MINUTE);
    await settle();
    expect(lines.get(1)?.values).toEqual([2, 3]);
  });
});

describe("a line is drawn", () => {
  it("from the opening at the left to the close at the right, the highest on top", () => {
    const half = lineOf(stored({ minutes: [0, 195], values: [1, 3] }));
    const { path, reference } = drawn(half, 2);
    expect(path).toBe(`M0.0 ${HEIGHT - 1.5}L${WIDTH / 2}.0 1.5`);
    expect(reference).toBe(HEIGHT / 2);
  });

  it("flat in the middle where nothing moved, and not at all of one point", () => {
    expect(drawn(lineOf(stored({ values: [2, 2] })), null).path).toContain(` ${HEIGHT / 2}L`);
    expect(drawn(lineOf(stored({ minutes: [5], values: [2] })), 2)).toEqual({ path: "", reference: null });
  });
});
