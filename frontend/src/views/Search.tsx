// Search for an instrument and put it into the list shown, or open a chain: a combobox, wholly by keyboard if wanted.
import { createEffect, createSignal, For, onCleanup, onMount, Show, untrack } from "solid-js";
import { ApiError, type Found, type Underlying } from "../api";
import { addressOf } from "../chain/address";
import type { Desk } from "../desk";
import { asQuery, nameOf, spelled, timeLeft } from "../names";
import { Icon } from "./Icon";

/** A pause in typing; shorter asks for every letter, longer is felt. */
const PAUSE_MS = 120;
const MOST_CHAINS = 4;

export function Search(props: { desk: Desk; onReady: (focus: () => void) => void }) {
  const [text, setText] = createSignal("");
  const [open, setOpen] = createSignal(false);
  const [results, setResults] = createSignal<readonly Found[]>([]);
  const [at, setAt] = createSignal(0);
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal("");
  const [answered, setAnswered] = createSignal("");
  let input!: HTMLInputElement;
  let box!: HTMLDivElement;
  let list: HTMLDivElement | undefined;
  let abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Chains whose underlying begins with what is typed: known without asking. */
  const chains = (): readonly Underlying[] => {
    const wanted = text().trim().split(/\s/)[0]?.toUpperCase();
    if (!wanted) return [];
    const found = props.desk.chain
      .underlyings()
      .filter((one) => one.underlying.toUpperCase().startsWith(wanted));
    return found.slice(0, MOST_CHAINS);
  };
  /** Chains stand above the instruments, with numbers below 0. A chain is what is meant where one is on the screen. */
  const first = () => -chains().length;
  const usual = () => (props.desk.view() === "chain" ? first() : 0);

  const listed = (found: Found) => props.desk.entryOf({ ...found, instrument: found.id });

  const ask = async (wanted: string) => {
    abort.abort();
    abort = new AbortController();
    setBusy(true);
    try {
      const found = await props.desk.api.search(asQuery(wanted), abort.signal);
      setResults(found);
      setAt(usual());
      setProblem("");
      setAnswered(wanted);
      setBusy(false);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      setBusy(false);
      setResults([]);
      setProblem(error instanceof ApiError ? error.message : "The search failed.");
    }
  };

  createEffect(() => {
    const wanted = text().trim();
    clearTimeout(timer);
    setAt(untrack(usual));
    if (!wanted) {
      abort.abort();
      setResults([]);
      setAnswered("");
      setProblem("");
      setBusy(false);
      return;
    }
    timer = setTimeout(() => void ask(wanted), PAUSE_MS);
  });

  const choose = async (found: Found) => {
    const held = listed(found);
    if (!held) {
      await props.desk.add(found);
      return;
    }
    props.desk.selectEntry(held.id);
    close();
    props.desk.focusGrid();
  };

  const openChain = (one: Underlying) => {
    window.location.hash = addressOf(one.feed, one.underlying);
    close();
  };

  const close = () => {
    setOpen(false);
    setText("");
    input.blur();
  };

  const onKey = (event: KeyboardEvent) => {
    const last = results().length - 1;
    if (event.key === "ArrowDown") setAt(Math.min(last, at() + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(first(), at() - 1));
    else if (event.key === "Enter") {
      const chosen = chains()[at() - first()];
      const found = results()[at()];
      if (at() < 0 && chosen) openChain(chosen);
      else if (found && answered() === text().trim()) void choose(found);
    } else if (event.key === "Escape") {
      close();
      props.desk.focusGrid();
    } else return;
    event.preventDefault();
    list?.children[at() - first()]?.scrollIntoView({ block: "nearest" });
  };

  const away = (event: Event) => {
    if (!box.contains(event.target as Node)) setOpen(false);
  };
  onMount(() => {
    document.addEventListener("pointerdown", away);
    props.onReady(() => {
      input.focus();
      input.select();
      setOpen(true);
    });
  });
  onCleanup(() => document.removeEventListener("pointerdown", away));

  const shown = () => open() && text().trim() !== "";
  const active = () => {
    const chosen = chains()[at() - first()];
    if (at() < 0) return chosen && `chain-${chosen.feed}-${chosen.underlying}`;
    return results()[at()] && `found-${results()[at()]!.id}`;
  };
  return (
    <div class="search" ref={box}>
      <Icon name="search" />
      <input
        ref={input}
        type="text"
        role="combobox"
        placeholder="Search symbols and chains"
        aria-label="Search symbols and chains"
        aria-expanded={shown()}
        aria-controls="search-results"
        aria-activedescendant={shown() ? active() : undefined}
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        maxLength={64}
        data-testid="search"
        value={text()}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onKeyDown={onKey}
      />
      <kbd>/</kbd>
      <Show when={shown()}>
        <div class="results">
          <div id="search-results" role="listbox" aria-label="Instruments found" class="found" ref={list}>
            <For each={chains()}>
              {(one, index) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox's own keys choose; an option never has the focus.
                // biome-ignore lint/a11y/useFocusableInteractive: as above.
                <div
                  id={`chain-${one.feed}-${one.underlying}`}
                  role="option"
                  aria-selected={at() === first() + index()}
                  data-testid="result-chain"
                  onPointerMove={() => setAt(first() + index())}
                  onClick={() => openChain(one)}
                >
                  <span class="result-name">{one.underlying} option chain</span>
                  <span class="result-left" />
                  <span class="result-kind">{one.expiries} expiries</span>
                  <span class="result-feed">{props.desk.feeds().get(one.feed)?.kind ?? one.feed}</span>
                  <span class="result-mark">
                    <Icon name="columns" />
                  </span>
                </div>
              )}
            </For>
            <For each={results()}>
              {(found, index) => (
                <Result
                  found={found}
                  left={timeLeft(found, props.desk.feedNow(found.feed) || Date.now())}
                  feedKind={props.desk.feeds().get(found.feed)?.kind ?? ""}
                  chosen={at() === index()}
                  listed={listed(found) !== undefined}
                  onPoint={() => setAt(index())}
                  onChoose={() => void choose(found)}
                />
              )}
            </For>
          </div>
          <p class="results-note" role="status">
            <Show when={!problem()} fallback={<span class="bad">{problem()}</span>}>
              <Show
                when={results().length || (chains().length && !busy())}
                fallback={busy() || !answered() ? "Searching…" : `Nothing found for “${answered()}”`}
              >
                <span class="by-key">
                  <kbd>↑</kbd> <kbd>↓</kbd> choose, <kbd>Enter</kbd>{" "}
                </span>
                {at() < 0 ? "open" : `add to ${props.desk.active()?.name ?? "a watchlist"}`}
                <span class="by-key">
                  , <kbd>Esc</kbd> close
                </span>
              </Show>
            </Show>
          </p>
        </div>
      </Show>
    </div>
  );
}

function Result(props: {
  found: Found;
  left: string;
  feedKind: string;
  chosen: boolean;
  listed: boolean;
  onPoint: () => void;
  onChoose: () => void;
}) {
  const name = () => nameOf(props.found.symbol, props.found);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox's own keys choose; an option never has the focus.
    // biome-ignore lint/a11y/useFocusableInteractive: as above.
    <div
      id={`found-${props.found.id}`}
      role="option"
      aria-selected={props.chosen}
      data-testid="result"
      data-symbol={props.found.symbol}
      onPointerMove={props.onPoint}
      onClick={props.onChoose}
    >
      <span class="result-name">{spelled(name())}</span>
      <span class="result-left">{props.left}</span>
      <span class="result-kind">{props.found.kind}</span>
      <span class="result-feed">
        {props.feedKind && props.feedKind !== "real_time" ? props.feedKind : props.found.feed}
      </span>
      <span class="result-mark">
        <Show when={props.listed} fallback={<Icon name="plus" />}>
          <Icon name="check" />
        </Show>
      </span>
    </div>
  );
}
