// A button that opens a box below it; a press elsewhere, or Escape, closes it.
import { createSignal, type JSX, onCleanup, onMount, Show } from "solid-js";

export function Menu(props: {
  button: JSX.Element;
  /** Where the button itself says nothing. */
  label?: string;
  title?: string;
  class?: string;
  testid?: string;
  children: JSX.Element;
}) {
  const [open, setOpen] = createSignal(false);
  let box: HTMLDivElement | undefined;
  let opener!: HTMLButtonElement;
  const away = (event: Event) => {
    if (!box?.contains(event.target as Node)) setOpen(false);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open()) return;
    setOpen(false);
    opener.focus();
    event.stopImmediatePropagation();
  };
  onMount(() => {
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", onKey, true);
  });
  onCleanup(() => {
    document.removeEventListener("pointerdown", away);
    document.removeEventListener("keydown", onKey, true);
  });
  return (
    <div class="menu" ref={box}>
      <button
        ref={opener}
        type="button"
        class={props.class ?? "icon-button"}
        aria-expanded={open()}
        aria-label={props.label}
        title={props.title}
        data-testid={props.testid}
        onClick={() => setOpen(!open())}
      >
        {props.button}
      </button>
      <Show when={open()}>
        {/* biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: buttons in it are pressed, and end it. */}
        <div
          class="popover"
          // A form that is taken away is not sent any more.
          onClick={(event) =>
            (event.target as Element).closest(".menu-item:not([type=submit])") && setOpen(false)
          }
        >
          {props.children}
        </div>
      </Show>
    </div>
  );
}
