// What an underlying is worth, by the server's rule (docs/protocol.md, "Live values"). Pure; chain/chain.ts uses it.
import { type Column, type Columns, columnValue, type Row } from "./protocol";

/** The mark, else the last trade, else the middle of the book; null where none is known. */
export function ownPrice(row: Row | undefined, columns: Columns): number | null {
  if (!row) return null;
  // Nothing is worth 0: that is how some venues say that they do not know.
  const value = (column: Column) => columnValue(row, columns, column) || null;
  const [bid, ask] = [value("bid"), value("ask")];
  return value("mark") ?? value("last") ?? (bid !== null && ask !== null ? (bid + ask) / 2 : null);
}

/** The same; of an underlying that says nothing itself, the price that the first of its options' rows carries. */
export function underlyingPrice(
  own: Row | undefined,
  options: Iterable<Row | undefined>,
  columns: Columns,
): number | null {
  const price = ownPrice(own, columns);
  if (price !== null) return price;
  for (const row of options) {
    const told = row && columnValue(row, columns, "underlying_price");
    if (told) return told;
  }
  return null;
}
