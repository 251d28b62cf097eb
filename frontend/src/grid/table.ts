// What files have in common: the columns that a file can have, and what says where a row's values come from. Pure.
import type { CsvValue } from "../export";
import { type GridColumn, receivedAt } from "./columns";
import type { Named, RowView } from "./view";

export interface Field {
  readonly column: GridColumn;
  readonly field: string;
}

export function fieldsOf(columns: readonly GridColumn[]): readonly Field[] {
  return columns.flatMap((column) =>
    column.field === null ? [] : [{ column, field: column.field ?? column.key }],
  );
}

/** The names of what `originOf` gives. */
export const ORIGIN = [
  "symbol",
  "feed",
  "instrument_id",
  "seq",
  "underlying_price",
  "venue_at",
  "received_at",
] as const;

/** Which instrument and which row of it; what has not quoted yet has the first three alone. */
export function originOf({ feed, symbol, instrument }: Named, view: RowView): CsvValue[] {
  return [
    symbol,
    feed,
    instrument,
    view.value("seq"),
    view.value("underlying_price"),
    instant(view.value("venue_time_ms")),
    instant(receivedAt(view)),
  ];
}

/** ISO 8601 in UTC. */
function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
