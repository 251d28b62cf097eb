// The cells of one instrument's newest row, and the writing of what changed into them. Before: row.ts, chain/row.ts.
import type { Direction, Flasher } from "../flash";
import type { DayLine } from "../lists/dayLines";
import { type Column, columnValue, type Facts, Flag, type Row } from "../protocol";
import type { Store } from "../store";
import type { GridColumn } from "./columns";
import { charactersOf } from "./layout";
import { Spark } from "./spark";
import type { Named, RowView } from "./view";

export type { Named } from "./view";

/** So many characters have room in nearly every cell, in some more; a cell with more is clipped. To clip every cell is
 * dear: each becomes a part of the picture by itself. */
const FITS = 6;
const BESIDE_FITS = 8;

export class Cell {
  readonly element = document.createElement("div");
  private readonly node = document.createTextNode("");
  private readonly besideNode = document.createTextNode("");
  private text = "";
  private beside = "";
  private note = "";
  private label = "";
  private tone = "";
  private long = false;
  private readonly fits: number;

  constructor(readonly column: GridColumn) {
    this.fits = Math.max(FITS, charactersOf(column.key));
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
    if (note !== this.note) {
      // An empty title would hide that of the row.
      if (note) this.element.title = note;
      else this.element.removeAttribute("title");
    }
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
    const long = text.length > this.fits || beside.length > BESIDE_FITS;
    if (long !== this.long) {
      this.long = long;
      this.element.classList.toggle("long", long);
    }
    if (text === this.text) return false;
    this.text = text;
    this.node.data = text;
    return true;
  }
}

/** The day's course; read out by its words alone. */
class SparkCell extends Cell {
  private readonly spark = new Spark();

  constructor(column: GridColumn) {
    super(column);
    this.element.append(this.spark.element);
  }

  draw(view: RowView, now: number): void {
    this.spark.draw(view.day, view.value("reference_price"), now);
  }
}

export function part(name: string, ...content: Node[]): HTMLElement {
  const span = document.createElement("span");
  span.className = name;
  span.append(...content);
  return span;
}

const WAITING = 1 << 30;
/** What of a row shows in more than one cell, by the flag that says it. */
const MARKS: readonly (readonly [number, string])[] = [
  [Flag.crossed, "crossed"],
  [Flag.noBid, "no-bid"],
  [Flag.noAsk, "no-ask"],
  [Flag.modelGreeks, "by-model"],
  [Flag.staleAtVenue, "venue-stale"],
  [WAITING, "waiting"],
];

export class QuoteCells implements RowView {
  readonly cells: readonly Cell[];
  private readonly ageCell: Cell | undefined;
  private drawn: Row | undefined;
  private row: Row | undefined;
  private marked = 0;
  facts: Facts | undefined;
  refused: string | undefined;
  feedNow = Number.NaN;

  /** `host` gets the classes of MARKS. */
  constructor(
    readonly named: Named,
    columns: readonly GridColumn[],
    private readonly host: Element,
    private readonly store: Store,
    private readonly flasher: Flasher,
  ) {
    this.cells = columns.map((column) => (column.key === "day" ? new SparkCell(column) : new Cell(column)));
    for (const [, name] of MARKS) host.classList.remove(name);
    this.ageCell = this.cells.find((cell) => cell.column.key === "age");
    this.learnFacts();
  }

  get held(): boolean {
    return this.row !== undefined;
  }

  get day(): DayLine | undefined {
    return this.store.days.get(this.named.instrument);
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

  /** Writes the newest row; `now` is the animation frame's time, for flashes. Says how many cells it wrote. */
  draw(now: number, feedNow: number): number {
    let written = 0;
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
      if (cell instanceof SparkCell) cell.draw(this, now);
      if (wrote) written += 1;
      if (wrote && column.flashes && this.drawn) this.flash(cell, column.flashes, now);
    }
    this.mark();
    this.drawn = this.row;
    return written;
  }

  /** The host's classes: only those that changed cost anything. */
  private mark(): void {
    const flags = this.value("flags") ?? 0;
    const marked = flags | (this.held ? 0 : WAITING);
    const changed = marked ^ this.marked;
    if (!changed) return;
    this.marked = marked;
    for (const [flag, name] of MARKS) {
      if (changed & flag) this.host.classList.toggle(name, (marked & flag) !== 0);
    }
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
