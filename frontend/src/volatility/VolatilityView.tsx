// An underlying's volatility: by expiry, by strike, both as a map, and what is traded and open.
import { createMemo, For, onCleanup, Show } from "solid-js";
import { addressOf } from "../chain/address";
import type { Desk } from "../desk";
import { decimals, fixed } from "../format";
import { badge } from "../health";
import { clockTime, zoneName } from "../times";
import { Notice } from "../views/Notice";
import type { VolatilityAddress } from "./address";
import { InterestPane } from "./InterestPane";
import { SmilePane } from "./SmilePane";
import { SurfacePane } from "./SurfacePane";
import { TermPane } from "./TermPane";
import { createVolatility, TABS, type Tab } from "./volatility";
import "../chart/chart.css";
import "./volatility.css";

const NAMES: Readonly<Record<Tab, string>> = {
  term: "Term structure",
  smiles: "Smiles",
  surface: "Surface",
  interest: "Open interest",
};

export default function VolatilityView(props: { desk: Desk }) {
  // By its words, so that the same address again leaves all as it is.
  const key = createMemo(() => {
    const at = props.desk.at();
    return at.view === "volatility" ? `${at.to.feed}/${at.to.underlying}` : "";
  });
  const to = () => {
    const at = props.desk.at();
    return at.view === "volatility" ? at.to : null;
  };
  return (
    <Show when={key()} keyed>
      <Underlying desk={props.desk} to={to()!} />
    </Show>
  );
}

function Underlying(props: { desk: Desk; to: VolatilityAddress }) {
  const { desk, to } = props;
  const state = createVolatility(desk, to);
  onCleanup(state.stop);
  const spot = () => {
    desk.beat();
    return desk.chain.priceOf(to.feed, to.underlying) ?? state.surface()?.underlying_price ?? null;
  };
  const places = () => {
    desk.factsVersion();
    const id = desk.chain.idOf(to.feed, to.underlying);
    return decimals((id !== undefined && desk.store.facts.get(id)?.tick) || 0.01);
  };
  const badges = () => {
    desk.beat();
    const status = desk.feeds().get(to.feed);
    if (!status) return desk.missingFeeds().map((one) => `${one} · not running`);
    return [badge(status.kind, desk.feedNow(to.feed))].filter(Boolean);
  };
  const asOf = () => {
    // RFC 3339 in UTC: the last in order is the newest.
    const newest = state
      .surface()
      ?.expiries.flatMap((one) => one.received_at ?? [])
      .sort()
      .at(-1);
    if (!state.surface()) return "Loading…";
    if (state.problem()) return `Not refreshed: ${state.problem()}`;
    return newest
      ? `Quotes up to ${clockTime(Date.parse(newest))}, ${zoneName()}; asked for every ten seconds`
      : "None of its options has quoted yet";
  };
  const isStale = () =>
    desk.connection().phase !== "open" ||
    ["stale", "down"].includes(desk.feeds().get(to.feed)?.health ?? "stale");
  const tab = () => state.choices().tab;
  const onTabKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = TABS[(TABS.indexOf(tab()) + step + TABS.length) % TABS.length]!;
    state.choose({ tab: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <main class="volatility-panel" data-testid="volatility" data-underlying={to.underlying}>
      <div class="heading chain-head">
        <h1>{to.underlying} volatility</h1>
        <span class="spot" data-testid="volatility-price">
          {fixed(spot(), places())}
        </span>
        <For each={badges()}>{(text) => <span class="badge">{text}</span>}</For>
        <div class="heading-tools">
          <a
            class="button"
            href={addressOf(to.feed, to.underlying)}
            title="Its option chain (v)"
            data-testid="volatility-to-chain"
          >
            Chain
          </a>
        </div>
      </div>
      <Notice desk={desk} live={asOf()} />
      <div class="tabs" role="tablist" aria-label="What is shown" onKeyDown={onTabKey}>
        <For each={TABS}>
          {(name) => (
            <button
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={tab() === name}
              aria-controls="volatility-pane"
              tabIndex={tab() === name ? 0 : -1}
              data-testid={`tab-${name}`}
              onClick={() => state.choose({ tab: name })}
            >
              {NAMES[name]}
            </button>
          )}
        </For>
      </div>
      <div
        class="volatility-body"
        classList={{ stale: isStale() }}
        id="volatility-pane"
        role="tabpanel"
        aria-labelledby={`tab-${tab()}`}
        aria-busy={!state.surface()}
      >
        <Show
          when={state.surface()}
          fallback={
            <Show when={state.problem()}>
              <div class="blank" data-testid="volatility-problem">
                <h3>There is no volatility to show</h3>
                <p>{state.problem()}</p>
                <button type="button" class="button primary" onClick={() => void state.load()}>
                  Try again
                </button>
              </div>
            </Show>
          }
        >
          {(surface) => (
            <>
              <Show when={tab() === "term"}>
                <TermPane desk={props.desk} surface={surface()} />
              </Show>
              <Show when={tab() === "smiles"}>
                <SmilePane desk={desk} state={state} surface={surface()} />
              </Show>
              <Show when={tab() === "surface"}>
                <SurfacePane desk={props.desk} state={state} surface={surface()} />
              </Show>
              <Show when={tab() === "interest"}>
                <InterestPane desk={desk} state={state} surface={surface()} />
              </Show>
            </>
          )}
        </Show>
      </div>
    </main>
  );
}
