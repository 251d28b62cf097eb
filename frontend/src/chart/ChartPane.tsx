// The chart of one instrument: what it shows is chosen above it, and its state is said where it has nothing to show.
import {
  createEffect,
  createMemo,
  createSignal,
  Match,
  on,
  onCleanup,
  onMount,
  Show,
  Switch,
} from "solid-js";
import type { Desk } from "../desk";
import { count, midText, percent } from "../format";
import type { Named } from "../grid/cells";
import { columnValue, type Row } from "../protocol";
import { zone, zoneName } from "../times";
import { Choice } from "../views/Choice";
import { History, type State } from "./history";
import { type Drawing, type Look, Plot } from "./plot";
import { type Bar, INTERVALS, type Interval, type Price } from "./series";

/** What is kept with the account. */
interface Chosen {
  readonly interval: Interval;
  readonly price: Price;
  readonly drawing: Drawing;
}

const USUAL: Chosen = { interval: "1m", price: "mid", drawing: "candles" };

const PRICES: readonly [Price, string, string][] = [
  ["mid", "Mid", "Middle of bid and ask, where there are both and they do not cross"],
  ["last", "Last", "Price of the last trade, as quoted"],
  [
    "iv",
    "IV",
    "Implied volatility at the end of each bar, in percent a year, as the venue or our model told it",
  ],
];
const DRAWINGS: readonly [Drawing, string, string][] = [
  ["candles", "Candles", "Open, high, low and close of each bar"],
  ["line", "Line", "Close of each bar"],
];

const EMPTY: Readonly<Record<Price, string>> = {
  mid: "No quote with both sides is stored of this time. Bars appear as quotes come in.",
  last: "No trade is known in this time.",
  iv: "No implied volatility is stored of this time. It appears as quotes come in.",
};

export function ChartPane(props: { desk: Desk; entry: Named }) {
  let host!: HTMLDivElement;
  const { settings } = props.desk;
  const kept = () => settings.read("chart", chosenOf, USUAL);
  const [choice, setChoice] = createSignal<Chosen>(kept());
  const interval = createMemo(() => choice().interval);
  onCleanup(settings.onAdopted(() => setChoice(kept())));
  const [state, setState] = createSignal<State>({ phase: "loading" });
  const [hovered, setHovered] = createSignal<Bar | null>(null);
  const [newest, setNewest] = createSignal<Bar | undefined>(undefined);
  const [version, setVersion] = createSignal(0);
  let history: History | null = null;
  let plot: Plot | null = null;
  let isMounted = true;

  const facts = createMemo(() => {
    props.desk.factsVersion();
    return props.desk.store.facts.get(props.entry.instrument);
  });
  const isOption = () => facts()?.kind === "option";
  // An index has no book, so it has no mid; only options have an implied volatility.
  const price = createMemo((): Price => {
    if (facts()?.kind === "index") return "last";
    return choice().price === "iv" && !isOption() ? "mid" : choice().price;
  });
  const look = createMemo((): Look => {
    const tick = facts()?.tick ?? 0.01;
    // Of a bar only the last volatility is stored.
    if (price() === "iv")
      return { price: "iv", drawing: "line", interval: interval(), write: percent, step: 0.001 };
    return {
      price: price(),
      drawing: choice().drawing,
      interval: interval(),
      write: (value) => midText(value, tick),
      step: price() === "mid" ? tick / 2 : tick,
    };
  });

  const choose = (part: Partial<Chosen>) => {
    setChoice({ ...choice(), ...part });
    settings.write("chart", choice());
  };

  /** Draws at most once a frame, however many rows came. */
  const drawing = {
    all: false,
    draw() {
      if (!plot || !history) return;
      if (drawing.all) plot.draw(history.series.bars);
      else plot.drawNewest(history.series.bars);
      drawing.all = false;
      setNewest(history.series.newest);
    },
  };
  const request = (all: boolean) => {
    drawing.all ||= all;
    props.desk.frame.request(drawing);
  };

  const quoteOf = (row: Row) => {
    const { columns } = props.desk.store;
    const venue = columnValue(row, columns, "venue_time_ms");
    return {
      received_ms: venue === null ? Number.NaN : venue + (columnValue(row, columns, "lag_ms") ?? 0),
      bid: columnValue(row, columns, "bid"),
      ask: columnValue(row, columns, "ask"),
      last: columnValue(row, columns, "last"),
      implied_volatility: columnValue(row, columns, "implied_volatility"),
    };
  };

  const begin = (entry: Named, interval: Interval) => {
    const { api, store, feedNow, messageOf } = props.desk;
    const begun = new History(
      interval,
      (from_s, to_s, signal) => api.bars(`${entry.feed}.${entry.symbol}`, interval, from_s, to_s, signal),
      () => ({ now_s: feedNow(entry.feed) / 1000, rate: store.feeds.get(entry.feed)?.clock_rate || 1 }),
      messageOf,
      {
        onBars: () => {
          setVersion((held) => held + 1);
          request(true);
        },
        onNewest: () => request(false),
        onState: setState,
      },
    );
    history = begun;
    void begun.start().then(() => {
      // The row that was there before the chart, in case none follows.
      const held = store.rows.get(entry.instrument);
      if (held && history === begun) begun.live(quoteOf(held));
    });
    return begun;
  };

  onMount(() => {
    const unwatch = props.desk.watchRows((id, row) => {
      if (id === props.entry.instrument) history?.live(quoteOf(row));
    });
    const onVisible = () => {
      if (document.visibilityState === "visible") history?.resume();
    };
    const repaint = () => plot?.paint();
    const theme = new MutationObserver(repaint);
    theme.observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme", "data-colours"],
    });
    createEffect(on(zone, repaint, { defer: true }));
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", repaint);
    document.addEventListener("visibilitychange", onVisible);
    onCleanup(() => {
      isMounted = false;
      unwatch();
      theme.disconnect();
      scheme.removeEventListener("change", repaint);
      document.removeEventListener("visibilitychange", onVisible);
    });
  });

  createEffect(
    on([() => props.entry.instrument, interval], ([, interval]) => {
      setNewest(undefined);
      setHovered(null);
      const begun = begin(props.entry, interval);
      let isWanted = true;
      void Plot.load(
        host,
        look(),
        { onOlder: () => void begun.older(), onHover: setHovered },
        () => isWanted && isMounted,
      ).then(
        (loaded) => {
          if (!loaded) return;
          // Another instrument may have come since it was made: two would stand in one place.
          if (!isWanted || !isMounted) {
            loaded.remove();
            return;
          }
          plot = loaded;
          loaded.change(look());
          request(true);
        },
        () => setState({ phase: "failed", message: "The chart could not be loaded from the server." }),
      );
      onCleanup(() => {
        isWanted = false;
        begun.stop();
        plot?.remove();
        plot = null;
      });
    }),
  );
  createEffect(on(look, (wanted) => plot?.change(wanted), { defer: true }));
  createEffect(
    on(
      () => props.desk.connection().phase,
      (phase, before) => {
        if (phase === "open" && before !== undefined && before !== "silent") history?.resume();
      },
    ),
  );

  const shown = () => hovered() ?? newest();
  const isEmpty = () => {
    version();
    newest();
    return state().phase === "ready" && !history?.series.bars.some((bar) => bar[price()]);
  };
  const late = () => {
    const now = state();
    return now.phase === "ready" ? now.late : null;
  };
  const message = () => {
    const now = state();
    return now.phase === "failed" ? now.message : "";
  };
  const summary = () =>
    `Chart of ${props.entry.symbol}, ${price()}, bars of ${choice().interval}. ${describe(shown(), look())}`;

  return (
    <section
      class="chart"
      aria-label="Chart"
      data-testid="chart"
      data-phase={state().phase}
      // A canvas tells nobody what it shows: the element hands out the bars.
      ref={(section) => Object.assign(section, { bars: () => history?.series.bars ?? [] })}
    >
      <div class="chart-tools">
        <Choice
          label="Length of a bar"
          all={INTERVALS.map((one) => [one, one, `Bars of ${one}`] as const)}
          chosen={choice().interval}
          onChoose={(interval) => choose({ interval })}
        />
        <Show when={facts()?.kind !== "index"}>
          <Choice
            label="Price"
            all={PRICES.filter(([value]) => value !== "iv" || isOption())}
            chosen={price()}
            onChoose={(chosen) => choose({ price: chosen })}
          />
        </Show>
        <Show when={price() !== "iv"}>
          <Choice
            label="Drawn as"
            all={DRAWINGS}
            chosen={choice().drawing}
            onChoose={(chosen) => choose({ drawing: chosen })}
          />
        </Show>
        <button
          type="button"
          class="chart-wide"
          aria-pressed={props.desk.detailWide()}
          title={props.desk.detailWide() ? "Make the chart smaller" : "Make the chart larger"}
          data-testid="chart-wide"
          onClick={() => props.desk.widenDetail(!props.desk.detailWide())}
        >
          {props.desk.detailWide() ? "Smaller" : "Larger"}
        </button>
      </div>
      <p class="chart-legend" data-testid="chart-legend">
        {describe(shown(), look())}
      </p>
      <div class="chart-frame">
        <div class="chart-host" ref={host} role="img" aria-label={summary()} />
        <Switch>
          <Match when={state().phase === "loading"}>
            <p class="chart-blank" aria-busy="true">
              Loading bars…
            </p>
          </Match>
          <Match when={state().phase === "failed"}>
            <div class="chart-blank" role="alert" data-testid="chart-error">
              <p>The chart has no bars: {message()}</p>
              <button type="button" class="button" onClick={() => void history?.start()}>
                Try again
              </button>
            </div>
          </Match>
          <Match when={isEmpty()}>
            <p class="chart-blank" data-testid="chart-empty">
              {EMPTY[price()]}
            </p>
          </Match>
        </Switch>
      </div>
      <p class="chart-foot">
        <Show when={late()} fallback={<span>Times in {zoneName()}</span>}>
          <span class="bad" role="alert">
            The newest bars may be incomplete: {late()}
          </span>
        </Show>
        <a
          href="https://www.tradingview.com/"
          target="_blank"
          rel="noopener noreferrer"
          title="TradingView Lightweight Charts™, Copyright © TradingView, Inc."
        >
          Charts by TradingView
        </a>
      </p>
    </section>
  );
}

/** A bar in words: `O 2.40 H 2.60 L 2.35 C 2.45 · vol 12`. */
function describe(bar: Bar | null | undefined, look: Look): string {
  const prices = bar?.[look.price];
  if (!bar || !prices) return "";
  if (look.price === "iv") return `IV ${look.write(prices.close)} %`;
  const { open, high, low, close } = prices;
  const four = `O ${look.write(open)}  H ${look.write(high)}  L ${look.write(low)}  C ${look.write(close)}`;
  return bar.volume === null ? four : `${four}  ·  vol ${count(bar.volume)}`;
}

/** What a setting holds, with what it lacks or has wrong as it usually is. */
export function chosenOf(value: unknown): Chosen | null {
  if (typeof value !== "object" || value === null) return null;
  const kept = value as Partial<Record<keyof Chosen, unknown>>;
  return {
    interval: INTERVALS.find((one) => one === kept.interval) ?? USUAL.interval,
    price: PRICES.find(([one]) => one === kept.price)?.[0] ?? USUAL.price,
    drawing: DRAWINGS.find(([one]) => one === kept.drawing)?.[0] ?? USUAL.drawing,
  };
}
