import { beforeEach, describe, expect, it } from "vitest";
import { connectionText, FeedCard, figures, lists } from "../src/admin/feedCard";
import type { FeedReport, Vitals } from "../src/protocol";
import { makeStatus } from "./builders";

const NOON = new Date(2026, 0, 15, 12, 0, 5).getTime();

function makeVitals(changes: Partial<Vitals> = {}): Vitals {
  return {
    term: 41,
    leader: "abc",
    host: "here",
    pid: 7,
    since_ms: NOON,
    standbys: 1,
    quotes_per_second: 12_345.67,
    accepted: 1_000_000,
    merged: 0,
    waiting: 0,
    silence_ms: 400,
    venue_to_ingest: { median: 2.25, most: 1500 },
    ingest_to_redis: { median: null, most: null },
    listed: 4208,
    covered: 500,
    withheld: 0,
    limits: { instruments: null, quotes_per_second: null, connections: null },
    connections: [],
    complaints: [],
    notices: [],
    parts: [],
    ...changes,
  };
}

function makeReport(vitals: Vitals | null, changes: Partial<FeedReport> = {}): FeedReport {
  return { op: "feed", ...makeStatus(), vitals, ...changes };
}

describe("the figures of a feed", () => {
  it("are written with their units", () => {
    const shown = figures(makeReport(makeVitals()), 3);
    expect(shown["rate"]).toBe("12,345.7");
    expect(shown["silence"]).toBe("0.4 s");
    expect(shown["venue_to_ingest"]).toBe("2.3 ms, at most 1.5 s");
    expect(shown["ingest_to_redis"]).toBe("–");
    expect(shown["server_to_page"]).toBe("1.5 ms");
    expect(shown["covered"]).toBe("500 of 4208");
    expect(shown["limits"]).toBe("none known");
    expect(shown["leader"]).toBe("here, process 7, since 12:00:05");
    expect(shown["term"]).toBe("41");
  });

  it("set coverage against the limits", () => {
    const limits = { instruments: 2000, quotes_per_second: 5000, connections: 4 };
    const shown = figures(makeReport(makeVitals({ limits, withheld: 3 })), null);
    expect(shown["covered"]).toBe("500 of 4208, 3 switched off, 25 % of the limit");
    expect(shown["limits"]).toBe("2000 instruments, 5000 quotes a second, 0 of 4 connections");
    expect(shown["server_to_page"]).toBe("–");
  });

  it("are dashes, and not old, where no leader is heard", () => {
    const heard = figures(makeReport(makeVitals()), 3);
    const silent = figures(makeReport(null, { health: "down", reason: "nobody" }), 3);
    expect(Object.keys(silent).sort()).toEqual(Object.keys(heard).sort());
    expect(silent["rate"]).toBe("–");
    expect(silent["term"]).toBe("–");
    expect(silent["health"]).toBe("down");
    expect(silent["reason"]).toBe("nobody");
  });
});

describe("a feed that is split", () => {
  const part = {
    share: 1,
    term: 41,
    host: "here",
    pid: 7,
    since_ms: NOON,
    standbys: 1,
    quotes_per_second: 1234.5,
    covered: 20,
  };
  const report = makeReport(makeVitals({ parts: [part, { ...part, share: 2, term: 0 }] }));

  it("has a leader for each share", () => {
    expect(figures(report, null)["leader"]).toBe("one for each of 2 shares");
    expect(lists(report)["shares"]).toEqual([
      "Share 1 of 2: here, process 7, since 12:00:05, term 41, 1234.5 quotes a second, 20 instruments covered, 1 standing by",
      "Share 2 of 2: nobody leads it",
    ]);
  });
});

describe("the lists of a feed", () => {
  it("name connections, remarks and notices", () => {
    const shown = lists(
      makeReport(
        makeVitals({
          connections: [{ name: "one", state: "open", since_ms: NOON, instruments: 500, reason: "slow" }],
          complaints: [{ reason: "bid: -1 is negative", count: 12, text: '{"bid":-1}', at_ms: NOON }],
          notices: ["the venue lists nothing any more"],
        }),
      ),
    );
    expect(shown["connections"]).toEqual(["one: open since 12:00:05, 500 instruments (slow)"]);
    expect(shown["complaints"]).toEqual(['12 × bid: -1 is negative, last 12:00:05: {"bid":-1}']);
    expect(shown["notices"]).toEqual(["the venue lists nothing any more"]);
  });
});

describe("a card", () => {
  let element: HTMLElement;

  beforeEach(() => {
    element = document.createElement("section");
    element.innerHTML =
      '<b data-field="term"></b><b data-field="reason"></b><ul data-list="notices"></ul><ul data-list="connections"></ul>';
  });

  it("shows the newest, and writes only what changed", async () => {
    const card = new FeedCard(element);
    card.show(makeReport(makeVitals()), null);
    let writes = 0;
    const observer = new MutationObserver((records) => {
      writes += records.length;
    });
    observer.observe(element, { childList: true, characterData: true, subtree: true });
    card.show(makeReport(makeVitals()), null);
    await Promise.resolve();
    expect(writes).toBe(0);
    card.show(makeReport(makeVitals({ term: 42 }), { health: "stale" }), null);
    await Promise.resolve();
    expect(writes).toBeGreaterThan(0);
    expect(element.querySelector('[data-field="term"]')?.textContent).toBe("42");
    expect(element.dataset["health"]).toBe("stale");
    observer.disconnect();
  });

  it("takes what a venue sent for text, never for markup", () => {
    const text = "<img src=x onerror=alert(1)>";
    new FeedCard(element).show(makeReport(makeVitals({ notices: [text] }), { reason: text }), null);
    expect(element.querySelector("img")).toBeNull();
    expect(element.querySelector("[data-list=notices] li")?.textContent).toBe(text);
  });

  it("says of an empty list that there is nothing, save of notices", () => {
    new FeedCard(element).show(makeReport(makeVitals()), null);
    expect(element.querySelector("[data-list=connections]")?.textContent).toBe("none");
    expect(element.querySelector("[data-list=notices]")?.textContent).toBe("");
  });
});

describe("the page's own connection", () => {
  it("is a sentence in every phase", () => {
    expect(connectionText({ phase: "open" })).toBe("Live.");
    for (const connection of [
      { phase: "silent", since_ms: 0 },
      { phase: "waiting", until_ms: 0, reason: "" },
      { phase: "signed_out" },
    ] as const) {
      expect(connectionText(connection)).toContain("figures are old");
    }
    expect(connectionText({ phase: "refused", reason: "no" })).toBe("Not allowed: no");
  });
});
