// Short messages at the bottom: what was done, with a way back, and what was refused.
import { For, Show } from "solid-js";
import type { Desk } from "../desk";
import { Icon } from "./Icon";

export function Toasts(props: { desk: Desk }) {
  return (
    <div class="toasts" role="status" data-testid="toasts">
      <For each={props.desk.toasts()}>
        {(toast) => (
          <div class="toast" classList={{ bad: toast.bad }}>
            <span>{toast.text}</span>
            <Show when={toast.undo}>
              {(undo) => (
                <button
                  type="button"
                  class="link"
                  data-testid="undo"
                  onClick={() => {
                    undo()();
                    props.desk.dismiss(toast.id);
                  }}
                >
                  Undo
                </button>
              )}
            </Show>
            <button
              type="button"
              class="icon-button"
              aria-label="Dismiss"
              onClick={() => props.desk.dismiss(toast.id)}
            >
              <Icon name="close" />
            </button>
          </div>
        )}
      </For>
    </div>
  );
}
