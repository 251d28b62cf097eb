// A list's lines as they stand on the screen: sorted within what a heading is over, and without what is folded. Pure.
// Before: lines.ts; after: grid/grid.ts.
import type { HeadingLine, Line, QuoteLine } from "./lines";

/** By which column, `name` among them. */
export interface Sort {
  readonly key: string;
  readonly down: boolean;
}

/** The next of a column's three: rising, falling, the list's own order. */
export function nextSort(sort: Sort | null, key: string): Sort | null {
  if (sort?.key !== key) return { key, down: false };
  return sort.down ? null : { key, down: true };
}

export type SortValue = number | string | null;

export interface Arranged {
  readonly lines: readonly Line[];
  /** How many instruments each heading that is folded hides, by its key. */
  readonly hidden: ReadonlyMap<string, number>;
}

export function arranged(
  lines: readonly Line[],
  folded: ReadonlySet<string>,
  sort: Sort | null,
  sortValue: (line: QuoteLine, key: string) => SortValue,
): Arranged {
  const shown: Line[] = [];
  const hidden = new Map<string, number>();
  let run: QuoteLine[] = [];
  const close = () => {
    shown.push(...(sort ? sorted(run, sort, sortValue) : run));
    run = [];
  };
  for (const { line, section, rule } of placed(lines)) {
    if (line.kind === "heading") {
      close();
      // What a folded section has in it, rules too, is not there.
      if (line === section || !section || !folded.has(section.key)) shown.push(line);
      if (folded.has(line.key)) hidden.set(line.key, 0);
      continue;
    }
    const by = [section, rule].filter((one) => one && folded.has(one.key));
    for (const one of by) hidden.set(one!.key, (hidden.get(one!.key) ?? 0) + 1);
    if (by.length) continue;
    // What a rule holds stays under it, and what comes after it apart.
    if (run.length && run[0]!.held !== line.held) close();
    run.push(line);
  }
  close();
  return { lines: shown, hidden };
}

export interface Placed {
  readonly line: Line;
  /** The heading over it, or itself. */
  readonly section: HeadingLine | null;
  /** The rule that put it there. */
  readonly rule: HeadingLine | null;
}

/** Each line with what stands over it. */
export function placed(lines: readonly Line[]): Placed[] {
  let section: HeadingLine | null = null;
  let rule: HeadingLine | null = null;
  return lines.map((line) => {
    if (line.kind === "heading" && line.of.kind === "section") section = line;
    rule = line.kind === "heading" ? (line.of.kind === "rolling" ? line : null) : line.held ? rule : null;
    return { line, section, rule };
  });
}

/** The heading under which an item stands once the one at `from` is where the one at `to` was; null for headings. */
export function landing(lines: readonly Line[], from: number, to: number): HeadingLine | null {
  let found: HeadingLine | null = null;
  for (const line of lines) {
    if (line.kind !== "heading" || line.of.kind !== "section") continue;
    if (line.item === from) return null;
    // Those behind the one that leaves come forward.
    const after = line.item > from ? line.item - 1 : line.item;
    if (after < to) found = line;
  }
  return found;
}

/** Those without a value come last either way; equal ones keep their order. */
function sorted(
  run: readonly QuoteLine[],
  { key, down }: Sort,
  sortValue: (line: QuoteLine, key: string) => SortValue,
): QuoteLine[] {
  const sign = down ? -1 : 1;
  return run
    .map((line) => ({ line, value: sortValue(line, key) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      return sign * (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
    })
    .map(({ line }) => line);
}
