// A few choices, one of which holds, as buttons side by side.
import { For } from "solid-js";

export function Choice<T extends string>(props: {
  label: string;
  all: readonly (readonly [value: T, text: string, title: string])[];
  chosen: T;
  onChoose: (value: T) => void;
}) {
  return (
    <fieldset class="choices">
      <legend>{props.label}</legend>
      <For each={props.all}>
        {([value, text, title]) => (
          <button
            type="button"
            title={title}
            aria-pressed={props.chosen === value}
            data-testid={`choose-${value}`}
            onClick={() => props.onChoose(value)}
          >
            {text}
          </button>
        )}
      </For>
    </fieldset>
  );
}
