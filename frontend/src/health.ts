// The state of the connection and of the feeds in words. Pure; views show it.
import { age } from "./format";
import type { FeedKind, FeedStatus, Health } from "./protocol";
import { type Connection, RESTARTING, TOO_MANY } from "./socket";
import { clockTime, dayAndTime } from "./times";

export interface Words {
  /** live: all is well; calm: nothing moves, as it should be; busy: wait a moment; bad: do not trust the numbers. */
  readonly tone: "live" | "calm" | "busy" | "bad";
  readonly text: string;
  /** Since when (our clock, ms) the numbers shown are not of now, or null. */
  readonly since_ms: number | null;
  /** Whether asking for a connection now makes sense. */
  readonly hurry: boolean;
}

const WORST: readonly Health[] = ["down", "stale", "taking_over", "closed", "ok"];

const CAUSES: Readonly<Record<string, string>> = {
  [RESTARTING]: "The server is restarting. ",
  [TOO_MANY]: "Too many connections. ",
};

export interface Moment {
  /** Our clock and the server's, ms. */
  readonly our_ms: number;
  readonly server_ms: number;
  /** When the last frame came, our clock. */
  readonly heard_ms: number | null;
}

/** Words for a page that shows rows of `feeds`. A broken connection comes before any feed's own trouble. */
export function wordsFor(connection: Connection, feeds: readonly FeedStatus[], moment: Moment): Words {
  switch (connection.phase) {
    case "connecting":
      // Between two attempts the page goes on saying that its numbers are old.
      if (moment.heard_ms !== null) return words("bad", "Reconnecting…", moment.heard_ms);
      return words("busy", "Connecting…", null);
    case "waiting": {
      const left = Math.max(1, Math.ceil((connection.until_ms - moment.our_ms) / 1000));
      const cause = CAUSES[connection.reason] ?? "";
      const text = `${cause}Reconnecting in ${left} s…`;
      return { ...words("bad", text, moment.heard_ms), hurry: connection.reason !== TOO_MANY };
    }
    case "silent": {
      const quiet = moment.our_ms - connection.since_ms;
      return words("bad", `No answer for ${wholeAge(quiet)}`, connection.since_ms);
    }
    case "signed_out":
      return words("bad", "Signed out", moment.heard_ms);
    case "refused":
      return words(
        "bad",
        connection.reason ? `Not allowed: ${connection.reason}` : "Not allowed",
        moment.heard_ms,
      );
    case "open":
      return feedWords(feeds, moment);
  }
}

function feedWords(feeds: readonly FeedStatus[], moment: Moment): Words {
  const worst = [...feeds].sort((a, b) => WORST.indexOf(a.health) - WORST.indexOf(b.health))[0];
  if (!worst) return words("bad", "No feed is running", null);
  const name = feeds.length > 1 ? worst.feed : "the feed";
  const quiet = quietFor(worst, moment.server_ms);
  const since = quiet === null ? null : moment.our_ms - quiet;
  switch (worst.health) {
    case "ok":
      return words("live", "Live", null);
    case "closed": {
      const opens = worst.opens_ms ? `, opens ${dayAndTime(worst.opens_ms, moment.our_ms)}` : "";
      const closed =
        since === null ? "Market closed" : `Market closed since ${dayAndTime(since, moment.our_ms)}`;
      return words("calm", closed + opens, null);
    }
    case "taking_over":
      return words("busy", "Taking over…", since);
    case "stale":
      return words("bad", `No data from ${name} for ${quiet === null ? "a while" : wholeAge(quiet)}`, since);
    case "down": {
      const subject = feeds.length > 1 ? `Feed ${worst.feed} is down` : "Feed is down";
      return words("bad", worst.reason ? `${subject}: ${worst.reason}` : subject, since);
    }
  }
}

/** How long the feed has said nothing by now, ms; it goes on counting between two statuses. */
function quietFor(status: FeedStatus, server_ms: number): number | null {
  if (status.age_ms === null) return null;
  return status.age_ms + Math.max(0, server_ms - status.time_ms);
}

/** Why rows of that feed are not of now, and since when: `Not of now: nothing from simulated since 14:02:11`. Empty while
 * they are. The words stay the same while it lasts. */
export function staleWhy(connection: Connection, status: FeedStatus | undefined, moment: Moment): string {
  if (!isStale(connection, status)) return "";
  if (connection.phase !== "open") {
    const since = connection.phase === "silent" ? connection.since_ms : moment.heard_ms;
    return since === null
      ? "Not of now: no connection"
      : `Not of now: no connection since ${clockTime(since)}`;
  }
  const quiet = status ? quietFor(status, moment.server_ms) : null;
  const since = quiet === null ? "" : ` since ${clockTime(moment.our_ms - quiet)}`;
  return `Not of now: nothing from ${status?.feed ?? "the feed"}${since}`;
}

/** Whether rows of that feed are to be shown as stale. A closed market's last rows are what they should be. */
export function isStale(connection: Connection, status: FeedStatus | undefined): boolean {
  if (connection.phase !== "open") return true;
  return status?.health === "stale" || status?.health === "down";
}

/** `simulated`, `delayed`, `replay · 22 Jul 2021`; nothing for real time. `feedNow` in ms. */
export function badge(kind: FeedKind, feedNow: number): string {
  if (kind === "real_time") return "";
  if (kind !== "replay" || Number.isNaN(feedNow)) return kind;
  const day = new Date(feedNow).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
  return `replay · ${day}`;
}

function wholeAge(ms: number): string {
  return age(Math.floor(ms / 1000) * 1000).replace(".0", "");
}

function words(tone: Words["tone"], text: string, since_ms: number | null): Words {
  return { tone, text, since_ms, hurry: false };
}
