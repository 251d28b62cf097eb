// A position of options: its legs, its cost, its payoff. The address is always the position; quotes are those of the stream.
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show } from "solid-js";
import type { Chain } from "../api";
import { addressOf } from "../chain/address";
import type { Desk } from "../desk";
import { saveCsv } from "../export";
import { decimals, fixed } from "../format";
import { badge } from "../health";
import { isCoinPriced } from "../money";
import type { Domain } from "../plot/scale";
import { written } from "../times";
import { Notice } from "../views/Notice";
import { assess } from "./assessment";
import { Figures } from "./Figures";
import { LegTable } from "./LegTable";
import { contractText, type Leg, MOST_LEGS, readLegs, withPicked } from "./leg";
import { PayoffChart } from "./PayoffChart";
import type { Subject } from "./picks";
import { tableOf } from "./table";
import "./payoff.css";

/** Volatility at the money and forwards are asked for so often. */
const REFRESH_MS = 15_000;
const DAY_MS = 86_400_000;
/** Points that the volatility can be moved by. */
const MOST_SHIFT = 30;
const UNDERLYING = "payoff-underlying";
/** Of a stock one takes as many as a contract is on. */
const SHARES = 100;

export default function PayoffView(props: { desk: Desk }) {
  const { desk } = props;
  const { api, chain, picks, store } = desk;
  const of = createMemo<Subject>(
    (before) => {
      const route = desk.at();
      return route.view === "payoff" ? { feed: route.to.feed, underlying: route.to.underlying } : before;
    },
    { feed: "", underlying: "" },
    { equals: (one, other) => one.feed === other.feed && one.underlying === other.underlying },
  );
  const [problems, setProblems] = createSignal<readonly string[]>([]);
  const [terms, setTerms] = createSignal<Chain | null>(null);
  const [termsProblem, setTermsProblem] = createSignal("");
  const [days, setDays] = createSignal(0);
  const [shift, setShift] = createSignal(0);
  let prices: Domain = [0, 0];
  /** As the address has it. */
  let addressed = "";
  let listed = "";

  // ── The address ─────────────────────────────────────────────────────────────────────────────────────────────────
  createEffect(
    on(desk.at, (route) => {
      if (route.view !== "payoff") return;
      const { legs, problems: wrong } = readLegs(route.to.legs);
      setProblems(wrong);
      // An address without legs is what was picked, but for one that one cleared.
      if (route.to.legs || isCleared()) picks.put(of(), legs);
      addressed = picks.addressOf(of());
      listed = contractsOf(picks.legsOf(of()));
      if (!route.to.legs && !isCleared()) history.replaceState(null, "", addressed);
    }),
  );
  createEffect(
    on(
      () => picks.addressOf(of()),
      (address) => {
        if (address === addressed || desk.view() !== "payoff") return;
        const legs = picks.legsOf(of());
        const state = legs.length ? null : { isCleared: true };
        // Other contracts are a step to come back from; another quantity or price is not.
        if (contractsOf(legs) === listed) history.replaceState(state, "", address);
        else history.pushState(state, "", address);
        addressed = address;
        listed = contractsOf(legs);
        setProblems([]);
      },
    ),
  );

  // ── What is known of the underlying ─────────────────────────────────────────────────────────────────────────────
  let asking = new AbortController();
  const loadTerms = async (): Promise<void> => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const { feed, underlying } = of();
    if (!feed) return;
    try {
      const found = await api.chain(feed, underlying, signal);
      if (signal.aborted) return;
      setTerms(found);
      setTermsProblem("");
      picks.retry(of());
    } catch (error) {
      if (!signal.aborted) setTermsProblem(desk.messageOf(error));
    }
  };
  createEffect(
    on(of, () => {
      setTerms(null);
      setDays(0);
      setShift(0);
      void loadTerms();
    }),
  );
  const refreshing = setInterval(() => {
    if (document.visibilityState === "visible") void loadTerms();
  }, REFRESH_MS);
  onCleanup(() => {
    clearInterval(refreshing);
    asking.abort();
  });

  // Legs bring their underlying with them; its price stands above without legs, too.
  createEffect(
    on(of, ({ feed, underlying }) => {
      if (!feed) return;
      desk.subscribe({ source: UNDERLYING, symbols: [`${feed}.${underlying}`] });
      onCleanup(() => desk.unsubscribe(UNDERLYING));
    }),
  );

  const spot = () => {
    desk.beat();
    return chain.priceOf(of().feed, of().underlying) ?? terms()?.underlying_price ?? null;
  };
  const places = () => {
    const id = chain.idOf(of().feed, of().underlying);
    return Math.max(2, decimals((id !== undefined && store.facts.get(id)?.tick) || 0.01));
  };
  const views = createMemo(() => {
    desk.beat();
    return picks.viewsOf(of());
  });
  const state = createMemo(() =>
    assess(views(), spot(), desk.feedNow(of().feed), terms(), { days: days(), shift: shift() / 100 }),
  );
  const legs = () => picks.legsOf(of());
  const hasLegs = createMemo(() => legs().length > 0);
  const stale = () => {
    desk.beat();
    return ["bad", "busy"].includes(desk.words().tone);
  };

  // ── Changes ─────────────────────────────────────────────────────────────────────────────────────────────────────
  const change = (index: number, leg: Leg) => picks.put(of(), legs().with(index, leg));
  const clear = () => {
    const [subject, before] = [of(), legs()];
    picks.put(subject, []);
    desk.toast(`Cleared the position on ${subject.underlying}`, false, () => picks.put(subject, before));
  };
  const addUnderlying = () => {
    const isStock = store.facts.get(chain.idOf(of().feed, of().underlying) ?? -1)?.kind === "stock";
    const leg: Leg = { kind: "underlying", quantity: isStock ? SHARES : 1, price: "market" };
    const added = withPicked(legs(), leg);
    if (added) picks.put(of(), added);
    else desk.toast(`A position has at most ${MOST_LEGS} legs.`, true);
  };
  const copy = async () => {
    const link = new URL(picks.addressOf(of()), window.location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      desk.toast("Copied the link: it opens the same legs", false);
    } catch {
      // A page without https may not write there.
      desk.toast("This browser does not let the page copy: the link is in the address bar", true);
    }
  };
  const save = () => {
    const { header, rows } = tableOf(views(), state(), prices, of().underlying);
    saveCsv(`${of().underlying}-payoff.csv`, header, rows);
  };
  onMount(() => onCleanup(desk.onExport(() => hasLegs() && save())));

  // ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────
  const chainLink = () => {
    const leg = legs().find((one) => one.kind === "option");
    if (leg?.kind !== "option") return addressOf(of().feed, of().underlying);
    const root = leg.root ?? of().underlying;
    return addressOf(of().feed, of().underlying, `${leg.expiry}.${root}`);
  };
  const badges = () => {
    desk.beat();
    const status = desk.feeds().get(of().feed);
    if (!status) return desk.missingFeeds().map((one) => `${one} · not running`);
    return [badge(status.kind, desk.feedNow(of().feed))].filter(Boolean);
  };
  const daysLeft = () => {
    const { first_ms } = state();
    const now = desk.feedNow(of().feed);
    return first_ms === null || Number.isNaN(now) ? 0 : Math.max(0, (first_ms - now) / DAY_MS);
  };
  const dayStep = () => (daysLeft() > 3 ? 1 : 1 / 24);
  const mostDays = () => Math.ceil(daysLeft() / dayStep()) * dayStep();
  const moment = (ms: number) => {
    const day = { day: "numeric", month: "short" } as const;
    return written(ms, daysLeft() > 3 ? day : { ...day, hour: "2-digit", minute: "2-digit" });
  };
  const when = () => {
    const date = days() === 0 ? "now" : `on ${moment(state().at_ms)}`;
    return shift() === 0 ? date : `${date} at IV ${shiftText(shift())}`;
  };
  const live = () => {
    const count = legs().length;
    const { first_ms } = state();
    const parts = [`${count} ${count === 1 ? "leg" : "legs"}`];
    if (first_ms !== null) parts.push(`first expiry ${moment(first_ms)}`);
    return parts.join(", ");
  };
  const isLater = () => {
    const { position, first_ms } = state();
    return (
      typeof position !== "string" &&
      position.some((leg) => leg.option !== null && leg.option.expires_ms !== first_ms)
    );
  };
  const isCoin = () => views().some((view) => isCoinPriced(view.facts));
  const blank = () => {
    const { position, outcome, withoutTime, atTime } = state();
    if (typeof position === "string") return position;
    if (state().spot === null) return "The underlying has no price yet";
    return typeof outcome === "string" && !atTime ? outcome || withoutTime : "";
  };

  return (
    <main class="payoff-panel" classList={{ stale: stale() }} data-testid="payoff">
      <div class="heading payoff-head">
        <h1>{of().underlying} payoff</h1>
        <span class="spot" data-testid="payoff-spot">
          {fixed(spot(), places())}
        </span>
        <For each={badges()}>{(text) => <span class="badge">{text}</span>}</For>
        <div class="heading-tools payoff-tools">
          <a class="button" href={chainLink()} data-testid="payoff-chain">
            {"Option\u00a0chain"}
          </a>
          <Show when={hasLegs()}>
            <button type="button" class="button" data-testid="copy-link" onClick={() => void copy()}>
              Copy link
            </button>
            <button
              type="button"
              class="button"
              title="Save the legs and the curve as CSV (e)"
              data-testid="save-csv"
              onClick={save}
            >
              CSV
            </button>
            <button type="button" class="button" data-testid="payoff-clear" onClick={clear}>
              Clear
            </button>
          </Show>
        </div>
      </div>
      <Notice desk={desk} live={live()} />
      <div class="payoff-body">
        <Show when={problems().length || termsProblem()}>
          <ul class="payoff-problems" role="alert" data-testid="payoff-problems">
            <For each={[...problems(), ...(termsProblem() ? [termsProblem()] : [])]}>
              {(text) => <li>{text}</li>}
            </For>
          </ul>
        </Show>
        <Show
          when={hasLegs()}
          fallback={
            <div class="blank" data-testid="payoff-empty">
              <h3>No leg is picked yet</h3>
              <p>
                In the option chain <kbd>b</kbd> buys and <kbd>s</kbd> sells the contract under the cursor;
                with <em>Pick legs</em> a click on a bid sells, on an ask buys.
              </p>
              <a class="button primary" href={chainLink()}>
                To the option chain
              </a>
            </div>
          }
        >
          <LegTable
            underlying={of().underlying}
            views={views()}
            spot={state().spot}
            feedNow={desk.feedNow(of().feed)}
            currency={state().net.currency}
            onChange={change}
            onRemove={(index) => picks.put(of(), legs().toSpliced(index, 1))}
            onAll={(price) =>
              picks.put(
                of(),
                legs().map((leg) => ({ ...leg, price })),
              )
            }
          />
          <p class="payoff-add">
            <button type="button" class="link" data-testid="add-underlying" onClick={addUnderlying}>
              Add the underlying
            </button>
            <a class="link" href={chainLink()}>
              Add from the chain
            </a>
          </p>
          <Figures state={state()} places={places()} when={when()} />
          <div class="payoff-controls">
            <label>
              <span>
                Day <strong data-testid="payoff-day">{days() === 0 ? "now" : moment(state().at_ms)}</strong>
              </span>
              <input
                type="range"
                min="0"
                max={mostDays()}
                step={dayStep()}
                value={days()}
                disabled={daysLeft() === 0}
                aria-valuetext={days() === 0 ? "now" : moment(state().at_ms)}
                data-testid="days"
                onInput={(event) => setDays(Number(event.currentTarget.value))}
              />
            </label>
            <label title="Added to the implied volatility of every leg that has time left">
              <span>
                Volatility <strong data-testid="payoff-shift">{shiftText(shift())}</strong>
              </span>
              <input
                type="range"
                min={-MOST_SHIFT}
                max={MOST_SHIFT}
                step="1"
                value={shift()}
                aria-valuetext={shiftText(shift())}
                data-testid="shift"
                onInput={(event) => setShift(Number(event.currentTarget.value))}
              />
            </label>
            <button
              type="button"
              class="link"
              disabled={days() === 0 && shift() === 0}
              onClick={() => {
                setDays(0);
                setShift(0);
              }}
            >
              Back to now
            </button>
            <ul class="payoff-legend" aria-hidden="true">
              <li class="of-expiry">{state().first_ms === null ? "Profit" : "At expiry"}</li>
              <Show when={state().first_ms !== null}>
                <li class="of-time">
                  {days() === 0 ? when().replace("now", "Now") : when().replace("on ", "On ")}
                </li>
              </Show>
              <li class="of-spot">Price now</li>
            </ul>
          </div>
          <section class="payoff-chart" aria-label="Chart of the payoff">
            <PayoffChart
              state={state()}
              places={places()}
              when={when()}
              underlying={of().underlying}
              onPrices={(shown) => {
                prices = shown;
              }}
            />
            <Show when={blank()}>
              <p class="payoff-blank" data-testid="payoff-blank">
                {blank()}
              </p>
            </Show>
          </section>
          <p class="payoff-notes">
            Options are valued as European ones, without dividends; an American one can be worth more before
            it expires.
            <Show when={isLater()}>
              {" "}
              What expires later than the first leg is valued on that day by Black-76, each with its own
              implied volatility of now{shift() === 0 ? "" : `, ${shiftText(shift())}`}.
            </Show>
            <Show when={isCoin()}>
              {" "}
              Prices in {firstCoin(views().map((view) => view.facts?.currency ?? "USD"))} count with the price
              of the underlying now; all sums are in US dollars, and at expiry an option is worth its
              difference to the strike in US dollars.
            </Show>
            <Show when={state().withoutTime && typeof state().position !== "string"}>
              {" "}
              {state().withoutTime}.
            </Show>
          </p>
        </Show>
      </div>
    </main>
  );
}

/** `+5`, `−3`, `± 0`: points of volatility. */
function shiftText(points: number): string {
  return points === 0 ? "± 0" : `${points < 0 ? "−" : "+"}${Math.abs(points)}`;
}

function firstCoin(currencies: readonly string[]): string {
  return currencies.find((one) => one !== "USD") ?? "";
}

/** Whether this step of the browser's history is one that emptied the position. */
function isCleared(): boolean {
  return (history.state as { isCleared?: boolean } | null)?.isCleared === true;
}

function contractsOf(legs: readonly Leg[]): string {
  return legs.map(contractText).join();
}
