// One row of a watchlist: the name, and the cells of the instrument. Before: grid.ts.
import type { Entry } from "../api";
import type { Flasher } from "../flash";
import { nameOf, spelled, timeLeft } from "../names";
import type { Facts } from "../protocol";
import type { Store } from "../store";
import { part, QuoteCells } from "./cells";
import { COLUMNS } from "./columns";

/** The address of the option chain of an underlying, or null where it has none. */
export type ChainLink = (feed: string, symbol: string) => string | null;

export class GridRow {
  readonly element = document.createElement("div");
  private readonly quote: QuoteCells;
  private readonly name = document.createElement("div");
  private readonly parts = ["head", "expiry", "contract", "left", "currency"].map((name) => part(name));
  private readonly chain = document.createElement("a");
  /** Drawn later, when it comes into sight. */
  behind = true;

  constructor(
    readonly entry: Entry,
    store: Store,
    flasher: Flasher,
    feedNow: number,
    private readonly chainLink: ChainLink,
  ) {
    this.quote = new QuoteCells(entry, COLUMNS, this.element, store, flasher);
    this.element.className = "row";
    this.element.id = `row-${entry.id}`;
    this.element.draggable = true;
    this.element.setAttribute("role", "row");
    this.element.setAttribute("aria-selected", "false");
    this.element.dataset["testid"] = "row";
    this.element.dataset["symbol"] = entry.symbol;
    this.name.className = "cell name";
    this.name.setAttribute("role", "rowheader");
    this.chain.className = "to-chain";
    this.chain.textContent = "Chain";
    this.chain.tabIndex = -1;
    this.chain.draggable = false;
    this.name.append(...this.parts);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "remove";
    remove.tabIndex = -1;
    remove.textContent = "×";
    remove.dataset["testid"] = "remove";
    this.element.append(this.name, ...this.quote.cells.map((cell) => cell.element), remove);
    this.drawName(feedNow);
  }

  get facts(): Facts | undefined {
    return this.quote.facts;
  }

  /** The instrument's name, from its facts once they are known, and the time that is left at `feedNow`. */
  drawName(feedNow: number): void {
    this.quote.feedNow = feedNow;
    this.quote.learnFacts();
    const { facts } = this;
    const name = nameOf(this.entry.symbol, facts);
    const currency = facts?.currency ?? "";
    const texts = [name.head, name.expiry, name.contract, timeLeft(facts, feedNow), currency];
    for (const [index, text] of texts.entries()) {
      const part = this.parts[index]!;
      if (part.textContent !== text) part.textContent = text;
    }
    this.name.classList.toggle("plain", name.contract === "");
    this.name.title = currency ? `${this.entry.symbol}, priced in ${currency}` : this.entry.symbol;
    this.drawChainLink(name.contract === "");
    const remove = this.element.lastElementChild as HTMLButtonElement;
    remove.setAttribute("aria-label", `Remove ${spelled(name)}`);
    remove.title = "Remove (Delete)";
  }

  private drawChainLink(plain: boolean): void {
    const address = plain ? this.chainLink(this.entry.feed, this.entry.symbol) : null;
    if (address === null) {
      this.chain.remove();
      return;
    }
    this.chain.href = address;
    this.chain.setAttribute("aria-label", `Option chain of ${this.entry.symbol}`);
    if (!this.chain.isConnected) this.name.append(this.chain);
  }

  /** Writes the newest row; `now` is the animation frame's time, for flashes. */
  draw(now: number, feedNow: number): void {
    this.behind = false;
    this.quote.draw(now, feedNow);
  }

  /** The age alone, which goes on while nothing arrives. */
  drawAge(feedNow: number): void {
    this.quote.drawAge(feedNow);
  }
}
