// The grid of a watchlist: writes its own cells, only those in sight. Before: store.ts, frame.ts; after: row.ts, heading.ts.
import type { Flasher } from "../flash";
import type { Drawable, Frame } from "../frame";
import type { Line } from "../lists/lines";
import { roomFor } from "../money";
import type { Store } from "../store";
import { BESIDE, BESIDE_TITLE, COLUMNS } from "./columns";
import { HeadingRow } from "./heading";
import { type ChainLink, GridRow } from "./row";

export interface GridEvents {
  onSelect(line: Line | null): void;
  onOpen(line: Line): void;
  onRemove(line: Line): void;
  /** Put the item that `line` is of where the item `to` is now. */
  onMove(line: Line, to: number): void;
}

type AnyRow = GridRow | HeadingRow;

const PAGE = 10;
/** Rows drawn beyond the edges, so that a slow scroll shows no old values. */
const MARGIN = 6;

export class Grid implements Drawable {
  private rows: AnyRow[] = [];
  private readOnly = false;
  private byInstrument = new Map<number, GridRow[]>();
  private changed = new Set<AnyRow>();
  private selected: AnyRow | null = null;
  private readonly body = document.createElement("div");
  private dragged: AnyRow | null = null;
  private all = true;
  /** Facts came: there may be prices in a currency that the list had no room for. */
  private newFacts = false;
  private readonly header = header();

  constructor(
    readonly element: HTMLElement,
    private readonly store: Store,
    private readonly frame: Frame,
    private readonly flasher: Flasher,
    private readonly feedNow: (feed: string) => number,
    private readonly isStale: (feed: string) => boolean,
    private readonly events: GridEvents,
    private readonly onDrawn: () => void,
    private readonly chainLink: ChainLink = () => null,
  ) {
    this.body.className = "rows";
    this.body.setAttribute("role", "rowgroup");
    element.append(this.header, this.body);
    element.addEventListener("keydown", this.onKey);
    element.addEventListener("scroll", () => this.redrawAll(), { passive: true });
    this.body.addEventListener("click", this.onClick);
    this.body.addEventListener("dragstart", this.onDragStart);
    this.body.addEventListener("dragover", this.onDragOver);
    this.body.addEventListener("drop", this.onDrop);
    this.body.addEventListener("dragend", this.endDrag);
    new ResizeObserver(() => this.redrawAll()).observe(element);
  }

  /** Shows exactly these, in this order; rows that stay keep their elements. */
  setLines(lines: readonly Line[], readOnly = false): void {
    this.readOnly = readOnly;
    this.element.classList.toggle("read-only", readOnly);
    const held = new Map(this.rows.map((row) => [row.line.key, row]));
    const at = this.selected ? this.rows.indexOf(this.selected) : -1;
    this.rows = lines.map((line) => {
      const row = held.get(line.key);
      if (!row?.becomes(line)) return this.makeRow(line);
      held.delete(line.key);
      return row;
    });
    for (const row of held.values()) row.element.remove();
    for (const [index, row] of this.rows.entries()) {
      const there = this.body.children[index];
      if (there !== row.element) this.body.insertBefore(row.element, there ?? null);
      row.element.setAttribute("aria-rowindex", String(index + 2));
    }
    this.element.setAttribute("aria-rowcount", String(this.rows.length + 1));
    this.byInstrument = new Map();
    for (const row of this.rows) {
      if (row instanceof HeadingRow) continue;
      const same = this.byInstrument.get(row.line.instrument);
      if (same) same.push(row);
      else this.byInstrument.set(row.line.instrument, [row]);
    }
    if (this.selected && !this.rows.includes(this.selected)) {
      // The one that moved into its place, so that several can be removed in a row.
      this.select(this.rows[Math.min(at, this.rows.length - 1)] ?? null);
    }
    this.makeRoom();
    this.markStale();
    this.redrawAll();
  }

  /** A newer row is in the store. */
  rowChanged(instrument: number): void {
    const rows = this.byInstrument.get(instrument);
    if (!rows) return;
    for (const row of rows) this.changed.add(row);
    this.frame.request(this);
  }

  factsChanged(instrument: number): void {
    for (const row of this.byInstrument.get(instrument) ?? []) {
      row.drawName(this.feedNow(row.line.feed));
      this.changed.add(row);
    }
    this.newFacts = true;
    this.frame.request(this);
  }

  /** Draw whatever is in sight again, whether it changed or not. */
  redrawAll(): void {
    this.all = true;
    this.frame.request(this);
  }

  draw(now: number): void {
    if (this.newFacts) this.makeRoom();
    const [from, to] = this.sight();
    if (this.all) {
      this.all = false;
      for (const row of this.rows) this.changed.add(row);
    }
    let drew = false;
    for (const [index, row] of this.rows.entries()) {
      if (!this.changed.has(row)) continue;
      if (index < from || index >= to) {
        row.behind = true;
        continue;
      }
      row.draw(now, this.feedOf(row));
      drew = true;
    }
    this.changed.clear();
    if (drew) this.onDrawn();
  }

  /** Ages and days left go on by themselves: call a few times a second. */
  drawAges(): void {
    const [from, to] = this.sight();
    for (const row of this.rows.slice(from, to)) row.drawAge(this.feedOf(row));
  }

  drawNames(): void {
    for (const row of this.rows) row.drawName(this.feedOf(row));
  }

  /** Dims the rows of feeds that are stale now. */
  markStale(): void {
    for (const row of this.rows) {
      if (row instanceof GridRow) row.element.classList.toggle("stale", this.isStale(row.line.feed));
    }
  }

  /** So that details have something to show. */
  selectFirst(): void {
    this.select(this.selected ?? this.rows.find((row) => row instanceof GridRow) ?? null);
  }

  /** The line of the list's own entry of that id. */
  selectEntry(id: number | null): void {
    this.select(this.rows.find((row) => row instanceof GridRow && row.line.id === id) ?? null);
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  /** Keeps room for currencies and for US dollars beside coins where a row of the list needs it, and only there. */
  private makeRoom(): void {
    this.newFacts = false;
    let [currency, dollars] = [false, false];
    for (const row of this.rows) {
      if (row instanceof HeadingRow) continue;
      const room = roomFor(row.line.symbol, row.facts);
      currency ||= room.currency;
      dollars ||= room.dollars;
    }
    this.element.classList.toggle("with-currencies", currency);
    if (this.element.classList.contains("with-dollars") === dollars) return;
    this.element.classList.toggle("with-dollars", dollars);
    for (const [index, column] of COLUMNS.entries()) {
      // The first cell of the header is that of the names.
      const cell = this.header.children[index + 1] as HTMLElement;
      if (column.beside) cell.title = dollars ? `${column.title}. ${BESIDE_TITLE}` : column.title;
    }
  }

  private makeRow(line: Line): AnyRow {
    if (line.kind === "heading") return new HeadingRow(line);
    return new GridRow(line, this.store, this.flasher, this.feedNow(line.feed), this.chainLink);
  }

  private feedOf(row: AnyRow): number {
    return row instanceof GridRow ? this.feedNow(row.line.feed) : Number.NaN;
  }

  private sight(): [number, number] {
    const height = this.rows[0]?.element.offsetHeight || 26;
    const from = Math.floor(this.element.scrollTop / height) - MARGIN;
    const shown = Math.ceil(this.element.clientHeight / height) + 2 * MARGIN;
    return [Math.max(0, from), Math.max(0, from) + Math.max(shown, 4 * MARGIN)];
  }

  private select(row: AnyRow | null): void {
    if (this.selected === row) return;
    this.selected?.element.setAttribute("aria-selected", "false");
    this.selected = row;
    if (row) {
      row.element.setAttribute("aria-selected", "true");
      this.element.setAttribute("aria-activedescendant", row.element.id);
      row.element.scrollIntoView?.({ block: "nearest" });
    } else {
      this.element.removeAttribute("aria-activedescendant");
    }
    this.events.onSelect(row?.line ?? null);
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.target !== this.element) return;
    const at = this.selected ? this.rows.indexOf(this.selected) : -1;
    const last = this.rows.length - 1;
    if (event.altKey) {
      const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
      const to = (this.selected?.line.item ?? 0) + step;
      if (!step || !this.selected || this.readOnly || to < 0 || to > (this.rows[last]?.line.item ?? 0))
        return;
      this.events.onMove(this.selected.line, to);
    } else if (event.key === "Enter" && this.selected) {
      this.events.onOpen(this.selected.line);
    } else if ((event.key === "Delete" || event.key === "Backspace") && this.selected) {
      if (!this.readOnly) this.events.onRemove(this.selected.line);
    } else {
      const wanted = destination(event.key, at, last);
      if (wanted === null || last < 0) return;
      this.select(this.rows[wanted] ?? null);
    }
    event.preventDefault();
  };

  private readonly onClick = (event: MouseEvent): void => {
    const row = this.rowOf(event);
    if (!row || (event.target as Element).closest("a")) return;
    if ((event.target as Element).closest(".remove")) this.events.onRemove(row.line);
    else {
      this.select(row);
      if (row instanceof GridRow || (event.target as Element).closest(".edit")) this.events.onOpen(row.line);
    }
  };

  private readonly onDragStart = (event: DragEvent): void => {
    this.dragged = this.readOnly ? null : this.rowOf(event);
    if (!this.dragged || !event.dataTransfer) {
      event.preventDefault();
      return;
    }
    const { line } = this.dragged;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", line.kind === "quote" ? line.symbol : line.key);
    this.dragged.element.classList.add("dragged");
  };

  private readonly onDragOver = (event: DragEvent): void => {
    const over = this.rowOf(event);
    if (!this.dragged || !over) return;
    event.preventDefault();
    this.clearDropMarks();
    const down = over.line.item > this.dragged.line.item;
    over.element.classList.add(down ? "drop-after" : "drop-before");
  };

  private readonly onDrop = (event: DragEvent): void => {
    const over = this.rowOf(event);
    const dragged = this.dragged;
    event.preventDefault();
    this.endDrag();
    if (over && dragged && over.line.item !== dragged.line.item)
      this.events.onMove(dragged.line, over.line.item);
  };

  private readonly endDrag = (): void => {
    this.dragged?.element.classList.remove("dragged");
    this.dragged = null;
    this.clearDropMarks();
  };

  private clearDropMarks(): void {
    for (const row of this.rows) row.element.classList.remove("drop-before", "drop-after");
  }

  private rowOf(event: Event): AnyRow | null {
    const element = (event.target as Element).closest(".row");
    return this.rows.find((row) => row.element === element) ?? null;
  }
}

/** Where a key leads from row `at` of `last + 1`, or null if it is no key of movement. */
function destination(key: string, at: number, last: number): number | null {
  const clamp = (index: number): number => Math.min(last, Math.max(0, index));
  switch (key) {
    case "ArrowDown":
      return clamp(at + 1);
    case "ArrowUp":
      return clamp(at < 0 ? last : at - 1);
    case "PageDown":
      return clamp(at + PAGE);
    case "PageUp":
      return clamp(at - PAGE);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

function header(): HTMLElement {
  const element = document.createElement("div");
  element.className = "row header";
  element.setAttribute("role", "row");
  element.setAttribute("aria-rowindex", "1");
  const named = [{ key: "name", header: "Contract", title: "" }, ...COLUMNS];
  for (const column of named) {
    const cell = document.createElement("div");
    cell.className = `cell ${column.key}`;
    cell.setAttribute("role", "columnheader");
    cell.title = column.title;
    if ("beside" in column) {
      cell.classList.add("priced");
      for (const [name, text] of [
        ["price", column.header],
        ["dollars", ` ${BESIDE}`],
      ] as const) {
        const part = document.createElement("span");
        part.className = name;
        part.textContent = text;
        cell.append(part);
      }
    } else cell.textContent = column.header;
    element.append(cell);
  }
  return element;
}
