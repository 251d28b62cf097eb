// All that the view says of a position at one moment: what it costs, what it can become, its greeks, its probability, each
// with the reason where it is not known. Pure. Before: quoted.ts, position.ts; after: PayoffView.
import type { Chain, Expiry } from "../api";
import { yearsBetween } from "./blackScholes";
import type { Leg } from "./leg";
import {
  firstExpiry,
  isGainAt,
  isKnownAt,
  isLinearAt,
  modelGreeks,
  type Outcome,
  outcomeAt,
  type PositionLeg,
  probabilityOfProfit,
  profitAt,
  type Scenario,
  type Sensitivities,
} from "./position";
import { type LegView, type Net, netOf, positionOf, quotedGreek } from "./quoted";

/** A number, or the sentence that says why there is none. */
export type Known<T> = T | string;

/** What is asked: how many days on, and how much more volatility, as a fraction. */
export interface Question {
  readonly days: number;
  readonly shift: number;
}

export interface Assessment {
  readonly legs: readonly Leg[];
  readonly spot: number | null;
  readonly net: Net;
  /** The legs that can be counted; a sentence where one cannot. */
  readonly position: Known<readonly PositionLeg[]>;
  /** When the first leg expires; null where none does. */
  readonly first_ms: number | null;
  /** The moment that is looked at, and whether it is now. */
  readonly at_ms: number;
  readonly isNow: boolean;
  readonly outcome: Known<Outcome>;
  readonly probability: Known<number>;
  readonly greeks: Readonly<Record<keyof Sensitivities, Known<number>>>;
  /** Whether the greeks are those of the quotes, and not of the model. */
  readonly areQuoted: boolean;
  /** Profit at the first expiry, and at the moment that is looked at; null where it is not known. */
  readonly atExpiry: ((spot: number) => number) | null;
  readonly atTime: ((spot: number) => number) | null;
  /** Why the profit at that moment is not known; empty where it is. */
  readonly withoutTime: string;
  /** One standard deviation of the price until the first expiry; null where it is not known. */
  readonly move: number | null;
  /** Volatility at the money of the first expiry. */
  readonly volatility: number | null;
}

const DAY_MS = 86_400_000;
/** Forward and price are read one after the other: what they differ by below this is the market's moving between. */
const READING = 0.0002;
/** Nearer to expiry there is no interest to speak of, and its rate a year would be noise. */
const LEAST_YEARS = 1 / 365;
const GREEKS = ["delta", "gamma", "theta", "vega", "rho"] as const;

/** `now_ms` is the feed's time. */
export function assess(
  views: readonly LegView[],
  spot: number | null,
  now_ms: number,
  chain: Chain | null,
  question: Question,
): Assessment {
  const net = netOf(views, spot);
  const position = typeof net.cost === "number" ? positionOf(views, spot) : net.reason;
  const first_ms = typeof position === "string" ? firstOf(views) : firstExpiry(position);
  const isClock = !Number.isNaN(now_ms);
  const last_ms = first_ms ?? now_ms;
  const at_ms = isClock ? Math.min(now_ms + question.days * DAY_MS, Math.max(last_ms, now_ms)) : last_ms;
  const carryOf = (expires_ms: number) => carryAt(chain, expires_ms);
  const atExpiry: Scenario = { at_ms: last_ms, shift: question.shift, carryOf };
  const atTime: Scenario = { at_ms, shift: question.shift, carryOf };
  const isNow = question.days === 0 && question.shift === 0;
  const common = { legs: views.map((view) => view.leg), spot, net, position, first_ms, at_ms, isNow };
  const expiry = chain && first_ms !== null ? expiryAt(chain, first_ms) : undefined;
  const around = {
    move: expiry?.expected_move ?? null,
    volatility: expiry?.at_the_money_volatility ?? null,
  };
  const quoted = (): Assessment["greeks"] =>
    recordOf((name) => quotedGreek(views, name)) as Assessment["greeks"];
  const problem = problemOf(position, first_ms, now_ms);
  if (typeof position === "string" || problem) {
    return {
      ...common,
      ...around,
      outcome: problem,
      probability: problem,
      greeks: quoted(),
      areQuoted: true,
      atExpiry: null,
      atTime: null,
      withoutTime: problem,
    };
  }
  const profitLater = (price: number) => profitAt(position, price, atExpiry);
  const outcome = isKnownAt(position, last_ms) ? outcomeAt(position, atExpiry) : NO_LATER_VOLATILITY;
  const isTimeKnown = isClock && isKnownAt(position, at_ms);
  const model = spot !== null && isTimeKnown ? modelGreeks(position, spot, atTime) : null;
  return {
    ...common,
    ...around,
    outcome,
    probability: probability(
      outcome,
      (price) => isGainAt(position, price, atExpiry),
      spot,
      expiry,
      around.volatility,
      first_ms,
      now_ms,
      carryOf,
    ),
    greeks: isNow
      ? quoted()
      : recordOf(
          (name) => model?.[name] ?? (spot === null ? "The underlying has no price yet" : NO_VOLATILITY),
        ),
    areQuoted: isNow,
    atExpiry: typeof outcome === "string" ? null : profitLater,
    // Without an option there is but one curve.
    atTime: isTimeKnown && !isLinearAt(position, at_ms) ? (price) => profitAt(position, price, atTime) : null,
    withoutTime: isTimeKnown ? "" : isClock ? NO_VOLATILITY : "The feed’s clock is not known yet",
  };
}

const NO_VOLATILITY = "A leg has no implied volatility";
const NO_LATER_VOLATILITY = "A leg that expires later has no implied volatility to value it by";

function problemOf(position: Known<readonly PositionLeg[]>, first_ms: number | null, now_ms: number): string {
  if (typeof position === "string") return position;
  if (first_ms !== null && first_ms <= now_ms) return "A leg has expired: take it out to see the others";
  return "";
}

function probability(
  outcome: Known<Outcome>,
  isGain: (spot: number) => boolean,
  spot: number | null,
  expiry: Expiry | undefined,
  volatility: number | null,
  first_ms: number | null,
  now_ms: number,
  carryOf: (expires_ms: number) => number,
): Known<number> {
  if (typeof outcome === "string") return outcome;
  if (first_ms === null) return "Without an option there is no day to tell it of";
  if (!expiry || volatility === null) return "The volatility at the money of this expiry is not known";
  if (spot === null) return "The underlying has no price yet";
  if (Number.isNaN(now_ms)) return "The feed’s clock is not known yet";
  const years = yearsBetween(now_ms, first_ms);
  const forward = spot * Math.exp(carryOf(first_ms) * years);
  return probabilityOfProfit(outcome, isGain, forward, volatility, years);
}

function firstOf(views: readonly LegView[]): number | null {
  const all = views.flatMap(({ facts }) =>
    facts?.kind === "option" && facts.expires_ms ? [facts.expires_ms] : [],
  );
  return all.length ? Math.min(...all) : null;
}

function expiryAt(chain: Chain, expires_ms: number): Expiry | undefined {
  return chain.expiries.find(
    ({ expires_at }) => expires_at !== null && Date.parse(expires_at) === expires_ms,
  );
}

/** What the forward of an expiry grows by over the spot, a year, as the chain had both. */
function carryAt(chain: Chain | null, expires_ms: number): number {
  const expiry = chain ? expiryAt(chain, expires_ms) : undefined;
  const years = (expiry?.days_left ?? 0) / 365;
  if (!expiry?.forward || !chain?.underlying_price || years < LEAST_YEARS) return 0;
  const growth = Math.log(expiry.forward / chain.underlying_price);
  return Math.abs(growth) < READING ? 0 : growth / years;
}

function recordOf<T>(of: (name: keyof Sensitivities) => T): Record<keyof Sensitivities, T> {
  return Object.fromEntries(GREEKS.map((name) => [name, of(name)])) as Record<keyof Sensitivities, T>;
}
