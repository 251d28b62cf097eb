// The user's watchlists: at the left, or as tabs on a narrow page.
import { createSignal, For, Show } from "solid-js";
import type { Desk } from "../desk";
import { Icon } from "./Icon";

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
    <nav class="rail" aria-label="Watchlists">
      <h2 class="rail-title">Watchlists</h2>
      <ul data-testid="watchlists">
        <For each={lists()}>
          {(list) => (
            <li>
              <a
                href={`#list-${list.id}`}
                aria-current={props.desk.activeId() === list.id ? "page" : undefined}
                data-testid="watchlist"
              >
                <span class="list-name">{list.name}</span>
                <span class="count">{list.entries.length}</span>
              </a>
            </li>
          )}
        </For>
      </ul>
      <Show
        when={making()}
        fallback={
          <button type="button" class="new-list" data-testid="new-watchlist" onClick={() => setMaking(true)}>
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
    </nav>
  );
}
