// The expiries of a chain as a strip: day and days left, volatility at the money and expected move.
import { createEffect, For, on, Show } from "solid-js";
import type { Expiry } from "../api";
import type { Desk } from "../desk";
import { addressOf } from "./address";
import { dayText, leftText, moveText, rootText, spokenExpiry, volatilityText } from "./expiry";

export function Navigator(props: { desk: Desk }) {
  const { chain } = props.desk;
  let strip!: HTMLElement;
  const now = () => {
    props.desk.beat();
    return props.desk.feedNow(chain.address()?.feed ?? "");
  };
  // Held by name, so that an answer with new figures writes those alone.
  const names = () => chain.chain()?.expiries.map((one) => one.name) ?? [];
  const of = (name: string) => chain.chain()?.expiries.find((one) => one.name === name);
  const root = (one: Expiry) =>
    rootText(one, chain.chain()?.expiries ?? [], chain.address()?.underlying ?? "");
  createEffect(
    on([() => chain.expiry()?.name, names], () => {
      const chosen = strip.querySelector<HTMLElement>("[aria-current]");
      if (!chosen) return;
      const [left, right] = [chosen.offsetLeft, chosen.offsetLeft + chosen.offsetWidth];
      if (left < strip.scrollLeft || right > strip.scrollLeft + strip.clientWidth)
        strip.scrollLeft = left - (strip.clientWidth - chosen.offsetWidth) / 2;
    }),
  );
  return (
    <nav class="expiries" aria-label="Expiries" ref={strip} data-testid="expiries">
      <For each={names()}>
        {(name) => (
          <Show when={of(name)}>
            {(one) => (
              <a
                href={addressOf(chain.address()?.feed ?? "", chain.address()?.underlying ?? "", name)}
                class={`expiry-link ${one().cycle}`}
                aria-current={chain.expiry()?.name === name ? "page" : undefined}
                title={spokenExpiry(one(), now())}
                data-testid="expiry"
                data-name={name}
              >
                <span class="day">
                  <strong>{dayText(one().expiry, now())}</strong>
                  <span class="left">{leftText(one().expires_at, now())}</span>
                  <Show when={root(one())}>
                    <span class="root">{root(one())}</span>
                  </Show>
                  <Show when={one().cycle !== "daily"}>
                    <span class="cycle">{one().cycle === "monthly" ? "M" : "W"}</span>
                  </Show>
                </span>
                <span class="figures">
                  <span>{volatilityText(one().at_the_money_volatility)}</span>
                  <span>{moveText(one().expected_move)}</span>
                </span>
              </a>
            )}
          </Show>
        )}
      </For>
    </nav>
  );
}
