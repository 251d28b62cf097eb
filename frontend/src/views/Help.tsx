// The keys of the page.
import { createEffect, For } from "solid-js";

const KEYS: readonly [readonly string[], string][] = [
  [["/", "Ctrl K"], "search: add a symbol, or open a chain"],
  [["↑", "↓"], "move in the list; Page Up and Page Down by ten, Home, End"],
  [["Alt ↑", "Alt ↓"], "move the contract up or down in the list"],
  [["Enter"], "details of the contract"],
  [["Delete"], "remove the contract from the list"],
  [["Ctrl V"], "paste symbols into the list"],
  [["[", "]"], "in a chain: the expiry before, the next"],
  [["Home"], "in a chain: to the money; arrows move, Page keys by ten strikes"],
  [["c", "p"], "in a chain: calls, puts"],
  [["w"], "in a chain: add the contract to the list shown last"],
  [["t"], "dark or light"],
  [["?"], "this page"],
  [["Esc"], "close"],
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
      class="dialog"
      aria-labelledby="help-title"
      onClose={() => props.onClose()}
      data-testid="help"
    >
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        <For each={KEYS}>
          {([keys, what]) => (
            <div>
              <dt>
                <For each={keys}>{(key) => <kbd>{key}</kbd>}</For>
              </dt>
              <dd>{what}</dd>
            </div>
          )}
        </For>
      </dl>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => props.onClose()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
