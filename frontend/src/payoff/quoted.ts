// A leg with the newest quote of its contract: the price it is counted at, or why there is none, and what the whole
// position costs. Pure. Before: picks.ts; after: position.ts, the tray of a chain, PayoffView.
import { isCoinPriced } from "../money";
import { type Column, type Facts, Flag } from "../protocol";
import type { Leg } from "./leg";
import type { PositionLeg } from "./position";

/** A leg and what is known of its contract. */
export interface LegView {
  readonly leg: Leg;
  readonly symbol: string | null;
  readonly facts: Facts | undefined;
  /** Why nothing can be said of the contract, or not yet. */
  readonly absent: string;
  value(column: Column): number | null;
  has(flag: number): boolean;
}

export interface Priced {
  /** In the contract's currency. */
  readonly price: number | null;
  /** In the position's: another where the contract is priced in a coin. */
  readonly money: number | null;
  /** Why one of them is not there; empty where both are. */
  readonly reason: string;
}

export interface Net {
  /** What was paid, less what was received; null where a leg has no price. */
  readonly cost: number | null;
  readonly currency: string;
  readonly reason: string;
}

/** The price that a leg is counted at. `spot` is the underlying's, for contracts that are priced in its coin. */
export function pricedLeg(view: LegView, spot: number | null): Priced {
  const [price, reason] = priceOf(view);
  if (price === null) return { price, money: null, reason };
  if (!view.facts) return { price, money: null, reason: view.absent };
  if (!isCoinPriced(view.facts)) return { price, money: price, reason: "" };
  if (spot === null)
    return { price, money: null, reason: "Not known in US dollars: the underlying has no price yet" };
  return { price, money: price * spot, reason: "" };
}

function priceOf(view: LegView): readonly [number | null, string] {
  const { leg } = view;
  if (typeof leg.price === "number") return [leg.price, ""];
  if (view.absent) return [null, view.absent];
  const [bid, ask] = [view.value("bid"), view.value("ask")];
  // An index has no book.
  if (view.facts?.kind === "index") {
    const last = view.value("last") ?? view.value("mark");
    return [last, last === null ? "No price yet" : ""];
  }
  if (leg.price === "mid") {
    if (bid === null || ask === null)
      return [null, `${missing(view, bid === null ? "bid" : "ask")}: no middle`];
    if (view.has(Flag.crossed)) return [null, "The bid is above the ask: no middle"];
    return [(bid + ask) / 2, ""];
  }
  return leg.quantity > 0
    ? [ask, ask === null ? `${missing(view, "ask")} to buy at` : ""]
    : [bid, bid === null ? `${missing(view, "bid")} to sell at` : ""];
}

function missing(view: LegView, side: "bid" | "ask"): string {
  return view.has(side === "bid" ? Flag.noBid : Flag.noAsk)
    ? `One-sided, no ${side}`
    : `The venue names no ${side}`;
}

/** The currency that a position is counted in, or null where its legs have several. */
export function currencyOf(views: readonly LegView[]): string | null {
  const all = new Set(
    views.flatMap(({ facts }) => (facts ? [isCoinPriced(facts) ? "USD" : facts.currency] : [])),
  );
  if (all.size > 1) return null;
  return [...all][0] ?? "";
}

export const SEVERAL_CURRENCIES = "Its legs are priced in several currencies, which are not added up here";

export function netOf(views: readonly LegView[], spot: number | null): Net {
  const currency = currencyOf(views);
  if (currency === null) return { cost: null, currency: "", reason: SEVERAL_CURRENCIES };
  let cost = 0;
  for (const [index, view] of views.entries()) {
    const { money, reason } = pricedLeg(view, spot);
    if (money === null) return { cost: null, currency, reason: `Leg ${index + 1} has no price. ${reason}` };
    cost += view.leg.quantity * (view.facts?.multiplier ?? 1) * money;
  }
  return { cost, currency, reason: "" };
}

/** The legs as their worth follows from them, or the sentence that says why it cannot be told. */
export function positionOf(views: readonly LegView[], spot: number | null): readonly PositionLeg[] | string {
  if (currencyOf(views) === null) return SEVERAL_CURRENCIES;
  const legs: PositionLeg[] = [];
  for (const [index, view] of views.entries()) {
    const { money, reason } = pricedLeg(view, spot);
    const { leg, facts } = view;
    if (money === null || !facts) return `Leg ${index + 1} has no price. ${reason || view.absent}`;
    if (leg.kind === "option" && facts.expires_ms == null)
      return `Leg ${index + 1}: the moment at which it expires is not known`;
    const option =
      leg.kind === "underlying"
        ? null
        : {
            right: leg.right,
            strike: leg.strike,
            expires_ms: facts.expires_ms!,
            volatility: view.value("implied_volatility"),
          };
    legs.push({ quantity: leg.quantity, multiplier: facts.multiplier, price: money, option });
  }
  return legs;
}

/** Greeks of the position as the quotes have them, or the sentence that says which are missing. */
export function quotedGreek(
  views: readonly LegView[],
  name: "delta" | "gamma" | "theta" | "vega" | "rho",
): number | string {
  let total = 0;
  for (const [index, view] of views.entries()) {
    const units = view.leg.quantity * (view.facts?.multiplier ?? 1);
    if (view.leg.kind === "underlying") {
      if (name === "delta") total += units;
      continue;
    }
    const value = view.absent ? null : view.value(name);
    if (value === null) return `Leg ${index + 1}: ${view.absent || `no ${name} from the venue or the model`}`;
    total += units * value;
  }
  return total;
}
