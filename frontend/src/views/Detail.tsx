// Everything known of the selected contract: its quote, its greeks, its facts.
import { For, Index, Show } from "solid-js";
import { addressOf } from "../chain/address";
import { ChartPane } from "../chart/ChartPane";
import type { Desk } from "../desk";
import { Expiries } from "../detail/Expiries";
import { Trades } from "../detail/Trades";
import { age, asIs, change, count, decimals, exact, fixed, fixedOrLess, percent, price } from "../format";
import { type Greek, greekText } from "../greeks";
import type { Named } from "../grid/cells";
import {
  besideNote,
  besideText,
  COLUMN_OF,
  changeOf,
  currentPrice,
  NOW,
  type RowView,
  receivedAt,
} from "../grid/columns";
import { isCoinPriced } from "../money";
import { nameOf, spelled, timeLeft } from "../names";
import { PickLeg } from "../payoff/PickLeg";
import { type Column, columnValue, Flag } from "../protocol";
import { clockTime } from "../times";
import { volatilityAddress } from "../volatility/address";
import { Icon } from "./Icon";

interface Figure {
  readonly term: string;
  /** What it is a change by, where that is not 1 of the underlying. */
  readonly per?: string;
  readonly text: string;
  readonly title: string;
}

export function Detail(props: { desk: Desk; entry: Named }) {
  const { store } = props.desk;
  const view = (): RowView => {
    props.desk.drawn();
    props.desk.factsVersion();
    const row = store.rows.get(props.entry.instrument);
    const value = (column: Column) => (row ? columnValue(row, store.columns, column) : null);
    return {
      held: row !== undefined,
      facts: store.facts.get(props.entry.instrument),
      refused: store.refusal(props.entry.feed, props.entry.symbol, props.entry.instrument),
      feedNow: props.desk.feedNow(props.entry.feed),
      value,
      has: (flag) => ((value("flags") ?? 0) & flag) !== 0,
    };
  };
  const facts = () => view().facts;
  const tick = () => facts()?.tick ?? 0.01;
  const name = () => nameOf(props.entry.symbol, facts());
  const moved = () => changeOf(view());
  const spread = () => {
    const [bid, ask] = [view().value("bid"), view().value("ask")];
    return bid === null || ask === null ? null : ask - bid;
  };
  const received = () => {
    props.desk.beat();
    const at = receivedAt(view());
    return at === null ? "" : age(props.desk.feedNow(props.entry.feed) - at);
  };
  /** Who computed the greeks and volatilities, and of how old a quote. */
  const computed = () => {
    if (!view().held) return "";
    const who = view().has(Flag.modelGreeks) ? "our model" : "the venue";
    const underlying = view().value("underlying_price");
    const beside = underlying === null ? "" : `, the underlying at ${exact(underlying)}`;
    return `Computed by ${who}; told with the quote of ${received() || "an unknown time"} ago${beside}`;
  };
  const titled = (key: Column, text: string, means: string) => {
    if (text) return `${means}. ${computed()}`;
    if (key === "bid_iv" || key === "ask_iv") {
      const side = key === "bid_iv" ? "bid" : "ask";
      return view().value(side) === null
        ? reason(side)
        : "None is told for this price, nor can one be computed from it";
    }
    return reason(key);
  };
  /** Why that column is blank. */
  const reason = (key: Column) => COLUMN_OF.get(key)?.note?.(view(), "") ?? "Not known";
  const note = (key: "bid" | "ask") => (view().value(key) === null ? reason(key) : undefined);
  const greek = (term: string, key: Column, text: string, means: string, per = ""): Figure => ({
    term,
    per,
    text,
    title: titled(key, text, means),
  });
  const written = (name: Greek) => greekText(name, view().value(name), view().value("underlying_price"));
  const greeks = (): readonly Figure[] => [
    greek("Delta", "delta", fixedOrLess(view().value("delta"), 3), "Price change for 1 of the underlying"),
    greek("Gamma", "gamma", written("gamma"), "Delta change for 1 of the underlying"),
    greek("Theta", "theta", written("theta"), "Price change in a calendar day", "a day"),
    greek("Vega", "vega", written("vega"), "Price change for a point of volatility", "a point"),
    greek("Rho", "rho", written("rho"), "Price change for a point of interest", "a point"),
  ];
  const volatilities = (): readonly Figure[] => [
    greek("Bid", "bid_iv", percent(view().value("bid_iv")), "Implied volatility of the bid, a year"),
    greek(
      "Mark",
      "implied_volatility",
      percent(view().value("implied_volatility")),
      "Implied volatility of the mark, a year",
    ),
    greek("Ask", "ask_iv", percent(view().value("ask_iv")), "Implied volatility of the ask, a year"),
  ];
  const rows = (): readonly [string, string][] => {
    const underlying = view().value("underlying_price");
    return (
      [
        [
          "Mark",
          [price(view().value("mark"), tick()), besideText(view(), view().value("mark"))].join("  ").trim(),
        ],
        ["Spread", price(spread(), tick())],
        ["Last size", count(view().value("last_size"))],
        ["Last trade", view().value("last_time_ms") === null ? "" : clockTime(view().value("last_time_ms")!)],
        ["Volume", count(view().value("volume"))],
        ["Open interest", count(view().value("open_interest"))],
        ["Underlying", fixed(underlying, underlying !== null && underlying < 10 ? 4 : 2)],
        ["Last quote", received() && `${received()} ago`],
      ] as [string, string][]
    ).filter(([, text]) => text !== "");
  };
  const contract = (): readonly [string, string][] =>
    (
      [
        ["Symbol", props.entry.symbol],
        [
          "Expires",
          name().expiry && `${name().expiry} · ${timeLeft(facts(), props.desk.feedNow(props.entry.feed))}`,
        ],
        ["Exercise", facts()?.exercise ?? ""],
        ["Multiplier", facts() ? asIs(facts()!.multiplier) : ""],
        ["Tick", facts() ? `${fixed(tick(), decimals(tick()))} ${facts()!.currency}` : ""],
        ["Feed", props.entry.feed],
      ] as [string, string][]
    ).filter(([, text]) => text !== "");
  /** The chain that the contract is of, or that is on the underlying. */
  const chainLink = () => {
    const { feed, symbol } = props.entry;
    const known = facts();
    if (known?.kind !== "option" || !known.expiry) return props.desk.chain.linkOf(feed, symbol);
    const expiry = known.root ? `${known.expiry.slice(0, 10)}.${known.root}` : known.expiry.slice(0, 10);
    return addressOf(feed, known.underlying, expiry);
  };
  const volatilityLink = () => {
    const { feed, symbol } = props.entry;
    const underlying = facts()?.kind === "option" ? facts()!.underlying : symbol;
    return props.desk.chain.linkOf(feed, underlying) && volatilityAddress(feed, underlying);
  };
  const listed = () => props.desk.entryOf(props.entry);
  const stale = () => ["stale", "down"].includes(props.desk.feeds().get(props.entry.feed)?.health ?? "stale");

  return (
    <aside
      class="detail"
      classList={{ stale: stale() || props.desk.connection().phase !== "open" }}
      data-testid="detail"
    >
      <header>
        <h2>{spelled(name())}</h2>
        <button
          type="button"
          class="icon-button"
          aria-label="Close details"
          title="Close (Esc)"
          onClick={() => props.desk.showDetail(false)}
        >
          <Icon name="close" />
        </button>
      </header>
      <p class="detail-price">
        <span class="big">{price(currentPrice(view()), tick()) || "–"}</span>
        <Show when={facts() && facts()!.currency !== "USD"}>
          <span class="muted">{facts()!.currency}</span>
        </Show>
        <Beside
          view={view()}
          value={currentPrice(view())}
          when={view().value("last") === null ? undefined : NOW}
        />
        <Show when={moved() !== null}>
          <span class="muted">{view().value("last") === null ? "mark" : "last"}</span>
          <span class="moved" classList={{ up: moved()! > 0, down: moved()! < 0 }}>
            {change(moved(), decimals(tick()))}
          </span>
        </Show>
      </p>
      <Show when={facts()?.kind !== "index"}>
        <div class="book" classList={{ crossed: view().has(Flag.crossed) }}>
          <div>
            <span>Bid</span>
            <strong title={note("bid")}>{price(view().value("bid"), tick()) || "–"}</strong>
            <Beside view={view()} value={view().value("bid")} />
            <span>{count(view().value("bid_size"))}</span>
          </div>
          <div>
            <span>Ask</span>
            <strong title={note("ask")}>{price(view().value("ask"), tick()) || "–"}</strong>
            <Beside view={view()} value={view().value("ask")} />
            <span>{count(view().value("ask_size"))}</span>
          </div>
        </div>
      </Show>
      <PickLeg desk={props.desk} entry={props.entry} />
      <ChartPane desk={props.desk} entry={props.entry} />
      <Show when={facts()?.kind === "option"}>
        <h3>
          Greeks
          <span title={computed()} data-testid="greeks-by">
            {view().held ? (view().has(Flag.modelGreeks) ? "our model" : "venue") : ""}
          </span>
        </h3>
        <dl class="facts greeks">
          <Index each={greeks()}>
            {(one) => (
              <div title={one().title}>
                <dt>{one().term}</dt>
                <dd>
                  {one().text || "–"}
                  <span class="per">{one().per}</span>
                </dd>
              </div>
            )}
          </Index>
        </dl>
        <h3>
          Implied volatility <span>percent</span>
        </h3>
        <dl class="facts three">
          <Index each={volatilities()}>
            {(one) => (
              <div title={one().title}>
                <dt>{one().term}</dt>
                <dd>{one().text || "–"}</dd>
              </div>
            )}
          </Index>
        </dl>
      </Show>
      <Facts rows={rows()} />
      <Show when={facts() && facts()!.kind !== "option"}>
        <Expiries desk={props.desk} entry={props.entry} />
      </Show>
      <Show when={facts() && facts()!.kind !== "index"}>
        <Trades desk={props.desk} entry={props.entry} />
      </Show>
      <h3>Contract</h3>
      <Facts rows={contract()} wide />
      <div class="detail-buttons">
        <Show when={props.desk.view() !== "chain" && chainLink()}>
          {(address) => (
            <a class="button" href={address()} data-testid="to-chain">
              Option chain
            </a>
          )}
        </Show>
        <Show when={props.desk.view() !== "volatility" && volatilityLink()}>
          {(address) => (
            <a class="button" href={address()} data-testid="detail-to-volatility">
              Volatility
            </a>
          )}
        </Show>
        <Show
          when={listed()}
          fallback={
            <Show when={props.desk.active()}>
              {(list) => (
                <button
                  type="button"
                  class="button"
                  data-testid="add-to-list"
                  onClick={() => void props.desk.watch(props.entry)}
                >
                  Add to {list().name}
                </button>
              )}
            </Show>
          }
        >
          {(entry) => (
            <button type="button" class="button" onClick={() => void props.desk.removeEntry(entry())}>
              {props.desk.view() !== "list"
                ? `Remove from ${props.desk.active()?.name}`
                : "Remove from this list"}
            </button>
          )}
        </Show>
      </div>
    </aside>
  );
}

/** A coin price in US dollars, in a place that stays where it is not known. */
function Beside(props: { view: RowView; value: number | null; when?: string | undefined }) {
  return (
    <Show when={isCoinPriced(props.view.facts)}>
      <span class="dollars" title={besideNote(props.view, props.value, props.when)}>
        {besideText(props.view, props.value)}
      </span>
    </Show>
  );
}

function Facts(props: { rows: readonly [string, string][]; wide?: boolean }) {
  return (
    <dl class="facts" classList={{ wide: props.wide === true }}>
      <For each={props.rows.map(([term]) => term)}>
        {(term, index) => (
          <div>
            <dt>{term}</dt>
            <dd>{props.rows[index()]?.[1]}</dd>
          </div>
        )}
      </For>
    </dl>
  );
}
