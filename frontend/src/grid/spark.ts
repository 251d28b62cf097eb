// The small line of a day in a cell, as one path of SVG; where the day began and where change is measured from stand in it.
// Before: lists/dayLines.ts; after: cells.ts.
import type { DayLine } from "../lists/dayLines";

const NS = "http://www.w3.org/2000/svg";
export const WIDTH = 80;
export const HEIGHT = 18;
const PADDING = 1.5;
/** A line may wait; what it costs is paid for each row of a list. */
const APART_MS = 1000;

export interface Drawn {
  /** A value of `d`; empty where there are fewer than two points. */
  readonly path: string;
  /** How far down the reference stands; null where there is none. */
  readonly reference: number | null;
}

/** The line in a box of WIDTH by HEIGHT: the whole session from left to right, the lowest to the highest of it and of the
 * reference from bottom to top. */
export function drawn(line: DayLine, reference: number | null): Drawn {
  const { at, values, opens_ms, closes_ms } = line;
  if (values.length < 2 || closes_ms <= opens_ms) return { path: "", reference: null };
  let [low, high] = [reference ?? values[0]!, reference ?? values[0]!];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const across = (ms: number) => (((ms - opens_ms) / (closes_ms - opens_ms)) * WIDTH).toFixed(1);
  const down = (value: number) =>
    high === low
      ? HEIGHT / 2
      : Number((PADDING + ((high - value) / (high - low)) * (HEIGHT - 2 * PADDING)).toFixed(1));
  const points = values.map((value, index) => `${across(at[index]!)} ${down(value)}`);
  return { path: `M${points.join("L")}`, reference: reference === null ? null : down(reference) };
}

export class Spark {
  readonly element = document.createElementNS(NS, "svg");
  private readonly line = document.createElementNS(NS, "path");
  private readonly reference = document.createElementNS(NS, "path");
  private last: DayLine | undefined;
  private from: number | null = null;
  private at = Number.NEGATIVE_INFINITY;

  constructor() {
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("aria-hidden", "true");
    this.reference.setAttribute("class", "reference");
    this.element.append(this.reference, this.line);
  }

  /** `now` is the animation frame's time. */
  draw(day: DayLine | undefined, reference: number | null, now: number): void {
    if (day === this.last && reference === this.from) return;
    // Another line is drawn at once; one more point of this one can wait.
    const isAnother = day?.opens_ms !== this.last?.opens_ms || !this.last?.values.length;
    if (!isAnother && now - this.at < APART_MS) return;
    this.last = day;
    this.from = reference;
    this.at = now;
    const found = day ? drawn(day, reference) : { path: "", reference: null };
    this.line.setAttribute("d", found.path);
    this.reference.setAttribute(
      "d",
      found.reference === null ? "" : `M0 ${found.reference}L${WIDTH} ${found.reference}`,
    );
  }
}
