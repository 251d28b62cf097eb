// How long what is on the screen was under way: three numbers in the bar, and all there is to know of them in a box.
import { For, Show } from "solid-js";
import type { Desk } from "../desk";
import { fixed, latency } from "../format";
import type { Readout, Spread } from "../latency";
import { Menu } from "./Menu";

interface Part {
  readonly key: keyof Readout & `${string}_to_${string}`;
  readonly short: string;
  readonly name: string;
  readonly what: string;
}

const PARTS: readonly Part[] = [
  {
    key: "venue_to_ingest",
    short: "venue",
    name: "Venue to ingest",
    what: "From the venue’s own time of a quote until it reached us. Below zero: the venue’s clock is ahead of ours.",
  },
  {
    key: "ingest_to_server",
    short: "server",
    name: "Ingest to server",
    what: "From there until the server sent it to this page. The wait for the page’s beat is in it.",
  },
  {
    key: "server_to_screen",
    short: "screen",
    name: "Server to screen",
    what: "From the sending until the row was drawn.",
  },
];

export function Latency(props: { desk: Desk }) {
  const readout = () => props.desk.readout();
  const of = (part: Part): Spread | null => readout()[part.key];
  /** What is below the uncertainty of the clock is only known to be below it. */
  const shown = (part: Part, ms: number | undefined): string => {
    const least = part.key === "server_to_screen" ? props.desk.uncertaintyMs() : null;
    return least !== null && ms !== undefined && ms < least ? `< ${latency(least)}` : latency(ms);
  };
  const merged = () => readout().merged;
  return (
    <div class="latency" data-testid="latency">
      <Menu
        class="latency-button"
        title="How long the rows on the screen were under way"
        testid="latency-button"
        button={
          <For each={PARTS}>
            {(part) => (
              <span class={`delay ${part.short}`}>
                <span class="what">{part.short}</span>
                <span class="ms" data-testid={`latency-${part.short}`}>
                  {shown(part, of(part)?.p50)}
                </span>
              </span>
            )}
          </For>
        }
      >
        <div class="latency-panel" data-testid="latency-panel">
          <table>
            <caption>Rows on the screen, last 10 s</caption>
            <thead>
              <tr>
                <th scope="col">
                  <span class="unseen">Part of the way</span>
                </th>
                <th scope="col" title="Half of the rows took no longer">
                  median
                </th>
                <th scope="col" title="All but one in a hundred took no longer">
                  99 %
                </th>
              </tr>
            </thead>
            <tbody>
              <For each={PARTS}>
                {(part) => (
                  <tr title={part.what} data-testid={`delays-${part.short}`}>
                    <th scope="row">{part.name}</th>
                    <td>{shown(part, of(part)?.p50)}</td>
                    <td>{shown(part, of(part)?.p99)}</td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
          <dl>
            <div title="Newer rows of instruments on the screen">
              <dt>Rows a second</dt>
              <dd data-testid="rows-per-second">{fixed(readout().rows_per_second, 0)}</dd>
            </div>
            <div title="Of all rows published meanwhile, those that a newer one overtook before it was sent. None is missing from the history.">
              <dt>Merged into newer ones</dt>
              <dd data-testid="merged">{merged() === null ? "–" : `${fixed(merged()! * 100, 0)} %`}</dd>
            </div>
            <div title="How often the server sends to this page at most; slower while the page is hidden or the server is busy">
              <dt>Beat</dt>
              <dd data-testid="beat">{beatText(props.desk.beatMs())}</dd>
            </div>
            <div title="Half of a round trip to the server: by so much the server’s time, as this page has it, may be wrong, and so the last part of the way">
              <dt>Clock known to</dt>
              <dd data-testid="uncertainty">
                <Show when={props.desk.uncertaintyMs() !== null} fallback="–">
                  ± {latency(props.desk.uncertaintyMs())}
                </Show>
              </dd>
            </div>
          </dl>
          <p class="muted">
            The venue’s time is its own clock’s. The second part compares the clocks of ingest and server, the
            third those of server and browser.
          </p>
        </div>
      </Menu>
    </div>
  );
}

function beatText(ms: number | null): string {
  if (ms === null) return "–";
  return ms === 0 ? "none" : `${ms} ms`;
}
