// The names of a list's columns: pressed, or chosen by the arrow keys and Enter, they sort. Before: grid.ts.
import type { Sort } from "../lists/arrange";
import { BESIDE, BESIDE_TITLE, type GridColumn } from "./columns";

const NAME = { key: "name", header: "Contract", title: "" } as const;
const SORTED = { true: "falling", false: "rising" } as const;

export class Header {
  readonly element = document.createElement("div");
  /** In the order of the screen, that of the names first. */
  cells: readonly HTMLElement[] = [];
  private shown = "";

  constructor() {
    this.element.className = "row header";
    this.element.setAttribute("role", "row");
    this.element.setAttribute("aria-rowindex", "1");
  }

  /** Shows these columns: makes their cells anew where they are others than before. */
  show(columns: readonly GridColumn[]): void {
    const keys = columns.map((column) => column.key).join();
    if (keys === this.shown && this.cells.length) return;
    this.shown = keys;
    this.cells = [
      headerCell(NAME),
      ...columns.map((column) => headerCell(column, column.beside !== undefined)),
    ];
    this.element.replaceChildren(...this.cells);
  }

  /** Says of each column what it sorts by now, and whether US dollars stand beside its prices. */
  tell(columns: readonly GridColumn[], sort: Sort | null, dollars: boolean): void {
    for (const [index, cell] of this.cells.entries()) {
      const column = columns[index - 1];
      const isSorted = sort?.key === (column?.key ?? NAME.key);
      if (isSorted) cell.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
      const about = [column?.title, dollars && column?.beside ? BESIDE_TITLE : ""].filter(Boolean).join(". ");
      const sorting = isSorted ? `Sorted, ${SORTED[`${sort.down}`]}` : "";
      cell.title = [sorting, about].filter(Boolean).join(". ");
    }
  }

  /** The key of the column that was pressed. */
  keyOf(target: Element): string | null {
    const cell = target.closest<HTMLElement>(".cell");
    return (cell && this.cells.includes(cell) && cell.dataset["key"]) || null;
  }
}

function headerCell({ key, header }: { key: string; header: string }, isPriced = false): HTMLElement {
  const cell = document.createElement("div");
  cell.className = `cell ${key}`;
  cell.dataset["key"] = key;
  cell.dataset["testid"] = `heading-${key}`;
  cell.setAttribute("role", "columnheader");
  if (!isPriced) {
    cell.textContent = header;
    return cell;
  }
  cell.classList.add("priced");
  for (const [name, text] of [
    ["price", header],
    ["dollars", ` ${BESIDE}`],
  ] as const) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    cell.append(part);
  }
  return cell;
}
