// The option chain: the underlying, its expiries, and one of them by strike.
import { createMemo, For, onCleanup, onMount, Show } from "solid-js";
import type { Desk } from "../desk";
import { change, decimals, fixed } from "../format";
import { ColumnsMenu } from "../grid/ColumnsMenu";
import { badge } from "../health";
import { dayOf } from "../names";
import { Tray } from "../payoff/Tray";
import { columnValue } from "../protocol";
import { minuteTime, zoneName } from "../times";
import { DetailToggle } from "../views/DetailToggle";
import { ExportButton } from "../views/ExportButton";
import { Icon } from "../views/Icon";
import { Notice } from "../views/Notice";
import { volatilityAddress } from "../volatility/address";
import { moveText, volatilityText } from "./expiry";
import { OFFERED, USUAL } from "./layout";
import { Navigator } from "./Navigator";
import { RANGES } from "./strikes";
import "./chain.css";

export function ChainView(props: { desk: Desk }) {
  const { chain } = props.desk;
  let host!: HTMLDivElement;
  onMount(() => onCleanup(chain.mount(host)));
  const name = () => {
    const one = chain.expiry();
    return `${chain.address()?.underlying ?? ""} ${one ? dayOf(one.expiry) : ""}`.trim();
  };
  const live = () => {
    const one = chain.expiry();
    const count = chain.count();
    if (!one || count === null) return "Loading…";
    const at = one.expires_at === null ? "" : `, expires ${minuteTime(Date.parse(one.expires_at))}`;
    return `${dayOf(one.expiry)}${at}: ${count} ${count === 1 ? "contract" : "contracts"}, times in ${zoneName()}`;
  };
  return (
    <main class="chain-panel" data-testid="chain">
      <Head desk={props.desk} />
      <Navigator desk={props.desk} />
      <div class="chain-line">
        <Notice desk={props.desk} live={live()} />
        <Tools desk={props.desk} />
      </div>
      <div class="chain-body" classList={{ waiting: chain.count() === null }}>
        <div
          class="chain-grid"
          ref={host}
          role="grid"
          tabIndex={0}
          aria-label={`Option chain of ${name()}`}
          aria-busy={chain.count() === null}
          data-testid="chain-grid"
        />
        <Show when={chain.problem() || chain.count() === 0}>
          <div class="blank" data-testid="chain-problem">
            <h3>There is no chain to show</h3>
            <p>{chain.problem() || "None of its options is offered any more."}</p>
            <button type="button" class="button primary" onClick={() => void chain.load()}>
              Try again
            </button>
          </div>
        </Show>
      </div>
      <Show when={chain.address()}>{(of) => <Tray desk={props.desk} of={of()} />}</Show>
    </main>
  );
}

function Head(props: { desk: Desk }) {
  const { chain, store } = props.desk;
  const underlying = () => chain.address()?.underlying ?? "";
  const row = () => {
    props.desk.beat();
    const to = chain.address();
    return to ? store.rows.get(chain.idOf(to.feed, to.underlying) ?? -1) : undefined;
  };
  const places = () => {
    const to = chain.address();
    const id = to && chain.idOf(to.feed, to.underlying);
    return decimals((id != null && store.facts.get(id)?.tick) || 0.01);
  };
  const price = createMemo(() => {
    props.desk.beat();
    return chain.price();
  });
  const reference = () => {
    const held = row();
    return held ? columnValue(held, store.columns, "reference_price") : null;
  };
  const moved = () => {
    const [now, before] = [price(), reference()];
    return now === null || before === null ? null : now - before;
  };
  const movedPercent = () => {
    const [by, from] = [moved(), reference()];
    return by === null || !from ? "" : `(${change((by / from) * 100, 2)} %)`;
  };
  const badges = () => {
    props.desk.beat();
    const feed = chain.address()?.feed ?? "";
    const status = props.desk.feeds().get(feed);
    if (!status) return props.desk.missingFeeds().map((one) => `${one} · not running`);
    return [badge(status.kind, props.desk.feedNow(feed))].filter(Boolean);
  };
  return (
    <div class="heading chain-head">
      <h1>
        <button
          type="button"
          title="Chart and figures of the underlying"
          data-testid="chain-underlying"
          onClick={() => {
            props.desk.pickUnderlying();
            props.desk.showDetail(true);
          }}
        >
          {underlying()}
        </button>
      </h1>
      <span class="spot" data-testid="chain-price">
        {fixed(price(), places())}
      </span>
      <Show when={moved() !== null}>
        <span class="moved" classList={{ up: moved()! > 0, down: moved()! < 0 }}>
          <span aria-hidden="true">{moved()! > 0 ? "▲ " : moved()! < 0 ? "▼ " : ""}</span>
          {change(moved(), places())} <span class="percent">{movedPercent()}</span>
        </span>
      </Show>
      <Show when={chain.expiry()}>
        {(one) => (
          <dl class="chain-figures">
            <Show when={one().at_the_money_volatility !== null}>
              <div title="Implied volatility at the money of this expiry, a year">
                <dt>IV</dt>
                <dd data-testid="chain-volatility">{volatilityText(one().at_the_money_volatility)}</dd>
              </div>
            </Show>
            <Show when={one().expected_move !== null}>
              <div title="Expected move: one standard deviation of the price until this expiry, computed by the server">
                <dt>EM</dt>
                <dd data-testid="chain-move">{moveText(one().expected_move)}</dd>
              </div>
            </Show>
          </dl>
        )}
      </Show>
      <For each={badges()}>
        {(text) => (
          <span class="badge" data-testid="badge">
            {text}
          </span>
        )}
      </For>
      <div class="heading-tools">
        <Show when={chain.address()}>
          {(to) => (
            <a
              class="icon-button"
              href={volatilityAddress(to().feed, to().underlying)}
              title="Volatility: term structure, smiles, surface, open interest (v)"
              aria-label={`Volatility of ${underlying()}`}
              data-testid="to-volatility"
            >
              <Icon name="curve" />
            </a>
          )}
        </Show>
        <DetailToggle desk={props.desk} of="the contract under the cursor" />
      </div>
    </div>
  );
}

function Tools(props: { desk: Desk }) {
  const { chain } = props.desk;
  const hidden = () => (chain.fit().single ? 0 : chain.columns().length - chain.fit().shown);
  return (
    <div class="chain-tools">
      <Show when={chain.fit().single}>
        <fieldset class="sides">
          <legend class="unseen">Side</legend>
          <For each={["C", "P"] as const}>
            {(side) => (
              <button
                type="button"
                aria-pressed={chain.side() === side}
                data-testid={`side-${side}`}
                onClick={() => chain.showSide(side)}
              >
                {side === "C" ? "Calls" : "Puts"}
              </button>
            )}
          </For>
        </fieldset>
      </Show>
      <button
        type="button"
        class="pick-legs"
        aria-label="Pick legs"
        aria-pressed={chain.picking()}
        title={
          chain.picking()
            ? "A click on a bid sells, on an ask buys; with Shift ten. Press to end"
            : "Pick legs of a position with clicks: on a bid to sell, on an ask to buy. Keys: b buys, s sells"
        }
        data-testid="pick-legs"
        onClick={() => {
          chain.setPicking(!chain.picking());
          // Where its keys are, too.
          chain.focus();
        }}
      >
        <span class="word">Pick legs</span>
        <span class="short">Legs</span>
      </button>
      <label class="range">
        <span class="unseen">Strikes</span>
        <select
          data-testid="strike-range"
          value={chain.range()}
          onChange={(event) => chain.showRange(event.currentTarget.value)}
        >
          <For each={RANGES}>{([key, , text]) => <option value={key}>{text}</option>}</For>
        </select>
      </label>
      <button
        type="button"
        class="icon-button"
        title="To the money (Home)"
        aria-label="To the money"
        data-testid="to-money"
        onClick={() => chain.showMoney()}
      >
        <Icon name="middle" />
      </button>
      <ExportButton desk={props.desk} of="chain" />
      <ColumnsMenu
        testid="choose-columns"
        hidden={hidden()}
        columns={chain.columns()}
        offered={OFFERED}
        usual={USUAL}
        order="From the strike outwards"
        up="Nearer to the strike"
        down="Farther from the strike"
        hasRoom={(key) => chain.columns().indexOf(key) < chain.fit().shown}
        onChoose={(keys) => chain.showColumns(keys)}
      />
    </div>
  );
}
