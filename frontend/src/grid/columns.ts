// What each column of the grid shows of a row: its text, its reason when blank, and what makes it flash. Pure.
import { aboutDollars, age, change, count, decimals, exact, percent, price } from "../format";
import { type Greek, greekText } from "../greeks";
import { inDollars, isCoinPriced } from "../money";
import { type Column, Flag } from "../protocol";
import type { RowView } from "./view";

export type { RowView } from "./view";

export interface GridColumn {
  readonly key: string;
  readonly header: string;
  readonly title: string;
  text(view: RowView): string;
  /** What the text is of, with all its digits: rows are sorted by it, and files have it. Null sorts last. */
  value(view: RowView): number | null;
  /** How a file names it, where not by its key; null where no file can have it. */
  readonly field?: string | null;
  /** The same in US dollars, smaller beside it, where the text is in a coin and the underlying's price is known. */
  beside?(view: RowView): string;
  /** Why the cell is blank; or, where it is not, what to know of the number. */
  note?(view: RowView, text: string): string;
  tone?(view: RowView): "up" | "down" | "";
  /** The column whose change makes the cell flash. */
  readonly flashes?: Column;
}

const tickOf = (view: RowView): number => view.facts?.tick ?? 0.01;
const isOption = (view: RowView): boolean => view.facts === undefined || view.facts.kind === "option";

/** The price that change is measured with: the last trade, else the mark. */
export function currentPrice(view: RowView): number | null {
  return view.value("last") ?? view.value("mark");
}

export function changeOf(view: RowView): number | null {
  const now = currentPrice(view);
  const reference = view.value("reference_price");
  return now === null || reference === null ? null : now - reference;
}

/** What the header says of the value beside a price. */
export const BESIDE = "≈ USD";
export const BESIDE_TITLE =
  "Beside a price in a coin: what it is in US dollars, price × the underlying’s price in the same quote";

/** A coin price of this row in US dollars, by the underlying's price in the same row; empty for other prices. */
export function besideText(view: RowView, value: number | null): string {
  return aboutDollars(inDollars(view.facts, value, view.value("underlying_price")));
}

/** Which price of the underlying a last trade is valued with. */
export const NOW = "now, not when it was traded";

/** How that was computed, or why it is not there; empty for a price that is in no coin. */
export function besideNote(view: RowView, value: number | null, when = "in the same quote"): string {
  if (value === null || !isCoinPriced(view.facts)) return "";
  const coin = `${exact(value)} ${view.facts?.currency}`;
  const underlying = view.value("underlying_price");
  const dollars = inDollars(view.facts, value, underlying);
  if (dollars === null || underlying === null)
    return `${coin}. Not known in US dollars: the quote has no price of the underlying`;
  return `${coin} × ${exact(underlying)}, the underlying’s price ${when}, = ${exact(dollars)} USD, computed by this page`;
}

/** When the row reached us, on the feed's clock. */
export function receivedAt(view: RowView): number | null {
  const venue = view.value("venue_time_ms");
  return venue === null ? null : venue + (view.value("lag_ms") ?? 0);
}

function absent(view: RowView, otherwise: string): string {
  if (view.refused) return view.refused;
  return view.held ? otherwise : "No quote yet";
}

function quoted(view: RowView, text: string, value: number | null, none: string): string {
  if (!text) return absent(view, none);
  const crossed = view.has(Flag.crossed) ? "Crossed: the bid is above the ask. " : "";
  return crossed + besideNote(view, value);
}

function greek(view: RowView, name: Greek): string {
  return greekText(name, view.value(name), view.value("underlying_price"));
}

function computed(view: RowView, text: string, what: string): string {
  if (!text) return absent(view, isOption(view) ? `No ${what}: ${whyNone(view)}` : "Only options have one");
  return `Computed by ${view.has(Flag.modelGreeks) ? "our model" : "the venue"}`;
}

/** Why neither the venue nor the model gives a value that is computed. */
function whyNone(view: RowView): string {
  const { facts } = view;
  if (facts?.expires_ms != null && facts.expires_ms <= view.feedNow) return "it has expired";
  const underlying = view.value("underlying_price");
  if (underlying === null) return "the underlying’s price is not known";
  const price = view.value("mark") ?? view.value("ask") ?? view.value("bid");
  if (price === null) return "there is no price to compute it from";
  if (facts?.strike != null && facts.right) {
    const paid = isCoinPriced(facts) ? price * underlying : price;
    const gain = facts.right === "C" ? underlying - facts.strike : facts.strike - underlying;
    if (gain > 0 && paid < gain) return "the price is below what exercising would bring";
  }
  return "neither the venue nor the model gives one";
}

/** The change in percent of the reference price. */
export function changePercentOf(view: RowView): number | null {
  const reference = view.value("reference_price");
  const moved = changeOf(view);
  return reference && moved !== null ? (moved / reference) * 100 : null;
}

/** By how much the day's line rose from its first point to its last, a fraction. */
function dayChange({ day }: RowView): number | null {
  const [first, last] = [day?.values[0], day?.values.at(-1)];
  return first && last !== undefined ? last / first - 1 : null;
}

function ageOf(view: RowView): number | null {
  const received = receivedAt(view);
  return received === null || Number.isNaN(view.feedNow) ? null : view.feedNow - received;
}

export const COLUMNS: readonly GridColumn[] = [
  {
    key: "last",
    header: "Last",
    title: "Price of the last trade",
    flashes: "last",
    value: (view) => view.value("last"),
    text: (view) => price(view.value("last"), tickOf(view)),
    beside: (view) => besideText(view, view.value("last")),
    note: (view, text) => (text ? besideNote(view, view.value("last"), NOW) : absent(view, "Never traded")),
  },
  {
    key: "change",
    header: "Chg",
    title: "Last, or the mark where nothing traded, less the reference price",
    value: changeOf,
    text: (view) => change(changeOf(view), decimals(tickOf(view))),
    note: (view, text) =>
      text
        ? `From ${price(view.value("reference_price"), tickOf(view))}${view.value("last") === null ? ", by the mark" : ""}`
        : absent(view, currentPrice(view) === null ? "Never traded" : "No reference price"),
    tone: changeTone,
  },
  {
    key: "change_percent",
    header: "Chg %",
    title: "The same in percent of the reference price",
    value: changePercentOf,
    text: (view) => change(changePercentOf(view), 1),
    note: (view, text) => (text ? "" : absent(view, "No reference price")),
    tone: changeTone,
  },
  {
    key: "day",
    header: "Day",
    title:
      "The day’s course: mid of the quotes, or last price where there are none; dotted where change is measured from",
    value: dayChange,
    // A line has no one value.
    field: null,
    text: () => "",
    note: ({ day }) => {
      if (!day) return "The day is not asked for";
      if (day.values.length < 2) return day.reason || "Not enough was quoted in this session";
      const rose = dayChange({ day } as RowView);
      const by = rose === null ? "" : `, ${change(rose * 100, 1)} % since its first`;
      return `${day.price === "last" ? "Last prices" : "Mids"} of this session${by}`;
    },
  },
  {
    key: "bid_size",
    header: "Size",
    title: "Contracts bid for",
    value: (view) => view.value("bid_size"),
    text: (view) => count(view.value("bid_size")),
    note: (view, text) => (text ? "" : absent(view, "No bid")),
  },
  {
    key: "bid",
    header: "Bid",
    title: "Best bid",
    flashes: "bid",
    value: (view) => view.value("bid"),
    text: (view) => price(view.value("bid"), tickOf(view)),
    beside: (view) => besideText(view, view.value("bid")),
    note: (view, text) => quoted(view, text, view.value("bid"), oneSided(view, "bid")),
  },
  {
    key: "ask",
    header: "Ask",
    title: "Best ask",
    flashes: "ask",
    value: (view) => view.value("ask"),
    text: (view) => price(view.value("ask"), tickOf(view)),
    beside: (view) => besideText(view, view.value("ask")),
    note: (view, text) => quoted(view, text, view.value("ask"), oneSided(view, "ask")),
  },
  {
    key: "ask_size",
    header: "Size",
    title: "Contracts offered",
    value: (view) => view.value("ask_size"),
    text: (view) => count(view.value("ask_size")),
    note: (view, text) => (text ? "" : absent(view, "No ask")),
  },
  {
    key: "mark",
    header: "Mark",
    title: "The venue's or the model's fair price",
    value: (view) => view.value("mark"),
    text: (view) => price(view.value("mark"), tickOf(view)),
    beside: (view) => besideText(view, view.value("mark")),
    note: (view, text) => (text ? besideNote(view, view.value("mark")) : absent(view, "No mark")),
  },
  {
    key: "implied_volatility",
    header: "IV %",
    title: "Implied volatility, percent a year",
    value: (view) => view.value("implied_volatility"),
    text: (view) => percent(view.value("implied_volatility")),
    note: (view, text) => computed(view, text, "implied volatility"),
  },
  {
    key: "delta",
    header: "Delta",
    title: "Change of the price for a change of 1 of the underlying",
    value: (view) => view.value("delta"),
    text: (view) => greek(view, "delta"),
    note: (view, text) => computed(view, text, "delta"),
  },
  {
    key: "volume",
    header: "Vol",
    title: "Contracts traded in this session",
    value: (view) => view.value("volume"),
    text: (view) => count(view.value("volume")),
    note: (view, text) => (text ? "" : absent(view, "The venue gives no volume of the session")),
  },
  {
    key: "open_interest",
    header: "OI",
    title: "Open interest, contracts",
    value: (view) => view.value("open_interest"),
    text: (view) => count(view.value("open_interest")),
    note: (view, text) => (text ? "" : absent(view, "No open interest from the venue")),
  },
  {
    key: "age",
    header: "Age",
    title: "Time since the last quote reached us",
    value: ageOf,
    text: (view) => age(ageOf(view)),
    field: "age_ms",
    note: (view, text) =>
      text
        ? view.has(Flag.staleAtVenue)
          ? "The venue says that this quote is stale"
          : ""
        : absent(view, ""),
  },
  {
    key: "bid_iv",
    header: "Bid IV",
    title: "Implied volatility of the bid, percent a year",
    value: (view) => view.value("bid_iv"),
    text: (view) => percent(view.value("bid_iv")),
    note: (view, text) =>
      text || view.value("bid") !== null
        ? computed(view, text, "implied volatility")
        : quoted(view, text, null, oneSided(view, "bid")),
  },
  {
    key: "ask_iv",
    header: "Ask IV",
    title: "Implied volatility of the ask, percent a year",
    value: (view) => view.value("ask_iv"),
    text: (view) => percent(view.value("ask_iv")),
    note: (view, text) =>
      text || view.value("ask") !== null
        ? computed(view, text, "implied volatility")
        : quoted(view, text, null, oneSided(view, "ask")),
  },
  {
    key: "gamma",
    header: "Gamma",
    title: "Change of delta for a change of 1 of the underlying",
    value: (view) => view.value("gamma"),
    text: (view) => greek(view, "gamma"),
    note: (view, text) => computed(view, text, "gamma"),
  },
  {
    key: "theta",
    header: "Theta",
    title: "Change of the price in a calendar day",
    value: (view) => view.value("theta"),
    text: (view) => greek(view, "theta"),
    note: (view, text) => computed(view, text, "theta"),
  },
  {
    key: "vega",
    header: "Vega",
    title: "Change of the price for a point of volatility",
    value: (view) => view.value("vega"),
    text: (view) => greek(view, "vega"),
    note: (view, text) => computed(view, text, "vega"),
  },
  {
    key: "rho",
    header: "Rho",
    title: "Change of the price for a point of interest",
    value: (view) => view.value("rho"),
    text: (view) => greek(view, "rho"),
    note: (view, text) => computed(view, text, "rho"),
  },
];

/** Every column that there is, by its key. */
export const COLUMN_OF: ReadonlyMap<string, GridColumn> = new Map(
  COLUMNS.map((column) => [column.key, column]),
);

function oneSided(view: RowView, side: "bid" | "ask"): string {
  const both = view.has(Flag.noBid) && view.has(Flag.noAsk);
  if (both || (view.value("bid") === null && view.value("ask") === null))
    return "No quote: neither bid nor ask";
  return `One-sided: no ${side}`;
}

function changeTone(view: RowView): "up" | "down" | "" {
  const moved = changeOf(view);
  return !moved ? "" : moved > 0 ? "up" : "down";
}
