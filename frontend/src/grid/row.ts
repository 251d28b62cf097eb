// One row of the grid: its elements, and the writing of what changed into them. Before: grid.ts.
import type { Entry } from "../api";
import type { Direction, Flasher } from "../flash";
import { nameOf, spelled, timeLeft } from "../names";
import { type Column, type Columns, columnValue, type Facts, Flag, type Row } from "../protocol";
import type { Store } from "../store";
import { COLUMNS, type GridColumn, type RowView } from "./columns";

class Cell {
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

function part(name: string, ...content: Node[]): HTMLElement {
  const span = document.createElement("span");
  span.className = name;
  span.append(...content);
  return span;
}

const AGE = COLUMNS.findIndex((column) => column.key === "age");

export class GridRow implements RowView {
  readonly element = document.createElement("div");
  private readonly cells = COLUMNS.map((column) => new Cell(column));
  private readonly name = document.createElement("div");
  private readonly parts = ["head", "expiry", "contract", "left", "currency"].map((name) => part(name));
  private drawn: Row | undefined;
  private row: Row | undefined;
  facts: Facts | undefined;
  refused: string | undefined;
  feedNow = Number.NaN;
  /** Drawn later, when it comes into sight. */
  behind = true;

  constructor(
    readonly entry: Entry,
    private readonly store: Store,
    private readonly flasher: Flasher,
    feedNow: number,
  ) {
    this.element.className = "row";
    this.element.id = `row-${entry.id}`;
    this.element.draggable = true;
    this.element.setAttribute("role", "row");
    this.element.setAttribute("aria-selected", "false");
    this.element.dataset["testid"] = "row";
    this.element.dataset["symbol"] = entry.symbol;
    this.name.className = "cell name";
    this.name.setAttribute("role", "rowheader");
    this.name.append(...this.parts);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "remove";
    remove.tabIndex = -1;
    remove.textContent = "×";
    remove.dataset["testid"] = "remove";
    this.element.append(this.name, ...this.cells.map((cell) => cell.element), remove);
    this.drawName(feedNow);
  }

  get held(): boolean {
    return this.row !== undefined;
  }

  value(column: Column): number | null {
    return this.row ? columnValue(this.row, this.columns, column) : null;
  }

  has(flag: number): boolean {
    return ((this.value("flags") ?? 0) & flag) !== 0;
  }

  private get columns(): Columns {
    return this.store.columns;
  }

  /** The instrument's name, from its facts once they are known, and the time that is left at `feedNow`. */
  drawName(feedNow: number): void {
    this.feedNow = feedNow;
    this.facts = this.store.facts.get(this.entry.instrument);
    const name = nameOf(this.entry.symbol, this.facts);
    const currency = this.facts?.currency ?? "";
    const texts = [name.head, name.expiry, name.contract, timeLeft(this.facts, this.feedNow), currency];
    for (const [index, text] of texts.entries()) {
      const part = this.parts[index]!;
      if (part.textContent !== text) part.textContent = text;
    }
    this.name.classList.toggle("plain", name.contract === "");
    this.name.title = currency ? `${this.entry.symbol}, priced in ${currency}` : this.entry.symbol;
    const remove = this.element.lastElementChild as HTMLButtonElement;
    remove.setAttribute("aria-label", `Remove ${spelled(name)}`);
    remove.title = "Remove (Delete)";
  }

  /** Writes the newest row; `now` is the animation frame's time, for flashes. */
  draw(now: number, feedNow: number): void {
    this.feedNow = feedNow;
    this.row = this.store.rows.get(this.entry.instrument);
    this.refused = this.row
      ? undefined
      : this.store.refusal(this.entry.feed, this.entry.symbol, this.entry.instrument);
    this.behind = false;
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
    const crossed = this.has(Flag.crossed);
    if (crossed !== this.element.classList.contains("crossed"))
      this.element.classList.toggle("crossed", crossed);
    const waiting = !this.held;
    if (waiting !== this.element.classList.contains("waiting"))
      this.element.classList.toggle("waiting", waiting);
    this.drawn = this.row;
  }

  /** The age alone, which goes on while nothing arrives. */
  drawAge(feedNow: number): void {
    this.feedNow = feedNow;
    const cell = this.cells[AGE]!;
    const text = cell.column.text(this);
    cell.write(text, cell.column.note?.(this, text) ?? "", "");
  }

  private flash(cell: Cell, column: Column, now: number): void {
    const before = columnValue(this.drawn!, this.columns, column);
    const after = this.value(column);
    let direction: Direction = "same";
    if (before !== null && after !== null) direction = after > before ? "up" : "down";
    this.flasher.mark(cell.element, direction, now);
  }
}
