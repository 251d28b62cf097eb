// The cells of one instrument's newest row, and the writing of what changed into them. Before: row.ts, chain/row.ts.
import type { Direction, Flasher } from "../flash";
import { type Column, columnValue, type Facts, Flag, type Row } from "../protocol";
import type { Store } from "../store";
import type { GridColumn, RowView } from "./columns";

/** An instrument as a page names it; `instrument` is its id in rows. */
export interface Named {
  readonly feed: string;
  readonly symbol: string;
  readonly instrument: number;
}

export class Cell {
  readonly element = document.createElement("div");
  private readonly node = document.createTextNode("");
  private readonly besideNode = document.createTextNode("");
  private text = "";
  private beside = "";
  private note = "";
  private label = "";
  private tone = "";

  constructor(readonly column: GridColumn) {
    this.element.className = `cell ${column.key}`;
    this.element.setAttribute("role", "gridcell");
    this.element.dataset["testid"] = `cell-${column.key}`;
    if (column.beside) {
      this.element.classList.add("priced");
      this.element.append(part("price", this.node), part("dollars", this.besideNode));
    } else this.element.append(this.node);
  }

  /** Writes what differs from what stands there. Says whether the text did. */
  write(text: string, note: string, tone: string, beside = ""): boolean {
    if (note !== this.note) this.element.title = note;
    // A blank has nothing to read out but its reason.
    const label = text ? "" : note;
    if (label !== this.label) {
      if (label) this.element.setAttribute("aria-label", label);
      else this.element.removeAttribute("aria-label");
    }
    this.note = note;
    this.label = label;
    if (tone !== this.tone) {
      if (this.tone) this.element.classList.remove(this.tone);
      if (tone) this.element.classList.add(tone);
      this.tone = tone;
    }
    if (beside !== this.beside) {
      this.beside = beside;
      // The space is for who copies the row or has it read out.
      this.besideNode.data = beside && ` ${beside}`;
    }
    if (text === this.text) return false;
    this.text = text;
    this.node.data = text;
    return true;
  }
}

export function part(name: string, ...content: Node[]): HTMLElement {
  const span = document.createElement("span");
  span.className = name;
  span.append(...content);
  return span;
}

export class QuoteCells implements RowView {
  readonly cells: readonly Cell[];
  private readonly ageCell: Cell | undefined;
  private drawn: Row | undefined;
  private row: Row | undefined;
  facts: Facts | undefined;
  refused: string | undefined;
  feedNow = Number.NaN;

  /** `host` gets the classes `crossed`, and `waiting` while there is no row. */
  constructor(
    readonly named: Named,
    columns: readonly GridColumn[],
    private readonly host: Element,
    private readonly store: Store,
    private readonly flasher: Flasher,
  ) {
    this.cells = columns.map((column) => new Cell(column));
    this.ageCell = this.cells.find((cell) => cell.column.key === "age");
    this.learnFacts();
  }

  get held(): boolean {
    return this.row !== undefined;
  }

  value(column: Column): number | null {
    return this.row ? columnValue(this.row, this.store.columns, column) : null;
  }

  has(flag: number): boolean {
    return ((this.value("flags") ?? 0) & flag) !== 0;
  }

  learnFacts(): void {
    this.facts = this.store.facts.get(this.named.instrument);
  }

  /** Writes the newest row; `now` is the animation frame's time, for flashes. */
  draw(now: number, feedNow: number): void {
    const { feed, symbol, instrument } = this.named;
    this.feedNow = feedNow;
    this.row = this.store.rows.get(instrument);
    this.refused = this.row ? undefined : this.store.refusal(feed, symbol, instrument);
    for (const cell of this.cells) {
      const { column } = cell;
      const text = column.text(this);
      const wrote = cell.write(
        text,
        column.note?.(this, text) ?? "",
        column.tone?.(this) ?? "",
        column.beside?.(this) ?? "",
      );
      if (wrote && column.flashes && this.drawn) this.flash(cell, column.flashes, now);
    }
    const { classList } = this.host;
    const crossed = this.has(Flag.crossed);
    if (crossed !== classList.contains("crossed")) classList.toggle("crossed", crossed);
    const waiting = !this.held;
    if (waiting !== classList.contains("waiting")) classList.toggle("waiting", waiting);
    this.drawn = this.row;
  }

  /** The age alone, which goes on while nothing arrives. */
  drawAge(feedNow: number): void {
    this.feedNow = feedNow;
    const cell = this.ageCell;
    if (!cell) return;
    const text = cell.column.text(this);
    cell.write(text, cell.column.note?.(this, text) ?? "", "");
  }

  private flash(cell: Cell, column: Column, now: number): void {
    const before = columnValue(this.drawn!, this.store.columns, column);
    const after = this.value(column);
    let direction: Direction = "same";
    if (before !== null && after !== null) direction = after > before ? "up" : "down";
    this.flasher.mark(cell.element, direction, now);
  }
}
