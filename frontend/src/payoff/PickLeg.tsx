// Buy and sell in a contract's details: one of it into the position on its underlying, and the way there.
import { createMemo, Show } from "solid-js";
import type { Desk } from "../desk";
import type { Named } from "../grid/cells";
import { contractText } from "./leg";
import { legFor, type Subject } from "./picks";
import { sizeText } from "./words";
import "./tray.css";

export function PickLeg(props: { desk: Desk; entry: Named }) {
  const { chain, picks, store } = props.desk;
  const leg = createMemo(() => {
    props.desk.factsVersion();
    const facts = store.facts.get(props.entry.instrument);
    return facts ? legFor(facts, 1) : null;
  });
  const of = createMemo((): Subject | null => {
    const { feed, symbol, instrument } = props.entry;
    if (!leg()) return null;
    if (leg()!.kind === "underlying") return chain.linkOf(feed, symbol) ? { feed, underlying: symbol } : null;
    return { feed, underlying: store.facts.get(instrument)!.underlying };
  });
  const held = () => {
    const contract = contractText(leg()!);
    return picks
      .legsOf(of()!)
      .reduce((sum, one) => sum + (contractText(one) === contract ? one.quantity : 0), 0);
  };
  const buttons = [
    ["Buy", 1],
    ["Sell", -1],
  ] as const;
  return (
    <Show when={of()}>
      {(subject) => (
        <fieldset class="pick-leg">
          <legend>
            Position on {subject().underlying}
            <Show when={held() !== 0}>
              <span data-testid="held">{sizeText(held())} of it</span>
            </Show>
          </legend>
          {buttons.map(([text, quantity]) => (
            <button
              type="button"
              class="button"
              title={`${text} one into the position on ${subject().underlying}; with Shift ten`}
              data-testid={`pick-${text.toLowerCase()}`}
              onClick={(event) => picks.pick(props.entry, quantity * (event.shiftKey ? 10 : 1))}
            >
              {text}
            </button>
          ))}
          <Show when={picks.legsOf(subject()).length && props.desk.view() !== "payoff"}>
            <a class="button" href={picks.addressOf(subject())} data-testid="detail-payoff">
              Payoff
            </a>
          </Show>
        </fieldset>
      )}
    </Show>
  );
}
