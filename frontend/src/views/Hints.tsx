// What a new user may try first, in a quiet line at the bottom.
import { createEffect, For, Show } from "solid-js";
import type { Desk } from "../desk";
import { HINTS, type Hint } from "../hints";
import { Icon } from "./Icon";

const WORDS: Readonly<Record<Hint, { readonly keys: readonly string[]; readonly text: string }>> = {
  search: { keys: ["/"], text: "search something" },
  add: { keys: ["w"], text: "add a contract" },
  legs: { keys: ["b", "s"], text: "pick two legs" },
};

export function Hints(props: { desk: Desk }) {
  const { hints } = props.desk;
  const left = () => HINTS.filter((hint) => !hints.isDone(hint));
  createEffect(() => {
    const at = props.desk.at();
    if ((at.view === "chain" || at.view === "payoff") && props.desk.picks.legsOf(at.to).length > 1)
      hints.done("legs");
  });
  return (
    <Show when={left().length}>
      <aside class="hints" aria-label="First steps" data-testid="hints">
        <span class="hints-title">Try</span>
        <ul>
          <For each={left()}>
            {(hint) => (
              <li data-testid={`hint-${hint}`}>
                <span class="by-key">
                  <For each={WORDS[hint].keys}>{(key) => <kbd>{key}</kbd>}</For>
                </span>
                {WORDS[hint].text}
              </li>
            )}
          </For>
        </ul>
        <button
          type="button"
          class="icon-button"
          aria-label="No more hints"
          title="No more hints"
          data-testid="hints-dismiss"
          onClick={() => hints.dismiss()}
        >
          <Icon name="close" />
        </button>
      </aside>
    </Show>
  );
}
