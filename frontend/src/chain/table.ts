// A chain as a table for a file: one row a strike, as on the screen, with all the digits. Pure.
import { fieldsOf, ORIGIN, originOf } from "../grid/table";
import type { Named, RowView } from "../grid/view";
import type { Table } from "../lists/table";
import type { Layout } from "./row";
import type { Side, Strike } from "./strikes";

const NAMES: Readonly<Record<Side, string>> = { C: "call", P: "put" };

/** The columns of the calls, the strike, those of the puts, in the order of the screen; then where each side's values come
 * from. Of a side that is not offered nothing is told. */
export function chainTable(
  strikes: readonly Strike[],
  { sides, columns }: Layout,
  viewOf: (contract: Named) => RowView,
): Table {
  const parts = sides.map((side) => ({ side, fields: fieldsOf(columns[side]) }));
  const named = (side: Side, names: readonly string[]) => names.map((name) => `${NAMES[side]}_${name}`);
  const [first, second] = parts.map(({ side, fields }) =>
    named(
      side,
      fields.map(({ field }) => field),
    ),
  );
  const header = [
    ...(second ? first! : []),
    "strike",
    ...(second ?? first!),
    ...sides.flatMap((side) => named(side, ORIGIN)),
  ];
  const rows = strikes.map((row) => {
    const of = (side: Side) => (side === "C" ? row.call : row.put);
    const [left, right] = parts.map(({ side, fields }) => {
      const contract = of(side);
      const view = contract && viewOf(contract);
      return fields.map(({ column }) => (view ? column.value(view) : null));
    });
    const origins = sides.flatMap((side) => {
      const contract = of(side);
      return contract ? originOf(contract, viewOf(contract)) : ORIGIN.map(() => null);
    });
    return [...(right ? left! : []), row.strike, ...(right ?? left!), ...origins];
  });
  return { header, rows };
}
