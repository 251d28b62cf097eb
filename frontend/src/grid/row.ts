// One row of a watchlist with an instrument: its name, and its cells. Before: grid.ts.
import type { Flasher } from "../flash";
import type { Line, QuoteLine } from "../lists/lines";
import { nameOf, spelled, timeLeft } from "../names";
import type { Facts } from "../protocol";
import type { Store } from "../store";
import { part, QuoteCells } from "./cells";
import type { GridColumn } from "./columns";

/** The address of the option chain of an underlying, or null where it has none. */
export type ChainLink = (feed: string, symbol: string) => string | null;

export class GridRow {
  readonly element = document.createElement("div");
  private quote: QuoteCells;
  private readonly name = document.createElement("div");
  private readonly parts = ["head", "expiry", "contract", "left", "currency"].map((name) => part(name));
  private readonly chain = document.createElement("a");
  private readonly remove = removeButton();
  /** Its cells were never drawn yet. */
  isBlank = true;

  constructor(
    private of: QuoteLine,
    columns: readonly GridColumn[],
    private readonly store: Store,
    private readonly flasher: Flasher,
    feedNow: number,
    private readonly chainLink: ChainLink,
  ) {
    this.quote = new QuoteCells(of, columns, this.element, store, flasher);
    this.element.className = of.held ? "row held" : "row";
    this.element.id = `row-${of.key}`;
    this.element.draggable = true;
    this.element.setAttribute("role", "row");
    this.element.setAttribute("aria-selected", "false");
    this.element.dataset["testid"] = of.held ? "held-row" : "row";
    this.element.dataset["symbol"] = of.symbol;
    this.name.className = "cell name";
    this.name.setAttribute("role", "rowheader");
    this.chain.className = "to-chain";
    this.chain.textContent = "Chain";
    this.chain.tabIndex = -1;
    this.chain.draggable = false;
    this.name.append(...this.parts);
    this.element.append(this.name, ...this.cells);
    // What a rule put there goes with the rule.
    if (!of.held) this.element.append(cellOf(this.remove));
    this.drawName(feedNow);
  }

  /** In the order of the screen, without that of the name. */
  get cells(): readonly HTMLElement[] {
    return this.quote.cells.map((cell) => cell.element);
  }

  /** Other columns: their cells are made anew, and drawn when it is next time. */
  setColumns(columns: readonly GridColumn[]): void {
    const { feedNow } = this.quote;
    for (const cell of this.cells) cell.remove();
    this.quote = new QuoteCells(this.of, columns, this.element, this.store, this.flasher);
    this.quote.feedNow = feedNow;
    this.name.after(...this.cells);
    this.isBlank = true;
  }

  get line(): QuoteLine {
    return this.of;
  }

  /** Takes the place of `line` where that is of the same instrument; says whether it did. */
  becomes(line: Line): boolean {
    if (line.kind !== "quote" || line.instrument !== this.of.instrument) return false;
    this.of = line;
    return true;
  }

  get facts(): Facts | undefined {
    return this.quote.facts;
  }

  /** The instrument's name, from its facts once they are known, and the time that is left at `feedNow`. */
  drawName(feedNow: number): void {
    this.quote.feedNow = feedNow;
    this.quote.learnFacts();
    const { facts } = this;
    const name = nameOf(this.line.symbol, facts);
    const currency = facts?.currency ?? "";
    const texts = [name.head, name.expiry, name.contract, timeLeft(facts, feedNow), currency];
    for (const [index, text] of texts.entries()) {
      const part = this.parts[index]!;
      if (part.textContent !== text) part.textContent = text;
    }
    this.name.classList.toggle("plain", name.contract === "");
    this.name.title = currency ? `${this.line.symbol}, priced in ${currency}` : this.line.symbol;
    this.drawChainLink(name.contract === "");
    this.remove.setAttribute("aria-label", `Remove ${spelled(name)}`);
  }

  private drawChainLink(plain: boolean): void {
    const address = plain ? this.chainLink(this.line.feed, this.line.symbol) : null;
    if (address === null) {
      this.chain.remove();
      return;
    }
    this.chain.href = address;
    this.chain.setAttribute("aria-label", `Option chain of ${this.line.symbol}`);
    if (!this.chain.isConnected) this.name.append(this.chain);
  }

  /** Writes the newest row; `now` is the animation frame's time, for flashes. */
  draw(now: number, feedNow: number): number {
    this.isBlank = false;
    return this.quote.draw(now, feedNow);
  }

  /** The age alone, which goes on while nothing arrives. */
  drawAge(feedNow: number): void {
    this.quote.drawAge(feedNow);
  }
}

/** A cell around a button that stands by itself in a row: rows have nothing else. */
export function cellOf(button: HTMLButtonElement): HTMLElement {
  const cell = document.createElement("span");
  cell.className = "button-cell";
  cell.setAttribute("role", "gridcell");
  cell.append(button);
  return cell;
}

/** The cross at the end of a line. */
export function removeButton(): HTMLButtonElement {
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "remove";
  remove.tabIndex = -1;
  remove.textContent = "×";
  remove.title = "Remove (Delete)";
  remove.dataset["testid"] = "remove";
  return remove;
}
