// The nearest expiries of an underlying in its details: volatility at the money and expected move, each a way to its chain.
import { createEffect, createSignal, Index, on, onCleanup, Show } from "solid-js";
import type { Chain } from "../api";
import { addressOf } from "../chain/address";
import { dayText, leftText, moveText, spokenExpiry, volatilityText } from "../chain/expiry";
import type { Desk } from "../desk";
import type { Named } from "../grid/cells";
import "./detail.css";

const SHOWN = 4;
const AGAIN_MS = 15_000;

export function Expiries(props: { desk: Desk; entry: Named }) {
  const { desk } = props;
  const [chain, setChain] = createSignal<Chain | null>(null);
  const hasChain = () => desk.chain.linkOf(props.entry.feed, props.entry.symbol) !== null;
  createEffect(
    on([() => props.entry.instrument, hasChain], ([, wanted]) => {
      setChain(null);
      if (!wanted) return;
      const { feed, symbol } = props.entry;
      const abort = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const ask = async () => {
        if (document.visibilityState === "visible") {
          // What is shown stays where an answer does not come: it says of which expiry it is.
          const found = await desk.api.chain(feed, symbol, abort.signal).catch(() => null);
          if (abort.signal.aborted) return;
          if (found) setChain(found);
        }
        timer = setTimeout(() => void ask(), AGAIN_MS);
      };
      void ask();
      onCleanup(() => {
        abort.abort();
        clearTimeout(timer);
      });
    }),
  );
  const now = () => {
    desk.beat();
    return desk.feedNow(props.entry.feed);
  };
  return (
    <Show when={chain()}>
      {(found) => (
        <>
          <h3>
            Nearest expiries <span title="Computed by the server">IV at the money, expected move</span>
          </h3>
          <ul class="nearest" data-testid="nearest-expiries">
            <Index each={found().expiries.slice(0, SHOWN)}>
              {(one) => (
                <li>
                  <a
                    href={addressOf(found().feed, found().underlying, one().name)}
                    title={spokenExpiry(one(), now())}
                    data-name={one().name}
                  >
                    <span>
                      {dayText(one().expiry, now())}{" "}
                      <span class="muted">{leftText(one().expires_at, now())}</span>
                    </span>
                    <span title={one().at_the_money_volatility === null ? NOT_QUOTED : undefined}>
                      {volatilityText(one().at_the_money_volatility) || "–"}
                    </span>
                    <span title={one().expected_move === null ? NOT_QUOTED : undefined}>
                      {moveText(one().expected_move) || "–"}
                    </span>
                  </a>
                </li>
              )}
            </Index>
          </ul>
        </>
      )}
    </Show>
  );
}

const NOT_QUOTED = "Not quoted on both sides of the forward";
