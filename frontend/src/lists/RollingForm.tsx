// What follows the money in a watchlist: of which underlying, which expiry, how many strikes, which rights.
import { For } from "solid-js";
import type { RollingItem, Rule } from "../api";
import type { Desk } from "../desk";
import { RIGHTS, RULES } from "./lines";
import { Buttons } from "./PasteForm";

const MOST_STRIKES = 10;

export function RollingForm(props: { desk: Desk; of: RollingItem | null }) {
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const rule: Rule = {
      underlying: props.of ? `${props.of.feed}.${props.of.underlying}` : String(data.get("underlying")),
      rule: data.get("rule") as Rule["rule"],
      strikes: Number(data.get("strikes")),
      rights: data.get("rights") as Rule["rights"],
    };
    if (await props.desk.saveRolling(props.of, rule)) props.desk.ask(null);
  };
  return (
    <form onSubmit={submit} class="fields">
      <p class="muted">They change by themselves: with the price, and from one expiry to the next.</p>
      <label class="field">
        <span>Underlying</span>
        <select name="underlying" required disabled={props.of !== null} data-testid="rolling-underlying">
          <For
            each={props.desk.chain.underlyings()}
            fallback={<option>{props.of?.underlying ?? "none has options"}</option>}
          >
            {(one) => (
              <option
                value={`${one.feed}.${one.underlying}`}
                selected={props.of?.feed === one.feed && props.of.underlying === one.underlying}
              >
                {one.underlying} · {one.feed}
              </option>
            )}
          </For>
        </select>
      </label>
      <label class="field">
        <span>Expiry</span>
        <select name="rule" data-testid="rolling-rule">
          <For each={RULES}>
            {([value, text]) => (
              <option value={value} selected={props.of?.rule === value}>
                {text}
              </option>
            )}
          </For>
        </select>
      </label>
      <label class="field">
        <span>Strikes each side of the money</span>
        <input
          name="strikes"
          type="number"
          min={0}
          max={MOST_STRIKES}
          required
          value={props.of?.strikes ?? 2}
          data-testid="rolling-strikes"
        />
      </label>
      <label class="field">
        <span>Rights</span>
        <select name="rights" data-testid="rolling-rights">
          <For each={RIGHTS}>
            {([value, text]) => (
              <option value={value} selected={props.of?.rights === value}>
                {text}
              </option>
            )}
          </For>
        </select>
      </label>
      <Buttons desk={props.desk} action={props.of ? "Change" : "Add"} />
    </form>
  );
}
