// A table of the values that a plot or a map shows, shown on demand, and as a file.
import { createSignal, For, Index, onCleanup, onMount, Show } from "solid-js";
import type { Desk } from "../desk";
import { type CsvValue, saveCsv } from "../export";

export interface Sheet {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly header: readonly string[];
  /** As they go into the file: numbers whole, unknown as null. */
  readonly rows: readonly (readonly CsvValue[])[];
}

/** Digits that say no more than a screen has room for; the file has them all. */
const DIGITS = 6;

/** `shown`: the same stands in a table already, only the file is offered. */
export function Values(props: { desk: Desk; sheet: () => Sheet; of: string; shown?: boolean }) {
  const [open, setOpen] = createSignal(false);
  const save = () => {
    const { name, header, rows } = props.sheet();
    saveCsv(`${name}.csv`, header, rows);
  };
  onMount(() => onCleanup(props.desk.onExport(save)));
  return (
    <div class="values">
      <div class="values-buttons">
        <Show when={!props.shown}>
          <button
            type="button"
            class="link"
            aria-expanded={open()}
            data-testid="show-values"
            onClick={() => setOpen(!open())}
          >
            {open() ? "Hide the table" : "Show as a table"}
          </button>
        </Show>
        <button type="button" class="link" data-testid="save-values" onClick={save}>
          Save as CSV
        </button>
      </div>
      <Show when={open()}>
        <div class="values-scroll">
          <table class="values-table" aria-label={props.of} data-testid="values">
            <thead>
              <tr>
                <For each={props.sheet().header}>{(text) => <th scope="col">{text}</th>}</For>
              </tr>
            </thead>
            <tbody>
              <Index each={props.sheet().rows}>
                {(row) => (
                  <tr>
                    <Index each={row()}>
                      {(value) => (
                        <td data-value={value() ?? ""} title={value() === null ? "Not known" : undefined}>
                          {written(value())}
                        </td>
                      )}
                    </Index>
                  </tr>
                )}
              </Index>
            </tbody>
          </table>
        </div>
      </Show>
    </div>
  );
}

function written(value: CsvValue): string {
  return typeof value === "number" ? String(Number(value.toPrecision(DIGITS))) : (value ?? "");
}
