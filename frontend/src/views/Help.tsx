// The keys of the page, as the table has them.
import { createEffect, For } from "solid-js";
import { linesOf, type Scope } from "../keys";

const GROUPS: readonly [Scope, string][] = [
  ["page", "Anywhere"],
  ["search", "In the search"],
  ["list", "In a watchlist"],
  ["chain", "In an option chain"],
];

export function Help(props: { open: boolean; onClose: () => void }) {
  let dialog!: HTMLDialogElement;
  createEffect(() => {
    if (props.open) dialog.showModal();
    else dialog.close();
  });
  return (
    <dialog
      ref={dialog}
      class="dialog help"
      aria-labelledby="help-title"
      onClose={() => props.onClose()}
      data-testid="help"
    >
      <h2 id="help-title">Keys</h2>
      <div class="help-groups">
        <For each={GROUPS}>
          {([scope, title]) => (
            <section>
              <h3>{title}</h3>
              <dl class="keys">
                <For each={linesOf(scope)}>
                  {({ keys, text }) => (
                    <div>
                      <dt>
                        <For each={keys}>{(key) => <kbd>{key}</kbd>}</For>
                      </dt>
                      <dd>{text}</dd>
                    </div>
                  )}
                </For>
              </dl>
            </section>
          )}
        </For>
      </div>
      <p class="muted">
        Symbols that are pasted onto a watchlist are added to it. Edges between the parts of the page can be
        dragged, or moved with <kbd>←</kbd> <kbd>→</kbd> once <kbd>Tab</kbd> has reached them.
      </p>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => props.onClose()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
