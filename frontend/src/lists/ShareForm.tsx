// The link by which others read a watchlist: made, copied, withdrawn.
import { createSignal, Show } from "solid-js";
import type { Desk } from "../desk";

export function ShareForm(props: { desk: Desk }) {
  const [said, setSaid] = createSignal("");
  let field: HTMLInputElement | undefined;
  const link = () => {
    const key = props.desk.active()?.share_key;
    return key ? `${window.location.origin}/#shared/${key}` : "";
  };
  const copy = async () => {
    field?.select();
    try {
      await navigator.clipboard.writeText(link());
      setSaid("Copied.");
    } catch {
      // A page without https may not write there; the link is selected.
      setSaid("Press Ctrl C to copy it.");
    }
  };
  return (
    <div class="fields">
      <Show
        when={link()}
        fallback={
          <>
            <p class="muted">
              Whoever has the link and an account here can read this list, live, as it is at any time. They
              cannot change it.
            </p>
            <div class="dialog-buttons">
              <button type="button" class="button" onClick={() => props.desk.ask(null)}>
                Cancel
              </button>
              <button
                type="button"
                class="button primary"
                data-testid="share"
                onClick={() => void props.desk.shareList(true)}
              >
                Make a link
              </button>
            </div>
          </>
        }
      >
        <label class="field">
          <span>Link</span>
          <input ref={field} readonly value={link()} data-testid="share-link" />
        </label>
        <p class="muted" role="status">
          {said() || "Who has it and an account here can read this list. Withdrawn, it leads nowhere."}
        </p>
        <div class="dialog-buttons">
          <button
            type="button"
            class="button danger"
            data-testid="withdraw"
            onClick={() => void props.desk.shareList(false)}
          >
            Withdraw
          </button>
          <button type="button" class="button primary" onClick={() => void copy()}>
            Copy the link
          </button>
        </div>
      </Show>
    </div>
  );
}
