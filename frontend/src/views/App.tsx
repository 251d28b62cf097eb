// The whole page: bar on top, watchlists at the left, a list or a chain in the middle, one contract at
// the right.
import { createSignal, lazy, onCleanup, onMount, Show, Suspense } from "solid-js";
import { addressOf } from "../chain/address";
import { ChainView } from "../chain/ChainView";
import type { Desk } from "../desk";
import { type ActionOf, actionOf } from "../keys";
import { ListDialogs } from "../lists/ListDialogs";
import { volatilityAddress } from "../volatility/address";
import { Detail } from "./Detail";
import { Help } from "./Help";
import { Hints } from "./Hints";
import { Icon } from "./Icon";
import { Panel } from "./Panel";
import { Rail } from "./Rail";
import { Splitter } from "./Splitter";
import { Toasts } from "./Toasts";
import { TopBar } from "./TopBar";

// Asked for when first shown: the first view's script stays small.
const PayoffView = lazy(() => import("../payoff/PayoffView"));
const VolatilityView = lazy(() => import("../volatility/VolatilityView"));

export function App(props: { desk: Desk }) {
  const [help, setHelp] = createSignal(false);
  const narrow = () => props.desk.panels.isNarrow();
  let focusSearch = () => {};

  /** What the keys of the table do wherever the keyboard is; false where there was nothing to do. */
  const actions: Record<ActionOf<"page">, () => unknown> = {
    search: () => focusSearch(),
    rail: () => props.desk.showRail(!props.desk.railOpen()),
    detail: () => props.desk.showDetail(!props.desk.detailOpen()),
    export: () => props.desk.exportShown(),
    theme: () => props.desk.display.toggleTheme(),
    help: () => setHelp(true),
    close: () => props.desk.detailOpen() && props.desk.showDetail(false),
  };
  const onKey = (event: KeyboardEvent) => {
    const typing = (event.target as Element).closest("input, textarea, select, [contenteditable]");
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const action = actionOf("page", event);
    // Of the page's keys only one with Ctrl is no letter of what is typed.
    if (typing && !(action && (event.ctrlKey || event.metaKey))) return;
    const taken = action ? actions[action]() !== false : takeGridKey(event);
    if (taken) event.preventDefault();
  };
  /** Keys of the list or the chain that need no focus on its grid. */
  const takeGridKey = (event: KeyboardEvent): boolean => {
    const { chain } = props.desk;
    const focused = document.activeElement;
    const at = props.desk.at();
    if (at.view === "volatility" && actionOf("chain", event) === "volatility") {
      window.location.hash = addressOf(at.to.feed, at.to.underlying);
      return true;
    }
    if (at.view === "payoff" && actionOf("chain", event) === "payoff") {
      window.location.hash = addressOf(at.to.feed, at.to.underlying);
      return true;
    }
    if (props.desk.view() !== "chain") {
      const isMove = ["up", "down"].includes(actionOf("list", event) ?? "");
      if (isMove && focused === document.body) props.desk.focusGrid();
      return false;
    }
    const action = actionOf("chain", event);
    const to = chain.address();
    if (action === "volatility" && to) {
      window.location.hash = volatilityAddress(to.feed, to.underlying);
      return true;
    }
    if (action === "previousExpiry" || action === "nextExpiry") {
      chain.step(action === "nextExpiry" ? 1 : -1);
      return true;
    }
    // A link, after a click on it, has no use for these keys, but for Enter.
    const isFree = focused === document.body || (focused?.matches("a") && event.key !== "Enter");
    if (!isFree || !chain.takeKey(event)) return false;
    chain.focus();
    return true;
  };
  /** Symbols pasted onto the page go into the list on it. */
  const onPaste = (event: ClipboardEvent) => {
    const { desk } = props;
    const isElsewhere = (event.target as Element).closest("input, textarea, select, dialog");
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (isElsewhere || desk.view() !== "list" || !desk.active() || !text.trim()) return;
    event.preventDefault();
    desk.ask({ what: "paste", text });
  };
  onMount(() => {
    document.addEventListener("keydown", onKey);
    document.addEventListener("paste", onPaste);
  });
  onCleanup(() => {
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("paste", onPaste);
  });

  /** To the grid, or to what the middle has in its place. */
  const skip = () => {
    props.desk.focusGrid();
    if (document.activeElement?.closest("main:not([hidden])")) return;
    const main = document.querySelector<HTMLElement>("main:not([hidden])");
    main?.setAttribute("tabindex", "-1");
    main?.focus();
  };

  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <TopBar desk={props.desk} onSearch={(focus) => (focusSearch = focus)} onHelp={() => setHelp(true)} />
      <div
        class="desk"
        style={{
          "--rail": px(props.desk.panels.width("rail")),
          "--detail": px(props.desk.panels.width("detail")),
        }}
        classList={{
          "with-detail": props.desk.detailOpen() && props.desk.detailed() !== null,
          "without-rail": !props.desk.railOpen() && !narrow(),
          "wide-detail": props.desk.detailWide(),
        }}
      >
        <Show when={props.desk.railOpen() || narrow()} fallback={<RailOpener desk={props.desk} />}>
          <Rail desk={props.desk} />
          <Splitter desk={props.desk} side="rail" label="Width of the watchlists" />
        </Show>
        <Panel desk={props.desk} onSearch={() => focusSearch()} />
        <Show when={props.desk.view() === "chain"}>
          <ChainView desk={props.desk} />
        </Show>
        <Suspense fallback={<main class="panel" aria-busy="true" />}>
          <Show when={props.desk.view() === "payoff"}>
            <PayoffView desk={props.desk} />
          </Show>
          <Show when={props.desk.view() === "volatility"}>
            <VolatilityView desk={props.desk} />
          </Show>
        </Suspense>
        <Show when={props.desk.detailOpen() && props.desk.detailed()}>
          {(named) => (
            <>
              <Splitter desk={props.desk} side="detail" label="Width of the details" />
              <Detail desk={props.desk} entry={named()} />
            </>
          )}
        </Show>
      </div>
      <Hints desk={props.desk} onSearch={() => focusSearch()} />
      <ListDialogs desk={props.desk} />
      <Help open={help()} onClose={() => setHelp(false)} />
      <Toasts desk={props.desk} />
    </>
  );
}

/** Where the watchlists were. */
function RailOpener(props: { desk: Desk }) {
  return (
    <button
      type="button"
      class="rail-opener"
      title="Show the watchlists (l)"
      aria-label="Show the watchlists"
      data-testid="show-rail"
      onClick={() => props.desk.showRail(true)}
    >
      <Icon name="rail" />
    </button>
  );
}

const px = (width: number | null): string | undefined => (width === null ? undefined : `${width}px`);
