// One feed on the administrators' feed page: writes what the stream says into the card's elements. Before: feeds.ts.
import { age, fixed, latency } from "../format";
import type { FeedReport, Hop, Vitals } from "../protocol";
import type { Connection } from "../socket";
import { clockTime } from "../times";

const NOTHING = "–";

/** The state of the page's own connection, as a sentence. */
export function connectionText(connection: Connection): string {
  switch (connection.phase) {
    case "open":
      return "Live.";
    case "connecting":
      return "Connecting…";
    case "silent":
      return "The server does not answer: the figures are old.";
    case "waiting":
      return "Not connected: the figures are old. Trying again…";
    case "signed_out":
      return "Signed out: the figures are old.";
    case "refused":
      return `Not allowed: ${connection.reason}`;
  }
}

/** The text of every figure of a card, by its field. */
export function figures(report: FeedReport, roundTrip: number | null): Record<string, string> {
  const { vitals } = report;
  const common = { health: report.health.replace("_", " "), reason: report.reason ?? "" };
  const page = { server_to_page: roundTrip === null ? NOTHING : latency(roundTrip / 2) };
  if (vitals === null) return { ...emptied, ...common, ...page };
  return {
    ...common,
    ...page,
    rate: fixed(vitals.quotes_per_second, 1),
    silence: vitals.silence_ms === null ? NOTHING : age(vitals.silence_ms),
    venue_to_ingest: hop(vitals.venue_to_ingest),
    ingest_to_redis: hop(vitals.ingest_to_redis),
    covered: covered(vitals),
    limits: limits(vitals),
    leader: vitals.parts.length ? `one for each of ${vitals.parts.length} shares` : leader(vitals),
    term: vitals.parts.length ? NOTHING : String(vitals.term),
    standbys: String(vitals.standbys),
    accepted: fixed(vitals.accepted, 0),
    waiting: fixed(vitals.waiting, 0) + (vitals.merged ? `, ${fixed(vitals.merged, 0)} merged` : ""),
  };
}

const emptied: Readonly<Record<string, string>> = Object.fromEntries(
  [
    "rate",
    "silence",
    "venue_to_ingest",
    "ingest_to_redis",
    "covered",
    "limits",
    "leader",
    "term",
    "standbys",
    "accepted",
    "waiting",
  ].map((field) => [field, NOTHING]),
);

function leader({ host, pid, since_ms }: { host: string; pid: number; since_ms: number }): string {
  return `${host}, process ${pid}, since ${clockTime(since_ms)}`;
}

/** Each share of a split feed, a line. */
function shares({ parts }: Vitals): string[] {
  return parts.map((part) => {
    const name = `Share ${part.share} of ${parts.length}`;
    if (!part.term) return `${name}: nobody leads it`;
    const rate = `${fixed(part.quotes_per_second, 1)} quotes a second`;
    const covered = `${fixed(part.covered, 0)} instruments covered`;
    return `${name}: ${leader(part)}, term ${part.term}, ${rate}, ${covered}, ${part.standbys} standing by`;
  });
}

function hop({ median, most }: Hop): string {
  return median === null ? NOTHING : `${latency(median)}, at most ${latency(most)}`;
}

function covered(vitals: Vitals): string {
  const most = vitals.limits.instruments;
  const off = vitals.withheld ? `, ${fixed(vitals.withheld, 0)} switched off` : "";
  const share = most === null ? "" : `, ${fixed((100 * vitals.covered) / most, 0)} % of the limit`;
  return `${fixed(vitals.covered, 0)} of ${fixed(vitals.listed, 0)}${off}${share}`;
}

function limits({ limits, connections }: Vitals): string {
  const parts = [
    limits.instruments === null ? null : `${fixed(limits.instruments, 0)} instruments`,
    limits.quotes_per_second === null ? null : `${fixed(limits.quotes_per_second, 0)} quotes a second`,
    limits.connections === null ? null : `${connections.length} of ${limits.connections} connections`,
  ].filter((part) => part !== null);
  return parts.join(", ") || "none known";
}

/** The lines of a card's lists, by their name. */
export function lists(report: FeedReport): Record<string, string[]> {
  const { vitals } = report;
  if (vitals === null) return { notices: [], shares: [], connections: [], complaints: [] };
  return {
    notices: [...vitals.notices],
    shares: shares(vitals),
    connections: vitals.connections.map(
      ({ name, state, since_ms, instruments, reason }) =>
        `${name}: ${state} since ${clockTime(since_ms)}, ${fixed(instruments, 0)} instruments${reason ? ` (${reason})` : ""}`,
    ),
    complaints: vitals.complaints.map(
      ({ reason, count, text, at_ms }) => `${fixed(count, 0)} × ${reason}, last ${clockTime(at_ms)}: ${text}`,
    ),
  };
}

export class FeedCard {
  private readonly fields = new Map<string, HTMLElement>();
  private readonly lists = new Map<string, HTMLElement>();

  constructor(private readonly element: HTMLElement) {
    for (const field of element.querySelectorAll<HTMLElement>("[data-field]")) {
      this.fields.set(field.dataset["field"] ?? "", field);
    }
    for (const list of element.querySelectorAll<HTMLElement>("[data-list]")) {
      this.lists.set(list.dataset["list"] ?? "", list);
    }
  }

  show(report: FeedReport, roundTrip: number | null): void {
    this.element.dataset["health"] = report.health;
    for (const [name, text] of Object.entries(figures(report, roundTrip))) {
      const field = this.fields.get(name);
      if (field && field.textContent !== text) field.textContent = text;
    }
    for (const [name, lines] of Object.entries(lists(report))) this.fill(name, lines);
  }

  private fill(name: string, lines: string[]): void {
    const list = this.lists.get(name);
    if (!list) return;
    const shown = lines.length || name === "notices" || name === "shares" ? lines : ["none"];
    const present = [...list.children].map((child) => child.textContent);
    if (present.length === shown.length && present.every((text, place) => text === shown[place])) return;
    list.replaceChildren(
      ...shown.map((text) => {
        const line = document.createElement("li");
        line.textContent = text;
        return line;
      }),
    );
  }
}
