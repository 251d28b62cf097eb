// The grid of a watchlist: writes its own cells, only those in sight. Before: store.ts, frame.ts; after: row.ts, heading.ts.
import type { Flasher } from "../flash";
import { AHEAD, type Drawable, type Frame } from "../frame";
import { type ActionOf, actionOf } from "../keys";
import { type Arranged, arranged, landing, placed, type Sort, type SortValue } from "../lists/arrange";
import { fitted } from "../lists/layout";
import type { Line, QuoteLine } from "../lists/lines";
import { roomFor } from "../money";
import { sortName } from "../names";
import type { Store } from "../store";
import { COLUMN_OF, type GridColumn } from "./columns";
import { Header } from "./header";
import { HeadingRow } from "./heading";
import { columnsOf } from "./layout";
import { CellNote } from "./note";
import { type ChainLink, GridRow } from "./row";
import { viewOf } from "./view";

export interface GridEvents {
  onSelect(line: Line | null): void;
  onOpen(line: Line): void;
  onRemove(line: Line): void;
  /** Put the item that `line` is of where the item `to` is now. */
  onMove(line: Line, to: number): void;
  /** It cannot be moved now: the list is sorted. */
  onCannotMove(): void;
  /** Sort by that column, or by it no more. */
  onSort(key: string): void;
  onFold(heading: Line, on: boolean): void;
  /** Which of the chosen columns have room. */
  onFit(keys: readonly string[]): void;
}

/** How a list is shown. */
export interface Look {
  readonly columns: readonly string[];
  readonly sort: Sort | null;
  readonly folded: ReadonlySet<string>;
}

type AnyRow = GridRow | HeadingRow;
type Movement = "down" | "up" | "pageDown" | "pageUp" | "first" | "last";

const PAGE = 10;
/** Rows drawn beyond the edges, so that a slow scroll shows no old values. */
const MARGIN = 6;
const CURSOR_ID = "list-cursor";
const USUAL_WIDTH = 1100;
const ROW = 26;

export class Grid implements Drawable {
  private lines: readonly Line[] = [];
  private look: Look = { columns: [], sort: null, folded: new Set() };
  private arranged: Arranged = { lines: [], hidden: new Map() };
  private rows: AnyRow[] = [];
  private readOnly = false;
  private byInstrument = new Map<number, GridRow[]>();
  private changed = new Set<AnyRow>();
  private selected: AnyRow | null = null;
  private columns: readonly GridColumn[] = [];
  private laidOut = "";
  /** Which cell of the selected row, or of the column names, the keys are at; null for the row as a whole. */
  private column: number | null = null;
  private atHeader = false;
  private cursorCell: HTMLElement | null = null;
  private readonly body = document.createElement("div");
  private dragged: AnyRow | null = null;
  private isUnderPointer = false;
  private all = true;
  /** Facts came: there may be prices in a currency that the list had no room for. */
  private newFacts = false;
  private readonly header = new Header();
  private readonly note: CellNote;

  constructor(
    readonly element: HTMLElement,
    private readonly store: Store,
    private readonly frame: Frame,
    private readonly flasher: Flasher,
    private readonly feedNow: (feed: string) => number,
    /** Why the rows of a feed are not of now; empty where they are. */
    private readonly staleWhy: (feed: string) => string,
    private readonly events: GridEvents,
    private readonly onDrawn: () => void,
    private readonly chainLink: ChainLink = () => null,
  ) {
    this.body.className = "rows";
    this.body.setAttribute("role", "rowgroup");
    element.append(this.header.element, this.body);
    this.note = new CellNote(element);
    element.addEventListener("keydown", this.onKey);
    element.addEventListener("scroll", () => this.redrawAll(), { passive: true });
    this.header.element.addEventListener("click", this.onHeaderClick);
    this.body.addEventListener("click", this.onClick);
    this.body.addEventListener("pointerenter", () => this.pointer(true));
    this.body.addEventListener("pointerleave", () => this.pointer(false));
    this.body.addEventListener("dragstart", this.onDragStart);
    this.body.addEventListener("dragover", this.onDragOver);
    this.body.addEventListener("drop", this.onDrop);
    this.body.addEventListener("dragend", this.endDrag);
    new ResizeObserver(() => {
      this.lay();
      this.redrawAll();
    }).observe(element);
  }

  // ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────
  /** Shows exactly these, in this order unless it is sorted; rows that stay keep their elements. */
  setLines(lines: readonly Line[], readOnly = false): void {
    this.lines = lines;
    this.readOnly = readOnly;
    this.element.classList.toggle("read-only", readOnly);
    this.arrange();
    this.makeRoom();
    this.markStale();
    this.redrawAll();
  }

  setLook(look: Look): void {
    this.look = look;
    this.element.classList.toggle("sorted", look.sort !== null);
    this.lay();
    this.arrange();
    this.markStale();
    this.redrawAll();
  }

  /** A sorted list in the order of now; not while somebody's pointer is over it, or something is dragged. */
  sortAgain(): void {
    const { sort, folded } = this.look;
    if (!sort || this.isUnderPointer || this.dragged) return;
    const { lines } = arranged(this.lines, folded, sort, this.sortValue);
    if (lines.every((line, index) => line.key === this.rows[index]?.line.key)) return;
    this.arrange();
    this.redrawAll();
  }

  /** The lines on the screen, and the columns, as they stand there. */
  get shown(): { readonly lines: readonly Line[]; readonly columns: readonly GridColumn[] } {
    return { lines: this.arranged.lines, columns: this.columns };
  }

  /** Whether that instrument has a row here. */
  has(instrument: number): boolean {
    return this.byInstrument.has(instrument);
  }

  private arrange(): void {
    const { sort, folded } = this.look;
    this.arranged = arranged(this.lines, folded, sort, this.sortValue);
    const held = new Map(this.rows.map((row) => [row.line.key, row]));
    const at = this.selected ? this.rows.indexOf(this.selected) : -1;
    this.rows = this.arranged.lines.map((line) => {
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
      row.element.draggable = !this.readOnly && !sort;
      if (row instanceof HeadingRow) row.fold(this.arranged.hidden.get(row.line.key));
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
  }

  private readonly sortValue = (line: QuoteLine, key: string): SortValue => {
    if (key === "name") return sortName(line.symbol, this.store.facts.get(line.instrument));
    return COLUMN_OF.get(key)?.value(viewOf(this.store, line, this.feedNow(line.feed))) ?? null;
  };

  /** Chooses the columns that have room, and makes the cells anew where they are others. */
  private lay(): void {
    if (!this.look.columns.length) return;
    const width = this.element.clientWidth || USUAL_WIDTH;
    const room = this.room();
    const fit = fitted(this.look.columns, width, room);
    const keys = fit.keys.join();
    this.header.show(columnsOf(fit.keys));
    this.header.tell(columnsOf(fit.keys), this.look.sort, room.dollars);
    const laidOut = [keys, fit.tracks, room.currency, room.dollars, fit.isPhone, fit.pricesBelow].join();
    if (laidOut === this.laidOut) return;
    this.laidOut = laidOut;
    const { classList, style } = this.element;
    classList.toggle("with-currencies", room.currency);
    classList.toggle("with-dollars", room.dollars);
    classList.toggle("two-lines", fit.isPhone);
    classList.toggle("prices-below", fit.pricesBelow);
    classList.toggle("dollars-below", fit.dollarsBelow);
    style.setProperty("--columns", fit.tracks);
    if (keys !== this.columns.map((column) => column.key).join()) {
      this.columns = columnsOf(fit.keys);
      this.element.setAttribute("aria-colcount", String(this.columns.length + 1));
      for (const row of this.rows) if (row instanceof GridRow) row.setColumns(this.columns);
      this.column = null;
      this.placeCursor();
    }
    this.events.onFit(fit.keys);
    this.redrawAll();
  }

  private room(): { currency: boolean; dollars: boolean; large: boolean } {
    const all = { currency: false, dollars: false, large: false };
    for (const row of this.rows) {
      if (row instanceof HeadingRow) continue;
      const { facts } = row;
      const room = roomFor(row.line.symbol, facts);
      all.currency ||= room.currency;
      all.dollars ||= room.dollars;
      all.large ||= facts !== undefined && ["index", "crypto", "future"].includes(facts.kind);
    }
    return all;
  }

  /** Keeps room for currencies and for US dollars beside coins where a row of the list needs it, and only there. */
  private makeRoom(): void {
    this.newFacts = false;
    this.lay();
  }

  private makeRow(line: Line): AnyRow {
    if (line.kind === "heading") return new HeadingRow(line);
    const { store, flasher, chainLink, columns } = this;
    return new GridRow(line, columns, store, flasher, this.feedNow(line.feed), chainLink);
  }

  // ── What changes ────────────────────────────────────────────────────────────────────────────────────────────────
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
    this.frame.hurry(this);
  }

  draw(now: number): void {
    this.flasher.sweep(now);
    if (this.newFacts) this.makeRoom();
    const [from, to] = this.sight();
    if (this.all) {
      this.all = false;
      for (const row of this.rows) this.changed.add(row);
    }
    let drew = false;
    let written = 0;
    let spare = AHEAD;
    const left = new Set<AnyRow>();
    for (const [index, row] of this.rows.entries()) {
      if (!this.changed.has(row)) continue;
      if (index >= from && index < to) {
        written += row.draw(now, this.feedOf(row));
        drew = true;
      } else if (row.isBlank) {
        // It costs no painting.
        if (spare > 0) row.draw(now, this.feedOf(row));
        else left.add(row);
        spare -= 1;
      }
    }
    this.changed = left;
    if (left.size) this.frame.request(this);
    this.frame.wrote(written);
    if (drew) this.onDrawn();
  }

  /** Ages and days left go on by themselves: call a few times a second. */
  drawAges(): void {
    const [from, to] = this.sight();
    for (const row of this.rows.slice(from, to)) row.drawAge(this.feedOf(row));
    this.note.refresh();
  }

  drawNames(): void {
    for (const row of this.rows) row.drawName(this.feedOf(row));
  }

  /** Dims the rows of feeds that are stale now, and says on each since when. */
  markStale(): void {
    for (const row of this.rows) {
      if (!(row instanceof GridRow)) continue;
      const why = this.staleWhy(row.line.feed);
      row.element.classList.toggle("stale", why !== "");
      if (why) row.element.title = why;
      else row.element.removeAttribute("title");
    }
  }

  private feedOf(row: AnyRow): number {
    return row instanceof GridRow ? this.feedNow(row.line.feed) : Number.NaN;
  }

  /** From which row to before which one are surely in sight. Headings may be lower than what they are over. */
  private sight(): [number, number] {
    const heights = [GridRow, HeadingRow].flatMap((kind) => {
      const row = this.rows.find((one) => one instanceof kind);
      return row?.element.offsetHeight || [];
    });
    const { scrollTop, clientHeight } = this.element;
    const [low, high] = heights.length ? [Math.min(...heights), Math.max(...heights)] : [ROW, ROW];
    const from = Math.max(0, Math.floor(scrollTop / high) - MARGIN);
    const to = Math.ceil((scrollTop + clientHeight) / low) + MARGIN;
    return [from, Math.max(to, from + 4 * MARGIN)];
  }

  // ── The cursor ──────────────────────────────────────────────────────────────────────────────────────────────────
  /** So that details have something to show. */
  selectFirst(): void {
    this.select(this.selected ?? this.rows.find((row) => row instanceof GridRow) ?? null);
  }

  /** The line of the list's own entry of that id. */
  selectEntry(id: number | null): void {
    const found = placed(this.lines).find(({ line }) => line.kind === "quote" && line.id === id);
    // What is folded away comes into sight.
    if (id !== null && found?.section && this.look.folded.has(found.section.key))
      this.events.onFold(found.section, false);
    this.select(this.rows.find((row) => row instanceof GridRow && row.line.id === id) ?? null);
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  private select(row: AnyRow | null): void {
    this.atHeader = false;
    if (this.selected !== row) {
      this.selected?.element.setAttribute("aria-selected", "false");
      this.selected = row;
      if (row) {
        row.element.setAttribute("aria-selected", "true");
        row.element.scrollIntoView?.({ block: "nearest" });
      }
      this.events.onSelect(row?.line ?? null);
    }
    this.placeCursor();
  }

  /** Marks the cell that the keys are at, and tells who does not see it. */
  private placeCursor(): void {
    const { selected, column } = this;
    const cells = this.atHeader ? this.header.cells : selected instanceof GridRow ? selected.cells : [];
    const cell = cells[this.atHeader ? (column ?? -1) + 1 : (column ?? -1)] ?? null;
    if (cell !== this.cursorCell) {
      this.cursorCell?.classList.remove("cursor");
      this.cursorCell?.removeAttribute("id");
      this.cursorCell = cell;
      cell?.classList.add("cursor");
      if (cell) cell.id = CURSOR_ID;
    }
    const active = cell?.id ?? selected?.element.id;
    if (active) this.element.setAttribute("aria-activedescendant", active);
    else this.element.removeAttribute("aria-activedescendant");
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const action = event.target === this.element ? actionOf("list", event) : null;
    const before = this.cursorCell;
    const isTaken = action !== null && this.act(action);
    this.note.follow(this.cursorCell === before ? null : this.cursorCell);
    if (isTaken) event.preventDefault();
  };

  private act(action: ActionOf<"list">): boolean {
    const { selected } = this;
    const last = this.rows.length - 1;
    switch (action) {
      case "moveUp":
      case "moveDown": {
        if (!selected || this.readOnly) return false;
        const to = selected.line.item + (action === "moveUp" ? -1 : 1);
        const isWithin = to >= 0 && to <= (this.lines.at(-1)?.item ?? 0);
        if (this.look.sort) this.events.onCannotMove();
        else if (isWithin) this.move(selected.line, to);
        return isWithin;
      }
      case "open":
        if (this.atHeader) this.events.onSort(this.columns[this.column ?? -1]?.key ?? "name");
        else if (selected) this.events.onOpen(selected.line);
        return this.atHeader || selected !== null;
      case "remove":
        if (this.atHeader || !selected) return false;
        if (!this.readOnly) this.events.onRemove(selected.line);
        return true;
      case "left":
      case "right":
        return this.across(action === "right" ? 1 : -1);
      default:
        if (last < 0) return false;
        return this.along(action, last);
    }
  }

  /** What moves stays in sight: the heading under which it comes to stand is unfolded. */
  private move(line: Line, to: number): void {
    const under = landing(this.lines, line.item, to);
    if (under && this.look.folded.has(under.key)) this.events.onFold(under, false);
    this.events.onMove(line, to);
  }

  /** To the next cell; a heading is folded or unfolded. */
  private across(step: 1 | -1): boolean {
    const { selected } = this;
    if (!this.atHeader && selected instanceof HeadingRow) {
      this.events.onFold(selected.line, step < 0);
      return true;
    }
    if (!this.atHeader && !selected) return false;
    const to = (this.column ?? -1) + step;
    this.column = to < 0 ? null : Math.min(to, this.columns.length - 1);
    this.placeCursor();
    return true;
  }

  private along(action: Movement, last: number): boolean {
    const at = this.atHeader ? -1 : this.selected ? this.rows.indexOf(this.selected) : null;
    if (at === 0 && action === "up") {
      // Above the first row are the names of the columns.
      this.atHeader = true;
      this.element.scrollTop = 0;
      this.placeCursor();
    } else if (at !== -1 || (action !== "up" && action !== "pageUp")) {
      this.select(this.rows[destination(action, at ?? -1, last)] ?? null);
    }
    return true;
  }

  // ── The pointer ─────────────────────────────────────────────────────────────────────────────────────────────────
  private pointer(isOver: boolean): void {
    this.isUnderPointer = isOver;
  }

  private readonly onHeaderClick = (event: MouseEvent): void => {
    const key = this.header.keyOf(event.target as Element);
    if (key) this.events.onSort(key);
  };

  private readonly onClick = (event: MouseEvent): void => {
    const row = this.rowOf(event);
    const target = event.target as Element;
    if (!row || target.closest("a")) return;
    if (target.closest(".remove")) this.events.onRemove(row.line);
    else if (row instanceof HeadingRow && target.closest(".fold"))
      this.events.onFold(row.line, !this.look.folded.has(row.line.key));
    else {
      this.column = null;
      this.select(row);
      if (row instanceof GridRow || target.closest(".edit")) this.events.onOpen(row.line);
    }
  };

  private readonly onDragStart = (event: DragEvent): void => {
    this.dragged = this.readOnly || this.look.sort ? null : this.rowOf(event);
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
    if (over && dragged && over.line.item !== dragged.line.item) this.move(dragged.line, over.line.item);
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

/** Where a movement leads from row `at` of `last + 1`; -1 is above the first. */
function destination(action: Movement, at: number, last: number): number {
  const to = {
    down: at + 1,
    up: at < 0 ? last : at - 1,
    pageDown: at + PAGE,
    pageUp: at - PAGE,
    first: 0,
    last,
  }[action];
  return Math.min(last, Math.max(0, to));
}
