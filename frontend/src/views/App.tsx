// The whole page: bar on top, watchlists at the left, a list or a chain in the middle, one contract at
// the right.
import { createSignal, lazy, onCleanup, onMount, Show, Suspense } from "solid-js";
import { ChainView } from "../chain/ChainView";
import type { Desk } from "../desk";
import { ListDialogs } from "../lists/ListDialogs";
import { toggleTheme } from "../theme";
import { Detail } from "./Detail";
import { Help } from "./Help";
import { Panel } from "./Panel";
import { Rail } from "./Rail";
import { Toasts } from "./Toasts";
import { TopBar } from "./TopBar";

// Asked for when first shown: the first view's script stays small.
const PayoffView = lazy(() => import("../payoff/PayoffView"));
const VolatilityView = lazy(() => import("../volatility/VolatilityView"));

export function App(props: { desk: Desk }) {
  const [help, setHelp] = createSignal(false);
  let focusSearch = () => {};

  const onKey = (event: KeyboardEvent) => {
    const typing = (event.target as Element).closest("input, textarea, select, [contenteditable]");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      focusSearch();
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
      return;
    if (props.desk.view() === "chain" && takeChainKey(event)) {
      event.preventDefault();
      return;
    }
    switch (event.key) {
      case "/":
        event.preventDefault();
        focusSearch();
        break;
      case "?":
        setHelp(true);
        break;
      case "t":
        toggleTheme();
        break;
      case "Escape":
        props.desk.showDetail(false);
        break;
      case "ArrowDown":
      case "ArrowUp":
        if (document.activeElement === document.body) props.desk.focusGrid();
        break;
    }
  };
  /** Keys of the chain that need no focus on its grid. */
  const takeChainKey = (event: KeyboardEvent): boolean => {
    const { chain } = props.desk;
    if (event.key === "[" || event.key === "]") {
      chain.step(event.key === "]" ? 1 : -1);
      return true;
    }
    const focused = document.activeElement;
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

  return (
    <>
      <TopBar desk={props.desk} onSearch={(focus) => (focusSearch = focus)} onHelp={() => setHelp(true)} />
      <div
        class="desk"
        classList={{
          "with-detail": props.desk.detailOpen() && props.desk.detailed() !== null,
          "wide-detail": props.desk.detailWide(),
        }}
      >
        <Rail desk={props.desk} />
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
          {(named) => <Detail desk={props.desk} entry={named()} />}
        </Show>
      </div>
      <ListDialogs desk={props.desk} />
      <Help open={help()} onClose={() => setHelp(false)} />
      <Toasts desk={props.desk} />
    </>
  );
}
