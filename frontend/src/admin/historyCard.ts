// History on the administrators' feed page: how its recorders are. Before: feeds.ts.
import { age, fixed } from "../format";
import type { HistoryReport } from "../protocol";

const MB = 1e6;
const ORDER = ["near_cap", "down", "behind", "ok"] as const;
const WORDS = { near_cap: "nearly full", down: "not storing", behind: "behind", ok: "ok" } as const;

/** The text of every figure of the card, by its field. */
export function historyFigures({ recorders }: HistoryReport): Record<string, string> {
  const [first] = recorders;
  if (!first) {
    return {
      health: "nobody records",
      reason: "start manage.py record_history; until then the history stream keeps what comes",
      rate: "–",
      behind: "–",
      stream: "–",
      missing: "–",
      recorders: "none",
    };
  }
  const worst = ORDER.find((health) => recorders.some((one) => one.health === health)) ?? "ok";
  const left = first.seconds_left === null ? "" : `, full in ${age(1000 * first.seconds_left)} at this pace`;
  const gaps = recorders.reduce((sum, one) => sum + one.gaps, 0);
  const rejects = recorders.reduce((sum, one) => sum + one.rejects, 0);
  return {
    health: WORDS[worst],
    reason: recorders.find((one) => one.health === worst)?.reason ?? "",
    rate: fixed(
      recorders.reduce((sum, one) => sum + one.rows_per_second, 0),
      1,
    ),
    behind: age(Math.max(...recorders.map((one) => one.behind_ms))),
    stream: `${fixed(first.stream_bytes / MB, 1)} of ${fixed(first.stream_cap / MB, 0)} MB${worst === "near_cap" ? left : ""}`,
    missing: `${fixed(gaps, 0)} in gaps, ${fixed(rejects, 0)} set aside`,
    recorders: recorders.map((one) => one.name).join(", "),
  };
}

/** The state by which the card is coloured. */
export function historyHealth({ recorders }: HistoryReport): string {
  return recorders.length
    ? (ORDER.find((health) => recorders.some((one) => one.health === health)) ?? "ok")
    : "down";
}

/** Writes a report into the card's elements. */
export function showHistory(element: HTMLElement, report: HistoryReport): void {
  element.dataset["health"] = historyHealth(report);
  for (const [name, text] of Object.entries(historyFigures(report))) {
    const field = element.querySelector<HTMLElement>(`[data-field="${name}"]`);
    if (field && field.textContent !== text) field.textContent = text;
  }
}
