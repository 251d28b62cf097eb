// Which columns the chain shows, and in which order from the strike outwards.
import { For } from "solid-js";
import type { Desk } from "../desk";
import { COLUMN_OF } from "../grid/columns";
import { Icon } from "../views/Icon";
import { OFFERED, USUAL } from "./layout";

export function ColumnChooser(props: { desk: Desk }) {
  const { chain } = props.desk;
  const rest = () => OFFERED.filter((key) => !chain.columns().includes(key));
  const set = (key: string, on: boolean) => {
    const kept = chain.columns().filter((one) => one !== key);
    const next = on ? [...kept, key] : kept;
    if (next.length) chain.showColumns(next);
  };
  const move = (key: string, by: number) => {
    const held = chain.columns();
    const at = held.indexOf(key);
    const to = at + by;
    if (to < 0 || to >= held.length) return;
    chain.showColumns(held.toSpliced(at, 1).toSpliced(to, 0, key));
  };
  const hasRoom = (key: string) => chain.columns().indexOf(key) < chain.fit().shown;
  return (
    <div class="chooser" data-testid="columns">
      <p class="muted">From the strike outwards</p>
      <ul>
        <For each={[...chain.columns()]}>
          {(key, index) => (
            <li>
              <Choice
                name={key}
                checked
                only={chain.columns().length === 1}
                note={hasRoom(key) ? "" : "no room now"}
                onChange={(on) => set(key, on)}
              />
              <button
                type="button"
                class="icon-button up"
                disabled={index() === 0}
                aria-label={`Nearer to the strike: ${nameOf(key)}`}
                title="Nearer to the strike"
                onClick={() => move(key, -1)}
              >
                <Icon name="down" />
              </button>
              <button
                type="button"
                class="icon-button"
                disabled={index() === chain.columns().length - 1}
                aria-label={`Farther from the strike: ${nameOf(key)}`}
                title="Farther from the strike"
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
      <button type="button" class="link" onClick={() => chain.showColumns(USUAL)}>
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
  change_percent: "Change, percent",
  implied_volatility: "IV of the mark",
  bid_iv: "IV of the bid",
  ask_iv: "IV of the ask",
  volume: "Volume",
  open_interest: "Open interest",
};

function nameOf(key: string): string {
  return LONGER[key] ?? COLUMN_OF.get(key)?.header ?? key;
}
