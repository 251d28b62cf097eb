// Recent trades in the details: the stored ones, asked for again and again, or those that the quotes named.
import { createEffect, createSignal, Index, on, onCleanup, Show } from "solid-js";
import type { Desk } from "../desk";
import { count, price } from "../format";
import type { Named } from "../grid/cells";
import { columnValue, type Row } from "../protocol";
import { clockTime, zoneName } from "../times";
import { MOST, stored, type Trade, withLast } from "./trades";
import "./detail.css";

const AGAIN_MS = 5_000;

export function Trades(props: { desk: Desk; entry: Named }) {
  const { desk } = props;
  const [told, setTold] = createSignal<readonly Trade[]>([]);
  const [seen, setSeen] = createSignal<readonly Trade[]>([]);
  const [problem, setProblem] = createSignal("");
  const look = (row: Row | undefined) => {
    if (!row) return;
    const value = (column: "last" | "last_time_ms" | "last_size") =>
      columnValue(row, desk.store.columns, column);
    setSeen((held) => withLast(held, value("last"), value("last_time_ms"), value("last_size")));
  };
  createEffect(
    on(
      () => props.entry.instrument,
      (instrument) => {
        const { feed, symbol } = props.entry;
        const abort = new AbortController();
        let timer: ReturnType<typeof setTimeout> | undefined;
        setTold([]);
        setSeen([]);
        setProblem("");
        look(desk.store.rows.get(instrument));
        const unwatch = desk.watchRows((id, row) => id === instrument && look(row));
        const ask = async () => {
          if (document.visibilityState === "visible") {
            try {
              const found = await desk.api.trades(`${feed}.${symbol}`, MOST, abort.signal);
              setTold(stored(found));
              setProblem("");
            } catch (error) {
              if (abort.signal.aborted) return;
              setProblem(desk.messageOf(error));
            }
          }
          timer = setTimeout(() => void ask(), AGAIN_MS);
        };
        void ask();
        onCleanup(() => {
          abort.abort();
          clearTimeout(timer);
          unwatch();
        });
      },
    ),
  );
  const shown = () => (told().length ? told() : seen());
  const tick = () => {
    desk.factsVersion();
    return desk.store.facts.get(props.entry.instrument)?.tick ?? 0.01;
  };
  const note = () => {
    if (problem()) return `Not asked for again: ${problem()}`;
    return told().length
      ? `As the venue tells each, times in ${zoneName()}`
      : "As quotes named them while you looked: trades between two quotes are missing";
  };
  return (
    <Show when={shown().length}>
      <h3>Trades</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has nothing in it that takes the keyboard. */}
      <div class="trades" tabIndex={0} role="region" aria-label="Recent trades">
        <table data-testid="trades" data-source={told().length ? "stored" : "quotes"}>
          <thead class="unseen">
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Price</th>
              <th scope="col">Size</th>
            </tr>
          </thead>
          <tbody>
            <Index each={shown()}>
              {(trade) => (
                <tr data-at={trade().at_ms} data-price={trade().price}>
                  <td>{clockTime(trade().at_ms)}</td>
                  <td>{price(trade().price, tick())}</td>
                  <td>{count(trade().size)}</td>
                </tr>
              )}
            </Index>
          </tbody>
        </table>
      </div>
      <p class="detail-note">{note()}</p>
    </Show>
  );
}
