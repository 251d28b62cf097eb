// One watchlist: its name, the feeds' badges, the line of words about its data, the grid.
import { createSignal, For, Match, onCleanup, onMount, Show, Switch } from "solid-js";
import type { Desk } from "../desk";
import { badge } from "../health";
import { Confirm } from "./Confirm";
import { Icon } from "./Icon";
import { Notice, zoneName } from "./Notice";

/** How often a page without a list looks for one: an example is made when a feed has first said what it lists. */
const LOOK_MS = 5000;

export function Panel(props: { desk: Desk; onSearch: () => void }) {
  let host!: HTMLDivElement;
  onMount(() => props.desk.mountGrid(host));
  const empty = () => props.desk.active()?.entries.length === 0;
  const without = () => props.desk.watchlists()?.length === 0;
  const live = () => {
    const list = props.desk.active();
    if (!list) return "";
    const count = list.entries.length === 1 ? "1 symbol" : `${list.entries.length} symbols`;
    return `${count}, times in ${zoneName()}`;
  };
  return (
    <main class="panel" hidden={props.desk.view() !== "list"}>
      <Show when={props.desk.active()} fallback={<div class="heading" />}>
        <Heading desk={props.desk} />
      </Show>
      <Notice desk={props.desk} live={live()} />
      <div
        class="grid"
        classList={{ hidden: !props.desk.active() || empty() }}
        ref={host}
        role="grid"
        tabIndex={0}
        data-testid="grid"
        aria-label={props.desk.active()?.name ?? "Watchlist"}
      />
      <Switch>
        <Match when={props.desk.loadError()}>
          <div class="blank" data-testid="load-error">
            <h3>Your watchlists could not be loaded</h3>
            <p>{props.desk.loadError()}</p>
            <button type="button" class="button primary" onClick={() => void props.desk.load()}>
              Try again
            </button>
          </div>
        </Match>
        <Match when={props.desk.watchlists() === null}>
          <div class="blank" aria-busy="true">
            <p class="muted">Loading your watchlists…</p>
          </div>
        </Match>
        <Match when={without()}>
          <NoWatchlist desk={props.desk} />
        </Match>
        <Match when={empty()}>
          <div class="blank" data-testid="empty-watchlist">
            <h3>Nothing in this list yet</h3>
            <p>
              Search for an underlying or a contract, and add what you want to watch: press <kbd>/</kbd> and
              type.
            </p>
            <button type="button" class="button primary" onClick={props.onSearch}>
              Add a symbol
            </button>
          </div>
        </Match>
      </Switch>
    </main>
  );
}

function NoWatchlist(props: { desk: Desk }) {
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") void props.desk.load();
  }, LOOK_MS);
  onCleanup(() => clearInterval(timer));
  return (
    <div class="blank" data-testid="no-watchlists">
      <h3>No watchlist yet</h3>
      <p>A watchlist is a list of contracts that you follow, live. Make one, and give it a name.</p>
      <button
        type="button"
        class="button primary"
        onClick={() => document.querySelector<HTMLElement>("[data-testid=new-watchlist]")?.click()}
      >
        New watchlist
      </button>
    </div>
  );
}

function Heading(props: { desk: Desk }) {
  const [renaming, setRenaming] = createSignal(false);
  const [deleting, setDeleting] = createSignal(false);
  const list = () => props.desk.active()!;
  const badges = () => {
    props.desk.beat();
    if (list().entries.length === 0) return [];
    const missing = props.desk.missingFeeds();
    const shown = props.desk
      .shownFeeds()
      .filter((status) => list().entries.some((entry) => entry.feed === status.feed))
      .map((status) => badge(status.kind, props.desk.feedNow(status.feed)));
    return [...shown, ...missing.map((feed) => `${feed} · not running`)];
  };
  const rename = async (event: Event, name: string) => {
    event.preventDefault();
    setRenaming(false);
    const wanted = name.trim();
    if (wanted && wanted !== list().name) await props.desk.renameList(list().id, wanted);
  };
  return (
    <div class="heading">
      <Show
        when={renaming()}
        fallback={
          <h1 data-testid="watchlist-name" onDblClick={() => setRenaming(true)}>
            {list().name}
          </h1>
        }
      >
        <input
          class="rename"
          ref={(input) => queueMicrotask(() => input.select())}
          value={list().name}
          maxLength={80}
          aria-label="Name of this watchlist"
          data-testid="rename"
          onBlur={(event) => void rename(event, event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") void rename(event, event.currentTarget.value);
            if (event.key === "Escape") setRenaming(false);
          }}
        />
      </Show>
      <For each={[...new Set(badges().filter(Boolean))]}>
        {(text) => (
          <span class="badge" data-testid="badge">
            {text}
          </span>
        )}
      </For>
      <div class="heading-tools">
        <button
          type="button"
          class="icon-button"
          title="Rename this watchlist"
          aria-label="Rename this watchlist"
          data-testid="rename-watchlist"
          onClick={() => setRenaming(true)}
        >
          <Icon name="edit" />
        </button>
        <button
          type="button"
          class="icon-button"
          title="Delete this watchlist"
          aria-label="Delete this watchlist"
          data-testid="delete-watchlist"
          onClick={() => setDeleting(true)}
        >
          <Icon name="trash" />
        </button>
        <button
          type="button"
          class="icon-button detail-button"
          title="Details of the selected contract (Enter)"
          aria-label="Details of the selected contract"
          aria-pressed={props.desk.detailOpen()}
          data-testid="detail-toggle"
          onClick={() => props.desk.showDetail(!props.desk.detailOpen())}
        >
          <Icon name="panel" />
        </button>
      </div>
      <Confirm
        open={deleting()}
        title={`Delete “${list().name}”?`}
        text={`Its ${list().entries.length} entries go with it. This cannot be undone.`}
        action="Delete"
        onClose={() => setDeleting(false)}
        onConfirm={() => void props.desk.deleteList(list().id)}
      />
    </div>
  );
}
