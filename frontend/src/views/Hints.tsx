// What a new user may try first, in a quiet line at the bottom: each is a press away from where it is done.
import { createEffect, For, Show } from "solid-js";
import { addressOf } from "../chain/address";
import type { Desk } from "../desk";
import { HINTS, type Hint } from "../hints";
import { Icon } from "./Icon";

const WORDS: Readonly<Record<Hint, { readonly keys: readonly string[]; readonly text: string }>> = {
  search: { keys: ["/"], text: "search something" },
  add: { keys: ["w"], text: "add a contract" },
  legs: { keys: ["b", "s"], text: "pick two legs" },
};

export function Hints(props: { desk: Desk; onSearch: () => void }) {
  const { chain, hints } = props.desk;
  const inChain = () => props.desk.view() === "chain";
  /** The chain of what is in the list on the screen, else of the view's underlying, else the first. */
  const firstChain = (): string | null => {
    const all = chain.underlyings();
    const at = props.desk.at();
    const here = "to" in at ? at.to.underlying : null;
    const listed = new Set(props.desk.active()?.items.map((item) => ("symbol" in item ? item.symbol : "")));
    const found =
      all.find(({ underlying }) => underlying === here) ??
      all.find(({ underlying }) => listed.has(underlying)) ??
      all[0];
    return found ? addressOf(found.feed, found.underlying) : null;
  };
  /** Contracts are added and picked in a chain, where the keys work at once. */
  const follow = (hint: Hint) => {
    if (hint === "search") return props.onSearch();
    const hash = inChain() ? null : firstChain();
    if (hash) props.desk.goTo(hash);
    if (hint === "legs") chain.setPicking(true);
    props.desk.focusGrid();
  };
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
                <button type="button" class="hint" onClick={() => follow(hint)}>
                  <span class="by-key">
                    <For each={WORDS[hint].keys}>{(key) => <kbd>{key}</kbd>}</For>
                  </span>
                  {WORDS[hint].text}
                  <Show when={hint !== "search" && !inChain()}>
                    <span class="hint-where">in a chain</span>
                  </Show>
                </button>
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
