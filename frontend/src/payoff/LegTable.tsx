// The legs of a position as a table: side, quantity and price can be changed in place; quotes are those of now.
import { createEffect, createMemo, createSignal, Index, on, Show } from "solid-js";
import { aboutDollars, age, asIs, exact, midText, percent, price } from "../format";
import { isCoinPriced } from "../money";
import type { Facts } from "../protocol";
import { Flag } from "../protocol";
import { Icon } from "../views/Icon";
import { type Leg, MOST_QUANTITY, ownPrice, type PriceChoice } from "./leg";
import { type LegView, pricedLeg } from "./quoted";
import { contractName, deltaText, gainText } from "./words";

export interface TableParts {
  readonly underlying: string;
  readonly views: readonly LegView[];
  readonly spot: number | null;
  readonly feedNow: number;
  readonly currency: string;
  onChange(index: number, leg: Leg): void;
  onRemove(index: number): void;
  /** All legs at the market, or at the middle. */
  onAll(price: "market" | "mid"): void;
}

export function LegTable(props: TableParts) {
  const all = (choice: PriceChoice) => props.views.every(({ leg }) => leg.price === choice);
  return (
    <div class="legs-frame">
      <table class="legs" data-testid="legs">
        <thead>
          <tr>
            <th scope="col">Side</th>
            <th scope="col">Quantity</th>
            <th scope="col">Contract</th>
            <th scope="col" class="number">
              Bid
            </th>
            <th scope="col" class="number">
              Ask
            </th>
            <th scope="col">
              <fieldset class="choices">
                <legend>Price of all legs</legend>
                <span aria-hidden="true">Price at</span>
                <button
                  type="button"
                  title="All legs at the market: what is bought at the ask, what is sold at the bid"
                  aria-pressed={all("market")}
                  onClick={() => props.onAll("market")}
                >
                  Market
                </button>
                <button
                  type="button"
                  title="All legs at the middle of bid and ask"
                  aria-pressed={all("mid")}
                  onClick={() => props.onAll("mid")}
                >
                  Mid
                </button>
              </fieldset>
            </th>
            <th scope="col" class="number" title="Implied volatility, percent a year">
              IV %
            </th>
            <th
              scope="col"
              class="number"
              title="Change of the leg’s value for a change of 1 of the underlying"
            >
              Delta
            </th>
            <th
              scope="col"
              class="number"
              title="Price × quantity × multiplier: paid, or below zero received"
            >
              Cost
            </th>
            <th scope="col">
              <span class="unseen">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          <Index each={props.views}>
            {(view, index) => <LegRow parts={props} view={view()} index={index} />}
          </Index>
        </tbody>
      </table>
    </div>
  );
}

function LegRow(props: { parts: TableParts; view: LegView; index: number }) {
  const leg = () => props.view.leg;
  const quantity = createMemo(() => leg().quantity);
  const choice = createMemo(() => leg().price);
  const tick = () => props.view.facts?.tick ?? 0.01;
  const priced = createMemo(() => pricedLeg(props.view, props.parts.spot));
  const name = createMemo(() => contractName(leg(), props.parts.underlying));
  const units = () => quantity() * (props.view.facts?.multiplier ?? 1);
  const cost = () => {
    const { money } = priced();
    return money === null ? null : units() * money;
  };
  const change = (changes: Partial<Leg>) =>
    props.parts.onChange(props.index, { ...leg(), ...changes } as Leg);
  const resize = (field: HTMLInputElement) => {
    const size = Number(field.value);
    if (Number.isInteger(size) && size >= 1 && size <= MOST_QUANTITY)
      change({ quantity: size * Math.sign(quantity()) });
    else field.value = String(Math.abs(quantity()));
  };
  /** A price of one's own is to be written, and there is none to begin with. */
  const [writing, setWriting] = createSignal(false);
  // Rows are by their place: another leg may come to stand here.
  createEffect(on(name, () => setWriting(false), { defer: true }));
  const isOwn = () => writing() || typeof choice() === "number";
  const choose = (chosen: string) => {
    const { price: now } = priced();
    setWriting(chosen === "own" && now === null);
    if (chosen !== "own") change({ price: chosen as "market" | "mid" });
    // Begins with the price that stands there now.
    else if (now !== null) change({ price: Number(now.toFixed(8)) });
  };
  const written = () => (typeof choice() === "number" ? String(choice()) : "");
  const setOwn = (field: HTMLInputElement) => {
    const own = ownPrice(field.value);
    if (own === null) field.value = written();
    else {
      setWriting(false);
      change({ price: own });
    }
  };
  const note = () => {
    const at = quotedAt(props.view);
    const stale = props.view.has(Flag.staleAtVenue) ? ". The venue says that this quote is stale" : "";
    return props.view.absent || (at === null ? "" : `Quoted ${age(props.parts.feedNow - at)} ago${stale}`);
  };
  const dollars = () => {
    const { money, price: coin } = priced();
    return isCoinPriced(props.view.facts) && coin !== null && money !== null ? aboutDollars(money) : "";
  };
  return (
    <tr
      classList={{ absent: props.view.absent !== "", "stale-quote": props.view.has(Flag.staleAtVenue) }}
      data-testid="leg"
    >
      <td class="leg-side">
        <button
          type="button"
          class="side-button"
          classList={{ sold: quantity() < 0 }}
          title={quantity() < 0 ? "Sold. Press to buy instead" : "Bought. Press to sell instead"}
          aria-label={`${name()}: ${quantity() < 0 ? "sold" : "bought"}; change sides`}
          data-testid="leg-side"
          onClick={() => change({ quantity: -quantity() })}
        >
          {quantity() < 0 ? "Sell" : "Buy"}
        </button>
      </td>
      <td class="leg-quantity">
        <input
          type="number"
          min="1"
          max={MOST_QUANTITY}
          step="1"
          inputmode="numeric"
          aria-label={`Quantity of ${name()}`}
          value={Math.abs(quantity())}
          data-testid="leg-quantity"
          onChange={(event) => resize(event.currentTarget)}
        />
      </td>
      <th
        scope="row"
        class="leg-name"
        title={[props.view.symbol, termsOf(props.view.facts)].filter(Boolean).join(" · ")}
      >
        {name()}
        <Show when={priced().reason}>
          <span class="leg-absent" data-testid="leg-absent">
            {priced().reason}
          </span>
        </Show>
      </th>
      <td class="number quote" data-label="Bid" title={note()} data-testid="leg-bid">
        {price(props.view.value("bid"), tick())}
      </td>
      <td class="number quote" data-label="Ask" title={note()} data-testid="leg-ask">
        {price(props.view.value("ask"), tick())}
      </td>
      <td class="leg-price">
        <select
          aria-label={`Price of ${name()} at`}
          value={isOwn() ? "own" : (choice() as string)}
          data-testid="leg-price-choice"
          onChange={(event) => choose(event.currentTarget.value)}
        >
          <option value="market">Market</option>
          <option value="mid">Mid</option>
          <option value="own">Own</option>
        </select>
        <Show
          when={isOwn()}
          fallback={
            <span class="price-used" title={priced().reason || dollars()} data-testid="leg-price">
              {priced().price === null ? (
                <span class="unseen">{priced().reason}</span>
              ) : (
                midText(priced().price!, tick())
              )}
            </span>
          }
        >
          <input
            class="own-price"
            inputmode="decimal"
            aria-label={`Own price of ${name()}`}
            value={written()}
            data-testid="leg-own-price"
            onChange={(event) => setOwn(event.currentTarget)}
          />
        </Show>
      </td>
      <td class="number quote faint" data-label="IV %">
        {percent(leg().kind === "option" ? props.view.value("implied_volatility") : null)}
      </td>
      <td class="number quote faint" data-label="Delta">
        {deltaText(deltaOf(props.view), props.parts.views.map(deltaOf))}
      </td>
      <td
        class="number leg-cost"
        data-label="Cost"
        title={priced().reason || costNote(props.view, props.parts.spot)}
        data-testid="leg-cost"
      >
        {cost() === null ? "" : gainText(cost()!).replace("+", "")}
        <Show when={dollars() && props.parts.currency === "USD"}>
          <span class="unit"> USD</span>
        </Show>
      </td>
      <td class="leg-remove">
        <button
          type="button"
          class="icon-button"
          aria-label={`Remove ${name()}`}
          title="Remove this leg"
          data-testid="leg-remove"
          onClick={() => props.parts.onRemove(props.index)}
        >
          <Icon name="close" />
        </button>
      </td>
    </tr>
  );
}

/** Of the whole leg; null where none is known. */
function deltaOf(view: LegView): number | null {
  const units = view.leg.quantity * (view.facts?.multiplier ?? 1);
  if (view.leg.kind === "underlying") return units;
  const value = view.value("delta");
  return value === null ? null : units * value;
}

function quotedAt(view: LegView): number | null {
  const venue = view.value("venue_time_ms");
  return venue === null ? null : venue + (view.value("lag_ms") ?? 0);
}

function termsOf(facts: Facts | undefined): string {
  if (!facts) return "";
  const unit = facts.kind === "option" ? `${asIs(facts.multiplier)} a contract` : "";
  return [facts.exercise ?? "", unit].filter(Boolean).join(", ");
}

function costNote(view: LegView, spot: number | null): string {
  const { price: coin, money } = pricedLeg(view, spot);
  if (!isCoinPriced(view.facts) || coin === null || money === null) return "";
  return `${exact(coin)} ${view.facts?.currency} × ${exact(spot!)}, the underlying’s price now, = ${exact(money)} USD for each`;
}
