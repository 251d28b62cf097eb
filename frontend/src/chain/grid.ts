// The grid of a chain: writes its own cells, and has rows only for the strikes near what is in sight. Before: store.ts,
// frame.ts; after: chain/row.ts.
import type { Flasher } from "../flash";
import { fixed } from "../format";
import { AHEAD, type Drawable, type Frame } from "../frame";
import type { Named } from "../grid/cells";
import { CellNote } from "../grid/note";
import { viewOf } from "../grid/view";
import { type ActionOf, actionOf } from "../keys";
import type { Table } from "../lists/table";
import type { Store } from "../store";
import { columnsOf, fitting, headerOf, mirrored, type Prices, tracks, widthOf } from "./layout";
import { ChainRow, type Layout } from "./row";
import { moneyAt, rowsInSight, type Side, type Strike, strikeNote } from "./strikes";
import { hearSwipes } from "./swipe";
import { chainTable } from "./table";

export interface ChainEvents {
  /** The contract under the cursor; null where there is none. */
  onCursor(contract: Named | null): void;
  onOpen(contract: Named): void;
  onAdd(contract: Named): void;
  /** So many of it are picked into the position, below zero sold. */
  onPick(contract: Named, quantity: number): void;
  onPayoff(): void;
  /** The strikes from `first` on and before `last` are in sight. */
  onSight(first: number, last: number): void;
  /** How many of the chosen columns have room, and whether one side is shown at a time. */
  onFit(fit: Fit): void;
  /** That side is wanted, where one is shown at a time. */
  onSide(side: Side): void;
  onDrawn(): void;
}

export interface Fit {
  readonly shown: number;
  readonly single: boolean;
}

/** What does not change while a chain is shown. */
export interface Terms {
  readonly feed: string;
  readonly prices: Prices;
  /** Decimals that the underlying's price is written with. */
  readonly places: number;
}

/** Where in a chain someone was. `strike` stood `offset` px below the top; null is the money. */
export interface Place {
  readonly strike: number | null;
  readonly offset: number;
  readonly cursor: (Slot & { readonly strike: number }) | null;
}

/** A place in a row, which stays the same however many columns have room. The strike is of neither side. */
interface Slot {
  readonly side: Side | null;
  readonly key: string;
}

/** Up to so many strikes all have a row: a page can be searched, and read out whole. */
const ALL_UP_TO = 120;
/** Rows beyond the edges, so that a scroll finds them made. */
const MARGIN = 8;
const PAGE = 10;
/** As `--row` in tokens.css has it, by the density of rows that the page's root says. */
const ROW = 26;
const DENSE_ROW = 22;
const TOUCH_ROW = 40;
const HEADER = 45;
const SINGLE_HEADER = 23;
const STRIKE = 84;
const PADDING = 8;
/** Narrower than this one side is shown at a time: for a finger as soon as columns beyond the book have no room, for a mouse,
 * which needs less, only where the book itself has none. */
const SINGLE_UP_TO = { finger: 600, mouse: 440 };
const NOTES_APART_MS = 1000;
const CURSOR_ID = "chain-cursor";
/** What Shift makes of one. */
const MANY = 10;

const NO_TERMS: Terms = { feed: "", prices: { dollars: false, large: false }, places: 2 };

/** The keys that the grid takes itself. */
type Taken = Exclude<ActionOf<"chain">, "previousExpiry" | "nextExpiry" | "volatility">;

export class ChainGrid implements Drawable {
  private strikes: readonly Strike[] = [];
  private terms = NO_TERMS;
  private rows = new Map<number, ChainRow>();
  private indexOf = new Map<number, number>();
  private changed = new Set<ChainRow>();
  private keys: readonly string[] = [];
  private side: Side = "C";
  private layout: Layout = { sides: ["C", "P"], columns: { C: [], P: [] } };
  private laidOut = "";
  private row = ROW;
  private lastHeight = 0;
  private price: number | null = null;
  private move: number | null = null;
  private money: number | null = null;
  /** Of the layout, in the order of the screen. */
  private slots: readonly Slot[] = [];
  private cursor: (Slot & { readonly index: number }) | null = null;
  private cursorCell: HTMLElement | null = null;
  private marks: ReadonlyMap<number, number> = new Map();
  private picking = false;
  private all = true;
  private moved = true;
  private notesAreOld = false;
  private notesAt = 0;
  private readonly coarse = window.matchMedia("(pointer: coarse)");
  private readonly header = document.createElement("div");
  private readonly body = document.createElement("div");
  private readonly line = document.createElement("div");
  private readonly chip = document.createElement("span");
  private readonly resizing: ResizeObserver;
  private readonly note: CellNote;

  constructor(
    readonly element: HTMLElement,
    private readonly store: Store,
    private readonly frame: Frame,
    private readonly flasher: Flasher,
    private readonly feedNow: (feed: string) => number,
    /** Why the rows of a feed are not of now; empty where they are. */
    private readonly staleWhy: (feed: string) => string,
    private readonly events: ChainEvents,
  ) {
    this.header.className = "chain-header";
    this.header.setAttribute("role", "rowgroup");
    this.body.className = "chain-rows";
    this.body.setAttribute("role", "rowgroup");
    this.line.className = "money-line";
    this.line.setAttribute("role", "none");
    this.chip.className = "money";
    this.chip.dataset["testid"] = "money";
    this.line.append(this.chip);
    this.body.append(this.line);
    element.append(this.header, this.body);
    this.note = new CellNote(element);
    element.addEventListener("keydown", this.onKey);
    element.addEventListener("scroll", () => this.redraw(), { passive: true });
    element.addEventListener("click", this.onClick);
    hearSwipes(element, (side) => {
      if (this.layout.sides.length !== 1 || this.side === side) return;
      events.onSide(side);
      element.scrollLeft = 0;
    });
    this.resizing = new ResizeObserver(() => {
      this.lay();
      this.keepMoney();
      this.redraw();
    });
    this.resizing.observe(element);
  }

  // ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────
  /** Shows these columns, named from the strike outwards; of both sides, or where there is no room for both, of `side`. */
  setColumns(keys: readonly string[], side: Side): void {
    this.keys = keys;
    this.side = side;
    this.lay();
  }

  /** Another chain, or this one with other strikes: drawn before this returns, so that no frame is blank. It goes to
   * `place`; without one the money comes into the middle. */
  setStrikes(
    strikes: readonly Strike[],
    terms: Terms,
    price: number | null,
    move: number | null,
    place: Place | null,
  ): void {
    this.strikes = strikes;
    this.terms = terms;
    this.price = price;
    this.move = move;
    this.money = moneyAt(strikes, price);
    this.indexOf = new Map();
    for (const [index, { call, put }] of strikes.entries()) {
      if (call) this.indexOf.set(call.instrument, index);
      if (put) this.indexOf.set(put.instrument, index);
    }
    this.element.setAttribute("aria-rowcount", String(strikes.length + 2));
    this.clear();
    this.laidOut = "";
    this.lay();
    this.body.style.height = `${strikes.length * this.row}px`;
    if (place) this.hold(place);
    else this.showMoney();
    const index = strikes.findIndex((one) => one.strike === place?.cursor?.strike);
    this.cursor = index < 0 ? null : { index, side: place!.cursor!.side, key: place!.cursor!.key };
    if (place?.cursor) this.events.onCursor(this.contractAt());
    this.moved = true;
    this.draw(performance.now());
  }

  /** The underlying's newest price, and the expected move until expiry. */
  setPrice(price: number | null, move: number | null): void {
    if (price === this.price && move === this.move) return;
    this.price = price;
    this.move = move;
    this.moved = true;
    this.frame.request(this);
  }

  /** How many of each instrument are picked. */
  setMarks(marks: ReadonlyMap<number, number>): void {
    this.marks = marks;
    for (const row of this.rows.values()) row.drawLegs(marks);
  }

  /** Whether a click on a bid sells and on an ask buys. */
  setPicking(picking: boolean): void {
    this.picking = picking;
    this.element.classList.toggle("picking", picking);
  }

  /** Puts the cursor on a contract, and it into the middle. */
  pointAt(instrument: number): void {
    const index = this.indexOf.get(instrument);
    if (index === undefined) return;
    const side = this.strikes[index]!.call?.instrument === instrument ? "C" : "P";
    if (this.layout.sides.length === 1 && this.side !== side) this.events.onSide(side);
    const next = this.middle + (side === "P" || this.middle === 0 ? 1 : -1);
    this.element.scrollTop = (index + 0.5) * this.row - this.height() / 2;
    this.moveTo(index, next);
  }

  /** The window became lower: the money stays in sight if it was. */
  private keepMoney(): void {
    const before = this.lastHeight;
    this.lastHeight = this.height();
    if (this.money === null) return;
    const offset = this.money * this.row - this.element.scrollTop;
    if (offset >= 0 && offset <= before && offset > this.lastHeight) this.showMoney();
  }

  /** Puts the money into the middle. */
  showMoney(): void {
    const index = this.money ?? this.strikes.length / 2;
    this.element.scrollTop = index * this.row - this.height() / 2;
    this.redraw();
  }

  // ── What changes ────────────────────────────────────────────────────────────────────────────────────────────────
  /** Whether that instrument has a row now. */
  has(instrument: number): boolean {
    return this.rows.has(this.indexOf.get(instrument) ?? -1);
  }

  rowChanged(instrument: number): void {
    const row = this.rows.get(this.indexOf.get(instrument) ?? -1);
    if (!row) return;
    this.changed.add(row);
    this.frame.request(this);
  }

  factsChanged(instrument: number): void {
    const row = this.rows.get(this.indexOf.get(instrument) ?? -1);
    if (!row) return;
    row.learnFacts();
    this.changed.add(row);
    this.frame.request(this);
  }

  redraw(): void {
    this.all = true;
    this.frame.hurry(this);
  }

  drawAges(): void {
    this.writeNotes();
    const now = this.feedNow(this.terms.feed);
    const [first, last] = this.sight(1);
    for (let index = first; index < last; index += 1) {
      const row = this.rows.get(index);
      if (row && !row.behind) row.drawAge(now);
    }
    this.note.refresh();
  }

  /** What is said of the strikes on hover. The price moves many times a second: not so this. */
  private writeNotes(): void {
    const now = performance.now();
    if (!this.notesAreOld || now - this.notesAt < NOTES_APART_MS) return;
    this.notesAreOld = false;
    this.notesAt = now;
    for (const row of this.rows.values())
      row.strikeCell.title = strikeNote(row.strike.strike, this.price, this.move);
  }

  markStale(): void {
    const stale = this.staleWhy(this.terms.feed);
    for (const row of this.rows.values()) row.markStale(stale);
  }

  draw(now: number): void {
    this.flasher.sweep(now);
    if (this.all || this.moved) this.placeRows();
    const [first, last] = this.sight(0);
    const feedNow = this.feedNow(this.terms.feed);
    let drew = false;
    let written = 0;
    let spare = AHEAD;
    for (const row of this.changed) {
      const isSeen = row.index >= first - 1 && row.index <= last;
      if (!isSeen && row.isBlank && spare === 0) continue;
      if (isSeen) {
        written += row.draw(now, feedNow);
        drew = true;
      } else if (row.isBlank) {
        // It costs no painting.
        row.draw(now, feedNow);
        spare -= 1;
      } else row.behind = true;
      this.changed.delete(row);
    }
    if (this.changed.size) this.frame.request(this);
    this.frame.wrote(written);
    if (drew) this.events.onDrawn();
  }

  /** All strikes that are shown, with the columns that have room. */
  table(): Table {
    return chainTable(this.strikes, this.layout, (contract) =>
      viewOf(this.store, contract, this.feedNow(contract.feed)),
    );
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  destroy(): void {
    this.note.hide();
    this.resizing.disconnect();
  }

  // ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Makes the rows that are near and have none, drops those that are far, and marks the money. */
  private placeRows(): void {
    const { length } = this.strikes;
    const [first, last] = length <= ALL_UP_TO ? [0, length] : this.sight(MARGIN);
    for (const [index, row] of this.rows) {
      if (index >= first && index < last) continue;
      row.element.remove();
      this.rows.delete(index);
      this.changed.delete(row);
    }
    const stale = this.staleWhy(this.terms.feed);
    // From below, so that the row after each is there: they stand in the order of the strikes, for who reads the page
    // without seeing it.
    for (let index = last - 1; index >= first; index -= 1) {
      let row = this.rows.get(index);
      if (!row) {
        row = new ChainRow(this.strikes[index]!, index, this.layout, this.store, this.flasher);
        row.element.style.transform = `translateY(${index * this.row}px)`;
        row.markStale(stale);
        row.drawMoney(this.price);
        row.drawLegs(this.marks);
        row.strikeCell.title = strikeNote(row.strike.strike, this.price, this.move);
        this.rows.set(index, row);
        this.body.insertBefore(row.element, this.rows.get(index + 1)?.element ?? this.line);
      }
      if (this.all || row.behind) this.changed.add(row);
    }
    if (this.moved) this.placeMoney();
    this.placeCursor();
    if (this.all) this.events.onSight(...this.sight(0));
    this.all = false;
    this.moved = false;
  }

  private placeMoney(): void {
    this.money = moneyAt(this.strikes, this.price);
    this.line.hidden = this.money === null || this.strikes.length === 0;
    if (this.money === null || this.price === null) return;
    this.line.style.transform = `translateY(${this.money * this.row}px)`;
    this.chip.textContent = fixed(this.price, this.terms.places);
    for (const row of this.rows.values()) row.drawMoney(this.price);
    this.notesAreOld = true;
  }

  private clear(): void {
    for (const row of this.rows.values()) row.element.remove();
    this.rows.clear();
    this.changed.clear();
    this.all = true;
  }

  private sight(beyond: number): readonly [number, number] {
    const { scrollTop } = this.element;
    return rowsInSight(scrollTop, this.height(), this.row, this.strikes.length, beyond);
  }

  /** Of the part below the header. Where nothing is laid out yet, that of a usual window. */
  private height(): number {
    const header = this.layout.sides.length === 1 ? SINGLE_HEADER : HEADER;
    return Math.max(ROW, (this.element.clientHeight || 900) - header);
  }

  /** What is to stay where it is: the money while it is in sight, else the strike on top. */
  get place(): Place | null {
    if (!this.strikes.length) return null;
    const { scrollTop } = this.element;
    const at = this.cursor && this.strikes[this.cursor.index];
    const cursor = at ? { strike: at.strike, side: this.cursor!.side, key: this.cursor!.key } : null;
    const offset = this.money === null ? -1 : this.money * this.row - scrollTop;
    if (offset >= 0 && offset <= this.height()) return { strike: null, offset, cursor };
    const index = Math.min(this.strikes.length - 1, Math.max(0, Math.floor(scrollTop / this.row)));
    return { strike: this.strikes[index]!.strike, offset: index * this.row - scrollTop, cursor };
  }

  private hold({ strike, offset }: Place): void {
    const index = strike === null ? this.money : moneyAt(this.strikes, strike)! - 1;
    if (index !== null) this.element.scrollTop = index * this.row - offset;
  }

  // ── Columns ─────────────────────────────────────────────────────────────────────────────────────────────────────
  private lay(): void {
    const width = this.element.clientWidth || 1200;
    const pointer = this.coarse.matches ? "finger" : "mouse";
    const single = width <= SINGLE_UP_TO[pointer];
    const { prices } = this.terms;
    const keys = single ? this.keys : fitting(this.keys, (width - STRIKE - 2 * PADDING) / 2, prices);
    const sides: Side[] = single ? [this.side] : ["C", "P"];
    const dense = document.documentElement.dataset["density"] === "dense";
    const row = single && pointer === "finger" ? TOUCH_ROW : dense ? DENSE_ROW : ROW;
    const laidOut = [sides, keys, prices.dollars, prices.large, row].join();
    if (laidOut === this.laidOut) return;
    this.laidOut = laidOut;
    const calls = single ? keys : mirrored(keys);
    this.layout = { sides, columns: { C: columnsOf(calls), P: columnsOf(keys) } };
    this.slots = slotsOf(this.layout);
    if (single && this.cursor?.side) this.cursor = { ...this.cursor, side: this.side };
    this.row = row;
    const { style } = this.element;
    style.setProperty("--chain-row", `${this.row}px`);
    style.setProperty("--calls", tracks(calls, prices));
    style.setProperty("--puts", tracks(keys, prices));
    const least = single ? STRIKE + keys.reduce((sum, key) => sum + widthOf(key, prices), PADDING) : 0;
    style.setProperty("--chain-width", `${least}px`);
    this.element.classList.toggle("single", single);
    this.element.classList.toggle("with-dollars", prices.dollars);
    this.body.style.height = `${this.strikes.length * this.row}px`;
    this.element.setAttribute("aria-colcount", String(calls.length * sides.length + 1));
    this.drawHeader();
    this.clear();
    this.moved = true;
    this.frame.hurry(this);
    this.events.onFit({ shown: keys.length, single });
  }

  private drawHeader(): void {
    const { sides, columns } = this.layout;
    const { prices } = this.terms;
    const above = headerRow(1);
    const names = headerRow(2);
    const parts = sides.map((side) => {
      const title = document.createElement("div");
      title.className = `side ${side === "C" ? "calls" : "puts"}`;
      title.setAttribute("role", "columnheader");
      title.setAttribute("aria-colspan", String(columns[side].length));
      title.textContent = side === "C" ? "Calls" : "Puts";
      const under = document.createElement("div");
      under.className = title.className;
      under.setAttribute("role", "none");
      under.append(
        ...columns[side].map((column) => headerCell(column.key, headerOf(column, prices), column.title)),
      );
      return { title, under };
    });
    const strike = headerCell("strike", "Strike", "Price at which the option can be exercised");
    const corner = document.createElement("div");
    corner.className = "cell strike";
    corner.setAttribute("role", "none");
    const order = (own: HTMLElement, [first, second]: HTMLElement[]): HTMLElement[] =>
      second ? [first!, own, second] : [own, first!];
    above.append(
      ...order(
        corner,
        parts.map((part) => part.title),
      ),
    );
    names.append(
      ...order(
        strike,
        parts.map((part) => part.under),
      ),
    );
    // One side alone is named by what chose it.
    this.header.replaceChildren(...(sides.length === 1 ? [names] : [above, names]));
  }

  // ── The cursor ──────────────────────────────────────────────────────────────────────────────────────────────────
  /** The column of the strikes. */
  private get middle(): number {
    return this.slots.findIndex((slot) => slot.side === null);
  }

  /** Where the cursor is now; on the outermost column of its side where its own has no room. */
  private get column(): number | null {
    if (!this.cursor) return null;
    const { side, key } = this.cursor;
    const found = this.slots.findIndex((slot) => slot.side === side && slot.key === key);
    if (found >= 0) return found;
    return side === "C" && this.layout.sides.length === 2 ? 0 : this.slots.length - 1;
  }

  private contractAt(): Named | null {
    return this.cursor && this.contractOf(this.cursor.index, this.cursor.side);
  }

  private contractOf(index: number, side: Side | null): Named | null {
    const strike = this.strikes[index];
    return (side === "C" ? strike?.call : side === "P" ? strike?.put : null) ?? null;
  }

  private moveTo(index: number, column: number): void {
    const slot = this.slots[Math.min(this.slots.length - 1, Math.max(0, column))];
    if (!this.strikes.length || !slot) return;
    this.cursor = { ...slot, index: Math.min(this.strikes.length - 1, Math.max(0, index)) };
    const top = this.cursor.index * this.row;
    const { element } = this;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + this.row > element.scrollTop + this.height())
      element.scrollTop = top + this.row - this.height();
    this.placeRows();
    this.frame.hurry(this);
    this.events.onCursor(this.contractAt());
  }

  private placeCursor(): void {
    const row = this.cursor && this.rows.get(this.cursor.index);
    const cell = row?.cells[this.column ?? -1] ?? null;
    if (cell === this.cursorCell) return;
    this.cursorCell?.classList.remove("cursor");
    this.cursorCell?.removeAttribute("id");
    this.cursorCell?.removeAttribute("aria-selected");
    this.cursorCell = cell;
    if (cell) {
      cell.classList.add("cursor");
      cell.id = CURSOR_ID;
      cell.setAttribute("aria-selected", "true");
      this.element.setAttribute("aria-activedescendant", CURSOR_ID);
    } else this.element.removeAttribute("aria-activedescendant");
  }

  /** The row that keys start from: the cursor's, else that of the money. */
  private get at(): number {
    return this.cursor?.index ?? Math.max(0, (this.money ?? 1) - 1);
  }

  /** Goes to the same column of the other side. */
  private toSide(side: Side): void {
    if (this.layout.sides.length === 1) {
      if (this.side !== side) this.events.onSide(side);
      return;
    }
    if (this.cursor?.side === side) return;
    const key = this.cursor?.side ? this.cursor.key : "bid";
    const found = this.slots.findIndex((slot) => slot.side === side && slot.key === key);
    this.moveTo(this.at, found >= 0 ? found : this.middle + (side === "C" ? -1 : 1));
  }

  /** What each key of the table does here; false where it had nothing to do. */
  private readonly actions: Record<Taken, (column: number, isShifted: boolean) => unknown> = {
    down: (column) => this.moveTo(this.cursor ? this.at + 1 : this.at, column),
    up: (column) => this.moveTo(this.cursor ? this.at - 1 : this.at, column),
    left: (column) => this.moveTo(this.at, this.cursor ? column - 1 : column),
    right: (column) => this.moveTo(this.at, this.cursor ? column + 1 : column),
    pageDown: (column) => this.moveTo(this.at + PAGE, column),
    pageUp: (column) => this.moveTo(this.at - PAGE, column),
    money: (column) => {
      this.moveTo((this.money ?? 1) - 1, column);
      this.showMoney();
    },
    end: (column) => this.moveTo(this.strikes.length - 1, column),
    calls: () => this.toSide("C"),
    puts: () => this.toSide("P"),
    open: () => this.tell(this.events.onOpen),
    watch: () => this.tell(this.events.onAdd),
    buy: (_, isShifted) => this.tell((contract) => this.events.onPick(contract, isShifted ? MANY : 1)),
    sell: (_, isShifted) => this.tell((contract) => this.events.onPick(contract, isShifted ? -MANY : -1)),
    payoff: () => this.events.onPayoff(),
  };

  /** Tells of the contract under the cursor, if there is one. */
  private tell(event: (contract: Named) => void): boolean {
    const contract = this.contractAt();
    if (contract) event(contract);
    return contract !== null;
  }

  /** Takes a key that means something here; says whether it did. */
  takeKey(event: KeyboardEvent): boolean {
    const action = actionOf("chain", event);
    if (!action || action === "previousExpiry" || action === "nextExpiry" || action === "volatility")
      return false;
    if (!this.strikes.length) return false;
    // Without a cursor it comes in next to the strike.
    const column = this.column ?? (this.middle > 0 ? this.middle - 1 : 1);
    const before = this.cursorCell;
    const isTaken = this.actions[action](column, event.shiftKey) !== false;
    this.note.follow(this.cursorCell === before ? null : this.cursorCell);
    return isTaken;
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.target === this.element && this.takeKey(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  private readonly onClick = (event: MouseEvent): void => {
    const cell = (event.target as Element).closest<HTMLElement>(".chain-row .cell");
    const index = Number(cell?.closest<HTMLElement>(".chain-row")?.getAttribute("aria-rowindex")) - 3;
    const row = this.rows.get(index);
    if (!cell || !row) return;
    this.focus();
    const column = row.cells.indexOf(cell);
    const slot = this.slots[column];
    const isPick = this.picking && (slot?.key === "bid" || slot?.key === "ask");
    // Where one side is shown at a time the details cover it: a pick does not call them.
    if (!isPick || this.layout.sides.length === 2) this.moveTo(index, column);
    const contract = this.contractOf(index, slot?.side ?? null);
    if (!contract) return;
    if (isPick) this.events.onPick(contract, (slot.key === "bid" ? -1 : 1) * (event.shiftKey ? MANY : 1));
    else this.events.onOpen(contract);
  };
}

function slotsOf({ sides, columns }: Layout): readonly Slot[] {
  const of = (side: Side): Slot[] => columns[side].map(({ key }) => ({ side, key }));
  const strike: Slot = { side: null, key: "strike" };
  const [first, second] = sides;
  return second ? [...of(first!), strike, ...of(second)] : [strike, ...of(first!)];
}

function headerRow(index: number): HTMLElement {
  const row = document.createElement("div");
  row.className = "chain-row";
  row.setAttribute("role", "row");
  row.setAttribute("aria-rowindex", String(index));
  return row;
}

function headerCell(key: string, text: string, title: string): HTMLElement {
  const cell = document.createElement("div");
  cell.className = `cell ${key}`;
  cell.setAttribute("role", "columnheader");
  cell.title = title;
  cell.textContent = text;
  return cell;
}
