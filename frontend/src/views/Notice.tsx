// One line above the rows, always of the same height, so that nothing moves when it has something to say.
import { Show } from "solid-js";
import type { Desk } from "../desk";
import { clockTime } from "../times";

/** `live` is said while all is well. */
export function Notice(props: { desk: Desk; live: string }) {
  const words = () => props.desk.words();
  const bad = () => words().tone === "bad";
  return (
    <div class="notice" classList={{ bad: bad() }} data-testid="notice" role={bad() ? "alert" : undefined}>
      <Show when={bad()} fallback={<span>{words().tone === "live" ? props.live : words().text}</span>}>
        <strong>{words().text}</strong>
        <Show when={words().since_ms !== null}>
          <span>The values below are as of {clockTime(words().since_ms!)}.</span>
        </Show>
        <Show when={words().hurry}>
          <button type="button" class="link" onClick={() => props.desk.hurry()}>
            Reconnect now
          </button>
        </Show>
      </Show>
    </div>
  );
}
