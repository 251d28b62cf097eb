// The user's watchlists, and the underlyings that have a chain: at the left, or as tabs on a narrow page.
import { createSignal, For, Show } from "solid-js";
import type { Underlying } from "../api";
import { addressOf } from "../chain/address";
import type { Desk } from "../desk";
import { decimals, fixed } from "../format";
import { shownCount } from "../lists/lines";
import { Icon } from "./Icon";

/** So many chains are listed; the search leads to all. */
const MOST_CHAINS = 60;

export function Rail(props: { desk: Desk }) {
  const [making, setMaking] = createSignal(false);
  const lists = () => props.desk.watchlists() ?? [];
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = String(new FormData(form).get("name") ?? "").trim();
    if (name && (await props.desk.createList(name))) setMaking(false);
  };
  return (
    <nav class="rail" aria-label="Watchlists and chains">
      <h2 class="rail-title">Watchlists</h2>
      <ul data-testid="watchlists">
        <For each={lists()}>
          {(list) => (
            <li>
              <a
                href={`#list-${list.id}`}
                aria-current={
                  props.desk.view() === "list" && props.desk.activeId() === list.id ? "page" : undefined
                }
                data-testid="watchlist"
              >
                <span class="list-name">{list.name}</span>
                <span class="count">{shownCount(list.items)}</span>
              </a>
            </li>
          )}
        </For>
      </ul>
      <Show
        when={making()}
        fallback={
          <button
            type="button"
            class="new-list"
            aria-label="New watchlist"
            data-testid="new-watchlist"
            onClick={() => setMaking(true)}
          >
            <Icon name="plus" />
            <span>New watchlist</span>
          </button>
        }
      >
        <form class="new-list-form" onSubmit={submit}>
          <input
            ref={(input) => queueMicrotask(() => input.focus())}
            name="name"
            maxLength={80}
            required
            placeholder="Name"
            aria-label="Name of the new watchlist"
            autocomplete="off"
            data-testid="new-watchlist-name"
            onKeyDown={(event) => event.key === "Escape" && setMaking(false)}
            onBlur={(event) => !event.currentTarget.value.trim() && setMaking(false)}
          />
        </form>
      </Show>
      <Show when={props.desk.chain.underlyings().length}>
        <h2 class="rail-title">Chains</h2>
        <ul data-testid="chains">
          <For each={props.desk.chain.underlyings().slice(0, MOST_CHAINS)}>
            {(one) => (
              <li>
                <ChainLink desk={props.desk} of={one} />
              </li>
            )}
          </For>
        </ul>
      </Show>
    </nav>
  );
}

function ChainLink(props: { desk: Desk; of: Underlying }) {
  const { chain, store } = props.desk;
  const isShown = () =>
    chain.address()?.feed === props.of.feed && chain.address()?.underlying === props.of.underlying;
  const price = () => {
    props.desk.beat();
    const { feed, underlying } = props.of;
    const tick = store.facts.get(chain.idOf(feed, underlying) ?? -1)?.tick;
    return tick === undefined ? "" : fixed(chain.priceOf(feed, underlying), decimals(tick));
  };
  return (
    <a
      href={addressOf(props.of.feed, props.of.underlying)}
      aria-current={isShown() ? "page" : undefined}
      title={`${props.of.expiries} expiries, ${props.of.options} options, ${props.of.feed}`}
      data-testid="chain-link"
      onClick={(event) => {
        // The chain that is shown stays as it is.
        if (isShown()) event.preventDefault();
      }}
    >
      <span class="list-name">{props.of.underlying}</span>
      <span class="chain-price">{price()}</span>
    </a>
  );
}
