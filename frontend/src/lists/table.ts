// A watchlist as a table for a file: what is on its screen, with all the digits, and what each row is of. Pure.
import type { CsvValue } from "../export";
import type { GridColumn } from "../grid/columns";
import { fieldsOf, ORIGIN, originOf } from "../grid/table";
import type { RowView } from "../grid/view";
import { placed } from "./arrange";
import { type HeadingLine, type Line, ruleText } from "./lines";

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly CsvValue[])[];
}

/** `group` is the heading over a row, and the rule that put it there. */
export function listTable(
  lines: readonly Line[],
  columns: readonly GridColumn[],
  viewOf: (line: Extract<Line, { kind: "quote" }>) => RowView,
): Table {
  const shown = fieldsOf(columns);
  const rows = placed(lines).flatMap(({ line, section, rule }): CsvValue[][] => {
    if (line.kind === "heading") return [];
    const view = viewOf(line);
    const group = [section, rule].filter((one) => one !== null).map(nameOf);
    return [
      [group.join(" / ") || null, ...shown.map(({ column }) => column.value(view)), ...originOf(line, view)],
    ];
  });
  return { header: ["group", ...shown.map(({ field }) => field), ...ORIGIN], rows };
}

function nameOf({ of }: HeadingLine): string {
  return of.kind === "section" ? of.name : `${of.underlying}, ${ruleText(of)}`;
}
