// Every time of day on the page: in the reader's zone, the exchange's or UTC, as the account has it. All is written here.
import { createSignal } from "solid-js";

export type Times = "own" | "exchange" | "utc";

export interface TimesChoice {
  readonly times: Times;
  /** Of the account; empty for the browser's. */
  readonly own: string;
  /** By feed; one that is not named keeps UTC. */
  readonly exchanges: Readonly<Record<string, string>>;
}

const [choice, setChoice] = createSignal<TimesChoice>({ times: "own", own: "", exchanges: {} });
const [feed, setFeed] = createSignal("");

export const chooseTimes = setChoice;
/** The feed on the page, whose exchange is meant. */
export const ofFeed = setFeed;

/** The zone that times are in. */
export function zone(): string {
  const { times, own, exchanges } = choice();
  if (times === "utc") return "UTC";
  if (times === "exchange") return known(exchanges[feed()] ?? "UTC") ?? "UTC";
  return known(own) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** As it is told to people: `Europe/Zurich`, `America/New York`. */
export function zoneName(): string {
  return zone().replaceAll("_", " ");
}

/** Hours, minutes and seconds. */
export function clockTime(ms: number): string {
  return written(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** Hours and minutes. */
export function minuteTime(ms: number): string {
  return written(ms, { hour: "2-digit", minute: "2-digit" });
}

/** Hours and minutes, after the day where that is not the day of `now`: `Fri 20 Feb 14:30`. */
export function dayAndTime(ms: number, now: number): string {
  const time = minuteTime(ms);
  if (dayText(ms) === dayText(now)) return time;
  return `${written(ms, { weekday: "short", day: "numeric", month: "short" })} ${time}`;
}

/** A moment in parts of one's choosing, in the zone. */
export function written(ms: number, parts: Intl.DateTimeFormatOptions): string {
  return formatOf({ ...parts, timeZone: parts.timeZone ?? zone() }).format(ms);
}

function dayText(ms: number): string {
  return written(ms, { year: "numeric", month: "numeric", day: "numeric" });
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** To make one takes longer than to use it a hundred times. */
function formatOf(parts: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(parts);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", ...parts });
    formats.set(key, format);
  }
  return format;
}

const zones = new Map<string, boolean>();

/** The zone, or null where this browser does not know it: servers learn of new ones sooner. */
function known(name: string): string | null {
  if (!name) return null;
  let found = zones.get(name);
  if (found === undefined) {
    try {
      new Intl.DateTimeFormat("en-GB", { timeZone: name });
      found = true;
    } catch {
      found = false;
    }
    zones.set(name, found);
  }
  return found ? name : null;
}
