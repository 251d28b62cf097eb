// The surface as a map: a row an expiry, across by delta or by strike as a part of the forward. It is a table, its colours only
// say again what its numbers say.
import { createMemo, For, Index } from "solid-js";
import { addressOf } from "../chain/address";
import type { Desk } from "../desk";
import { percent } from "../format";
import { domainOf } from "../plot/scale";
import { Choice } from "../views/Choice";
import { type Colour, colourAt } from "./colours";
import { type Across, COLUMNS, cellOf, daysOf, ORIGIN, originOf, type Surface } from "./surface";
import { Values } from "./Values";
import type { Volatility } from "./volatility";
import { daysText, expiryName } from "./words";

const ACROSS: readonly (readonly [Across, string, string])[] = [
  ["delta", "Delta", "Across by delta: puts at the left, calls at the right"],
  ["moneyness", "Moneyness", "Across by strike as a part of the forward"],
];
const LEGEND = [0, 0.25, 0.5, 0.75, 1];

export function SurfacePane(props: { desk: Desk; state: Volatility; surface: Surface }) {
  const across = () => props.state.choices().across;
  const columns = () => COLUMNS[across()];
  const rows = createMemo(() =>
    props.surface.expiries.map((expiry) => ({
      expiry,
      cells: columns().map((column) => cellOf(expiry, across(), column)),
    })),
  );
  const domain = () => domainOf(rows().flatMap((row) => row.cells.flatMap((cell) => cell ?? [])));
  const colour = (value: number) => {
    const [low, high] = domain()!;
    return colourAt(high === low ? 0.5 : (value - low) / (high - low));
  };
  const legend = () => {
    const found = domain();
    return found ? LEGEND.map((part) => found[0] + (found[1] - found[0]) * part) : [];
  };
  const sheet = () => ({
    name: `${props.surface.underlying} surface`,
    header: ["expiry", "days_left", ...columns().map((column) => column.name), ...ORIGIN],
    rows: rows().map(({ expiry, cells }) => [
      expiry.name,
      expiry.days_left,
      ...cells,
      ...originOf(props.surface, [expiry]),
    ]),
  });
  return (
    <div class="pane surface-pane">
      <div class="pane-tools">
        <Choice
          label="Across"
          all={ACROSS}
          chosen={across()}
          onChoose={(value) => props.state.choose({ across: value })}
        />
        <div class="heat-legend" role="img" aria-label={legendText(legend())} data-testid="heat-legend">
          <span>{legend().length ? "IV %" : "No volatility is known"}</span>
          <For each={legend()}>
            {(value) => (
              <span
                class="heat-cell"
                style={{ "background-color": colour(value).ground, color: colour(value).text }}
              >
                {percent(value)}
              </span>
            )}
          </For>
        </div>
      </div>
      <div class="table-scroll">
        <table class="heat" data-testid="heat">
          <caption class="unseen">
            Implied volatility of {props.surface.underlying} in percent a year, by expiry and by {across()}
          </caption>
          <thead>
            <tr>
              <th scope="col">Expiry</th>
              <For each={columns()}>
                {(column) => (
                  <th scope="col" title={column.title}>
                    {column.name}
                  </th>
                )}
              </For>
            </tr>
          </thead>
          <tbody>
            <Index each={rows()}>
              {(row) => (
                <tr data-name={row().expiry.name}>
                  <th scope="row">
                    <a href={addressOf(props.surface.feed, props.surface.underlying, row().expiry.name)}>
                      {expiryName(row().expiry)}
                    </a>{" "}
                    <span class="muted">{daysText(daysOf(row().expiry))}</span>
                  </th>
                  <Index each={row().cells}>{(value) => <Cell value={value()} colour={colour} />}</Index>
                </tr>
              )}
            </Index>
          </tbody>
        </table>
      </div>
      <Values desk={props.desk} sheet={sheet} of="Surface" shown />
      <p class="foot-note">
        Percent a year, computed by this page between the strikes that are quoted: linear in delta, or in the
        logarithm of strike over forward. A place beyond the last quoted strike is blank. The whole surface is
        asked for every ten seconds.
      </p>
    </div>
  );
}

function Cell(props: { value: number | null; colour: (value: number) => Colour }) {
  const colour = () => (props.value === null ? null : props.colour(props.value));
  return (
    <td
      classList={{ "heat-cell": props.value !== null }}
      data-value={props.value ?? ""}
      title={props.value === null ? "Not quoted on both sides of this place" : undefined}
      style={{ "background-color": colour()?.ground, color: colour()?.text }}
    >
      {percent(props.value)}
    </td>
  );
}

function legendText(values: readonly number[]): string {
  if (!values.length) return "No volatility is known.";
  return `Colours from dark, ${percent(values[0])} percent, to light, ${percent(values.at(-1))} percent`;
}
