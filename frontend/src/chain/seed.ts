// Rows of the stream out of what REST says of options, so that strikes have values before they are subscribed. Pure.
import type { QuotedOption } from "../api";
import type { Row } from "../protocol";

/** The row of `option` by the stream's `fields`, or null where it has not quoted yet. */
export function rowOf(option: QuotedOption, fields: readonly string[]): Row | null {
  const number = (name: string): number | null => {
    const value = option[name];
    return typeof value === "number" ? value : null;
  };
  const ms = (name: string): number | null => {
    const value = option[name];
    return typeof value === "string" ? Date.parse(value) : null;
  };
  const [venue, received] = [ms("venue_at"), ms("received_at")];
  if (number("seq") === null || venue === null || received === null) return null;
  const worked: Readonly<Record<string, number | null>> = {
    venue_time_ms: venue,
    lag_ms: received - venue,
    last_time_ms: ms("last_at"),
  };
  return fields.map((name) => (name in worked ? worked[name]! : number(name)));
}
