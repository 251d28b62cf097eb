// Many symbols at once: while they are written, what would become of each; then they are taken.
import { createEffect, createSignal, For, on, onCleanup, Show } from "solid-js";
import { ApiError, type Pasted, type PasteReport } from "../api";
import type { Desk } from "../desk";

const PAUSE_MS = 300;
/** Lines of the report that are shown: what cannot be taken comes first. */
const MOST_LINES = 200;

export function PasteForm(props: { desk: Desk; text: string }) {
  const { desk } = props;
  const [text, setText] = createSignal(props.text);
  const [report, setReport] = createSignal<PasteReport | null>(null);
  const [problem, setProblem] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  let abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const check = async () => {
    const list = desk.active();
    abort.abort();
    abort = new AbortController();
    if (!list || !text().trim()) {
      setReport(null);
      return;
    }
    try {
      setReport(await desk.api.paste(list.id, text(), true, abort.signal));
      setProblem("");
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      setReport(null);
      setProblem(error instanceof ApiError ? error.message : "The symbols could not be looked up.");
    }
  };
  createEffect(
    on(text, () => {
      clearTimeout(timer);
      timer = setTimeout(() => void check(), PAUSE_MS);
    }),
  );
  onCleanup(() => {
    clearTimeout(timer);
    abort.abort();
  });

  const take = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy() || !text().trim()) return;
    setBusy(true);
    clearTimeout(timer);
    abort.abort();
    const taken = await desk.paste(text());
    setBusy(false);
    if (!taken) return;
    desk.toast(`Added ${taken.taken} to ${desk.active()?.name}`, false);
    if (!taken.refused) {
      desk.ask(null);
      return;
    }
    // What was not taken stays, to be put right.
    setText(
      taken.results
        .filter((one) => one.outcome === "refused")
        .map((one) => one.text)
        .join("\n"),
    );
  };
  /** Writes the chosen name in place of the one that means several. */
  const choose = (one: Pasted, choice: string) => setText((held) => held.replace(one.text, choice));
  const lines = (): readonly Pasted[] => {
    const results = report()?.results ?? [];
    const refused = results.filter((one) => one.outcome === "refused");
    return [...refused, ...results.filter((one) => one.outcome !== "refused")].slice(0, MOST_LINES);
  };
  return (
    <form onSubmit={take}>
      <textarea
        ref={(area) => queueMicrotask(() => area.focus())}
        rows={6}
        maxLength={65_536}
        spellcheck={false}
        placeholder="ACME, ACME260220C515, ACME  260220C00515000 …"
        aria-label="Symbols, with commas, blanks or line ends between"
        data-testid="paste-text"
        value={text()}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p class="paste-sum" role="status" data-testid="paste-sum">
        <Show when={!problem()} fallback={<span class="bad">{problem()}</span>}>
          <Show
            when={report()}
            fallback={
              <span class="muted">Symbols as they are here, or as brokers and spreadsheets write them.</span>
            }
          >
            {(found) => (
              <>
                <strong>{found().taken}</strong> to add
                <Show when={found().already_there}>, {found().already_there} there already</Show>
                <Show when={found().refused}>
                  , <span class="bad">{found().refused} not</span>
                </Show>
              </>
            )}
          </Show>
        </Show>
      </p>
      <ul class="pasted" data-testid="pasted">
        <For each={lines()}>
          {(one) => (
            <li class={one.outcome} data-testid={`pasted-${one.outcome}`}>
              <span class="given">{one.text}</span>
              <span class="became">
                {one.outcome === "taken" ? one.symbol : one.message}
                <For each={one.choices}>
                  {(choice) => (
                    <button type="button" class="link" onClick={() => choose(one, choice)}>
                      {choice}
                    </button>
                  )}
                </For>
              </span>
            </li>
          )}
        </For>
      </ul>
      <Buttons
        desk={desk}
        action={report()?.taken ? `Add ${report()?.taken}` : "Add"}
        disabled={busy() || !report()?.taken}
      />
    </form>
  );
}

/** Cancel, and what the form is for. */
export function Buttons(props: { desk: Desk; action: string; disabled?: boolean }) {
  return (
    <div class="dialog-buttons">
      <button type="button" class="button" onClick={() => props.desk.ask(null)}>
        Cancel
      </button>
      <button type="submit" class="button primary" disabled={props.disabled} data-testid="dialog-action">
        {props.action}
      </button>
    </div>
  );
}
