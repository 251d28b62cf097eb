// One strike of a chain: the call's cells, the strike, the put's cells. Before: chain/grid.ts.
import type { Flasher } from "../flash";
import { fixed, count as sizeText } from "../format";
import { type Named, QuoteCells } from "../grid/cells";
import type { GridColumn } from "../grid/columns";
import type { Store } from "../store";
import { isInTheMoney, type Side, type Strike } from "./strikes";

/** What the rows of a chain have in common; columns are in the order of the screen. */
export interface Layout {
  readonly sides: readonly Side[];
  readonly columns: Readonly<Record<Side, readonly GridColumn[]>>;
}

const SIDE_CLASS: Readonly<Record<Side, string>> = { C: "calls", P: "puts" };
const SIDE_NAME: Readonly<Record<Side, string>> = { C: "call", P: "put" };

class SideCells {
  readonly element = document.createElement("div");
  readonly cells: readonly HTMLElement[];
  readonly quote: QuoteCells | null;

  constructor(
    readonly side: Side,
    named: Named | null,
    columns: readonly GridColumn[],
    store: Store,
    flasher: Flasher,
  ) {
    this.element.className = `side ${SIDE_CLASS[side]}`;
    // Only a frame for its colour: the cells belong to the row.
    this.element.setAttribute("role", "none");
    this.element.dataset["testid"] = SIDE_NAME[side];
    this.quote = named && new QuoteCells(named, columns, this.element, store, flasher);
    if (named) this.element.dataset["symbol"] = named.symbol;
    this.cells = this.quote?.cells.map((cell) => cell.element) ?? columns.map(() => notOffered(side));
    this.element.append(...this.cells);
  }
}

function notOffered(side: Side): HTMLElement {
  const cell = document.createElement("div");
  cell.className = "cell";
  cell.setAttribute("role", "gridcell");
  cell.title = `No ${SIDE_NAME[side]} is offered at this strike`;
  cell.setAttribute("aria-label", cell.title);
  return cell;
}

export class ChainRow {
  readonly element = document.createElement("div");
  readonly strikeCell = document.createElement("div");
  private readonly sides: readonly SideCells[];
  private readonly legMarks = new Map<Side, HTMLElement>();
  /** The cells in the order of the screen, the strike among them. */
  readonly cells: readonly HTMLElement[];
  /** Drawn later, when it comes into sight. */
  behind = true;
  /** Never drawn yet. */
  isBlank = true;

  constructor(
    readonly strike: Strike,
    readonly index: number,
    layout: Layout,
    store: Store,
    flasher: Flasher,
  ) {
    this.element.className = "chain-row";
    this.element.setAttribute("role", "row");
    // After the two rows of the header.
    this.element.setAttribute("aria-rowindex", String(index + 3));
    this.element.dataset["testid"] = "strike-row";
    this.element.dataset["strike"] = String(strike.strike);
    this.strikeCell.className = "cell strike";
    this.strikeCell.setAttribute("role", "rowheader");
    this.strikeCell.textContent = strikeText(strike.strike);
    this.sides = layout.sides.map(
      (side) =>
        new SideCells(side, side === "C" ? strike.call : strike.put, layout.columns[side], store, flasher),
    );
    const [first, second] = this.sides;
    if (first && second) {
      this.element.append(first.element, this.strikeCell, second.element);
      this.cells = [...first.cells, this.strikeCell, ...second.cells];
    } else {
      this.element.append(this.strikeCell, first!.element);
      this.cells = [this.strikeCell, ...first!.cells];
    }
    for (const [at, cell] of this.cells.entries()) cell.setAttribute("aria-colindex", String(at + 1));
  }

  /** Says how many cells it wrote. */
  draw(now: number, feedNow: number): number {
    this.behind = false;
    this.isBlank = false;
    let written = 0;
    for (const { quote } of this.sides) written += quote?.draw(now, feedNow) ?? 0;
    return written;
  }

  drawAge(feedNow: number): void {
    for (const { quote } of this.sides) quote?.drawAge(feedNow);
  }

  learnFacts(): void {
    for (const { quote } of this.sides) quote?.learnFacts();
  }

  /** Writes how many of each are in the position, beside the strike on their side. */
  drawLegs(marks: ReadonlyMap<number, number>): void {
    for (const { side, quote } of this.sides) {
      const count = (quote && marks.get(quote.named.instrument)) || 0;
      let mark = this.legMarks.get(side);
      if (!count && !mark) continue;
      if (!mark) {
        mark = document.createElement("span");
        mark.className = `leg-mark ${SIDE_CLASS[side]}`;
        mark.dataset["testid"] = "leg-mark";
        this.legMarks.set(side, mark);
        this.strikeCell.append(mark);
      }
      mark.hidden = count === 0;
      mark.classList.toggle("sold", count < 0);
      mark.textContent = count ? `${count < 0 ? "\u2212" : "+"}${sizeText(Math.abs(count))}` : "";
      mark.title = count
        ? `${Math.abs(count)} ${SIDE_NAME[side]} ${count < 0 ? "sold" : "bought"}, picked`
        : "";
    }
  }

  /** Shades the side that is in the money at that price of the underlying. */
  drawMoney(price: number | null): void {
    for (const { side, element } of this.sides) {
      element.classList.toggle("in-the-money", isInTheMoney(side, this.strike.strike, price));
    }
  }

  /** `why` it is not of now; empty where it is. */
  markStale(why: string): void {
    this.element.classList.toggle("stale", why !== "");
    if (why) this.element.title = why;
    else this.element.removeAttribute("title");
  }
}

/** A strike with as many decimals as it has. */
export function strikeText(strike: number): string {
  let places = 0;
  while (places < 4 && Math.abs(strike * 10 ** places - Math.round(strike * 10 ** places)) > 1e-9)
    places += 1;
  return fixed(strike, places === 1 ? 2 : places);
}
