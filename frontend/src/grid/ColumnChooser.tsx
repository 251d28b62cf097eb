// Which columns a list or a chain shows, and in which order.
import { For } from "solid-js";
import { Icon } from "../views/Icon";
import { COLUMN_OF } from "./columns";

export function ColumnChooser(props: {
  columns: readonly string[];
  offered: readonly string[];
  usual: readonly string[];
  /** Where the first one stands, and what moving up and down means there. */
  order: string;
  up: string;
  down: string;
  hasRoom: (key: string) => boolean;
  onChoose: (keys: readonly string[]) => void;
}) {
  const rest = () => props.offered.filter((key) => !props.columns.includes(key));
  const set = (key: string, on: boolean) => {
    const kept = props.columns.filter((one) => one !== key);
    const next = on ? [...kept, key] : kept;
    if (next.length) props.onChoose(next);
  };
  const move = (key: string, by: number) => {
    const held = props.columns;
    const at = held.indexOf(key);
    const to = at + by;
    if (to < 0 || to >= held.length) return;
    props.onChoose(held.toSpliced(at, 1).toSpliced(to, 0, key));
  };
  return (
    <div class="chooser" data-testid="columns">
      <p class="muted">{props.order}</p>
      <ul>
        <For each={[...props.columns]}>
          {(key, index) => (
            <li>
              <Choice
                name={key}
                checked
                only={props.columns.length === 1}
                note={props.hasRoom(key) ? "" : "no room now"}
                onChange={(on) => set(key, on)}
              />
              <button
                type="button"
                class="icon-button up"
                disabled={index() === 0}
                aria-label={`${props.up}: ${nameOf(key)}`}
                title={props.up}
                onClick={() => move(key, -1)}
              >
                <Icon name="down" />
              </button>
              <button
                type="button"
                class="icon-button"
                disabled={index() === props.columns.length - 1}
                aria-label={`${props.down}: ${nameOf(key)}`}
                title={props.down}
                onClick={() => move(key, 1)}
              >
                <Icon name="down" />
              </button>
            </li>
          )}
        </For>
      </ul>
      <ul class="rest">
        <For each={rest()}>
          {(key) => (
            <li>
              <Choice name={key} checked={false} only={false} note="" onChange={(on) => set(key, on)} />
            </li>
          )}
        </For>
      </ul>
      <button type="button" class="link" onClick={() => props.onChoose(props.usual)}>
        The usual columns
      </button>
    </div>
  );
}

function Choice(props: {
  name: string;
  checked: boolean;
  only: boolean;
  note: string;
  onChange: (on: boolean) => void;
}) {
  return (
    <label title={COLUMN_OF.get(props.name)?.title}>
      <input
        type="checkbox"
        checked={props.checked}
        disabled={props.only}
        data-testid={`column-${props.name}`}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      {nameOf(props.name)}
      <span class="muted">{props.note}</span>
    </label>
  );
}

const LONGER: Readonly<Record<string, string>> = {
  bid_size: "Bid size",
  ask_size: "Ask size",
  change: "Change",
  day: "Course of the day",
  change_percent: "Change %",
  implied_volatility: "IV of the mark",
  bid_iv: "IV of the bid",
  ask_iv: "IV of the ask",
  volume: "Volume",
  open_interest: "Open interest",
};

export function nameOf(key: string): string {
  return LONGER[key] ?? COLUMN_OF.get(key)?.header ?? key;
}
