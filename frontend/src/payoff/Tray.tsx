// The legs that are picked on a chain's underlying, at the chain's foot, with what they cost now.
import { createMemo, Index, Show } from "solid-js";
import type { Desk } from "../desk";
import type { Subject } from "./picks";
import { netOf } from "./quoted";
import { contractName, netText, sizeText } from "./words";
import "./tray.css";

export function Tray(props: { desk: Desk; of: Subject }) {
  const { chain, picks } = props.desk;
  const legs = createMemo(() => picks.legsOf(props.of));
  const net = createMemo(() => {
    props.desk.beat();
    return netOf(picks.viewsOf(props.of), chain.priceOf(props.of.feed, props.of.underlying));
  });
  const clear = () => {
    const { of } = props;
    const before = picks.legsOf(of);
    picks.put(of, []);
    props.desk.toast(`Cleared the position on ${of.underlying}`, false, () => picks.put(of, before));
    chain.focus();
  };
  return (
    <Show when={legs().length || chain.picking()}>
      <section class="tray" aria-label="Position" data-testid="tray">
        <Show
          when={legs().length}
          fallback={<p class="muted">Click a bid to sell one, an ask to buy one; with Shift ten.</p>}
        >
          <ul class="tray-legs">
            <Index each={legs()}>
              {(leg) => (
                <li data-testid="tray-leg">
                  <strong class={leg().quantity < 0 ? "sold" : "bought"}>{sizeText(leg().quantity)}</strong>{" "}
                  {contractName(leg(), props.of.underlying)}
                </li>
              )}
            </Index>
          </ul>
          <p class="tray-net" data-testid="tray-net" title={net().reason || undefined}>
            {netText(net())}
          </p>
          <div class="tray-buttons">
            <a
              class="button primary"
              href={picks.addressOf(props.of)}
              title="What the position is worth by the underlying’s price (o)"
              data-testid="to-payoff"
            >
              Payoff
            </a>
            <button type="button" class="button" data-testid="clear-legs" onClick={clear}>
              Clear
            </button>
          </div>
        </Show>
      </section>
    </Show>
  );
}
