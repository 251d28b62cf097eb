// One watchlist, one's own or another's: its name, the feeds' badges, the line of words about its data, the grid.
import { createSignal, For, Match, onCleanup, onMount, Show, Switch } from "solid-js";
import type { Desk } from "../desk";
import { badge } from "../health";
import { ListMenu } from "../lists/ListMenu";
import { ListTools } from "../lists/ListTools";
import { feedsOf, shownCount } from "../lists/lines";
import { zoneName } from "../times";
import { Confirm } from "./Confirm";
import { DetailToggle } from "./DetailToggle";
import { Icon } from "./Icon";
import { Notice } from "./Notice";

/** How often a page without a list looks for one: an example is made when a feed has first said what it lists. */
const LOOK_MS = 5000;

export function Panel(props: { desk: Desk; onSearch: () => void }) {
  let host!: HTMLDivElement;
  onMount(() => props.desk.mountGrid(host));
  const isShared = () => props.desk.view() === "shared";
  const empty = () => props.desk.current()?.items.length === 0;
  const without = () => props.desk.watchlists()?.length === 0;
  const live = () => {
    const list = props.desk.current();
    if (!list) return "";
    const shown = shownCount(list.items);
    const count = shown === 1 ? "1 symbol" : `${shown} symbols`;
    return `${count}, times in ${zoneName()}`;
  };
  return (
    <main class="panel" hidden={!["list", "shared"].includes(props.desk.view())}>
      <Show
        when={isShared()}
        fallback={
          <Show when={props.desk.active()} fallback={<div class="heading" />}>
            <Heading desk={props.desk} />
          </Show>
        }
      >
        <SharedHeading desk={props.desk} />
      </Show>
      <div class="list-line">
        <Notice desk={props.desk} live={live()} />
        <Show when={props.desk.current() && !empty()}>
          <ListTools desk={props.desk} />
        </Show>
      </div>
      <div
        class="grid"
        classList={{ hidden: !props.desk.current() || empty() }}
        ref={host}
        role="grid"
        tabIndex={0}
        data-testid="grid"
        aria-label={props.desk.current()?.name ?? "Watchlist"}
      />
      <Switch>
        <Match when={isShared() && !props.desk.shared()}>
          <div class="blank" data-testid="shared-problem">
            <Show
              when={props.desk.sharedProblem()}
              fallback={<p class="muted">Loading the shared watchlist…</p>}
            >
              <h3>This link leads to no watchlist</h3>
              <p>{props.desk.sharedProblem()}</p>
            </Show>
          </div>
        </Match>
        <Match when={isShared() && empty()}>
          <div class="blank">
            <h3>Nothing in this list now</h3>
          </div>
        </Match>
        <Match when={isShared()}>{null}</Match>
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
            <div class="blank-buttons">
              <button type="button" class="button primary" onClick={props.onSearch}>
                Add a symbol
              </button>
              <button
                type="button"
                class="button"
                onClick={() => props.desk.ask({ what: "paste", text: "" })}
              >
                Paste symbols
              </button>
            </div>
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
      <Badges desk={props.desk} />
      <Show when={list().share_key}>
        <button
          type="button"
          class="badge"
          data-testid="shared-badge"
          onClick={() => props.desk.ask({ what: "share" })}
        >
          shared
        </button>
      </Show>
      <div class="heading-tools">
        <ListMenu desk={props.desk} />
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
        <DetailToggle desk={props.desk} of="the selected contract" />
      </div>
      <Confirm
        open={deleting()}
        title={`Delete “${list().name}”?`}
        text={`Its ${list().items.length} entries go with it. This cannot be undone.`}
        action="Delete"
        onClose={() => setDeleting(false)}
        onConfirm={() => void props.desk.deleteList(list().id)}
      />
    </div>
  );
}

function SharedHeading(props: { desk: Desk }) {
  return (
    <div class="heading">
      <h1 data-testid="watchlist-name">{props.desk.shared()?.name}</h1>
      <Show when={props.desk.shared()}>
        {(list) => (
          <>
            <span class="muted shared-by">shared by {list().owner}</span>
            <Badges desk={props.desk} />
            <div class="heading-tools">
              <button
                type="button"
                class="button"
                data-testid="copy-shared"
                onClick={() => void props.desk.copyShared()}
              >
                Copy to my lists
              </button>
            </div>
          </>
        )}
      </Show>
    </div>
  );
}

/** What to know of the feeds of the list on the screen. */
function Badges(props: { desk: Desk }) {
  const badges = () => {
    props.desk.beat();
    const feeds = feedsOf(props.desk.current()?.items ?? []);
    const shown = props.desk
      .shownFeeds()
      .filter((status) => feeds.includes(status.feed))
      .map((status) => badge(status.kind, props.desk.feedNow(status.feed)));
    const missing = feeds.length ? props.desk.missingFeeds() : [];
    return [...shown, ...missing.map((feed) => `${feed} · not running`)];
  };
  return (
    <For each={[...new Set(badges().filter(Boolean))]}>
      {(text) => (
        <span class="badge" data-testid="badge" title={text}>
          {text}
        </span>
      )}
    </For>
  );
}
