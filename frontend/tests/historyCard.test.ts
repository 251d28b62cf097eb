import { describe, expect, it } from "vitest";
import { historyFigures, historyHealth, showHistory } from "../src/admin/historyCard";
import type { HistoryReport } from "../src/protocol";

type Recorder = HistoryReport["recorders"][number];

function makeReport(...recorders: Partial<Recorder>[]): HistoryReport {
  const one: Recorder = {
    name: "here-7",
    health: "ok",
    reason: null,
    stored: 1_000,
    rows_per_second: 499.96,
    behind_ms: 120,
    stream_bytes: 1_250_000,
    stream_cap: 512_000_000,
    seconds_left: null,
    gaps: 0,
    rejects: 0,
  };
  return { op: "history", recorders: recorders.map((changes) => ({ ...one, ...changes })) };
}

describe("history on the feed page", () => {
  it("is written with its units", () => {
    expect(historyFigures(makeReport({}))).toEqual({
      health: "ok",
      reason: "",
      rate: "500.0",
      behind: "0.1 s",
      stream: "1.3 of 512 MB",
      missing: "0 in gaps, 0 set aside",
      recorders: "here-7",
    });
  });

  it("is as ill as the worst recorder, and says why", () => {
    const report = makeReport(
      {},
      { name: "there-8", health: "down", reason: "the database is away", gaps: 30, behind_ms: 9_000 },
    );
    expect(historyHealth(report)).toBe("down");
    const shown = historyFigures(report);
    expect(shown["health"]).toBe("not storing");
    expect(shown["reason"]).toBe("the database is away");
    expect(shown["rate"]).toBe("999.9");
    expect(shown["behind"]).toBe("9.0 s");
    expect(shown["missing"]).toBe("30 in gaps, 0 set aside");
    expect(shown["recorders"]).toBe("here-7, there-8");
  });

  it("says how long the stream lasts when that matters", () => {
    const report = makeReport({ health: "near_cap", stream_bytes: 480_000_000, seconds_left: 90 });
    expect(historyFigures(report)["stream"]).toMatch(/^480\.0 of 512 MB, full in /);
  });

  it("says that nobody records", () => {
    expect(historyHealth(makeReport())).toBe("down");
    expect(historyFigures(makeReport())["health"]).toBe("nobody records");
  });

  it("comes into the card", () => {
    const element = document.createElement("section");
    element.innerHTML = '<span data-field="health"></span><dd data-field="rate"></dd>';
    showHistory(element, makeReport({ health: "behind" }));
    expect(element.dataset["health"]).toBe("behind");
    expect(element.textContent).toBe("behind500.0");
  });
});
