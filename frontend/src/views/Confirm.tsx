// A question before something that cannot be undone.
import { createEffect } from "solid-js";

export function Confirm(props: {
  open: boolean;
  title: string;
  text: string;
  action: string;
  onClose: () => void;
  onConfirm: () => void;
}) {
  let dialog!: HTMLDialogElement;
  createEffect(() => {
    if (props.open) dialog.showModal();
    else dialog.close();
  });
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="confirm-title" onClose={() => props.onClose()}>
      <h2 id="confirm-title">{props.title}</h2>
      <p>{props.text}</p>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => props.onClose()}>
          Cancel
        </button>
        <button
          type="button"
          class="button danger"
          data-testid="confirm"
          onClick={() => {
            props.onConfirm();
            props.onClose();
          }}
        >
          {props.action}
        </button>
      </div>
    </dialog>
  );
}
