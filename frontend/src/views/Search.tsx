// The search: chains, views, lists and commands from memory, contracts from the server. A combobox, wholly by keyboard if
// wanted.
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show } from "solid-js";
import { ApiError, type Found, type Underlying } from "../api";
import type { Desk } from "../desk";
import { actionOf } from "../keys";
import { nameOf, spelled, timeLeft } from "../names";
import { commandsOf } from "../search/commands";
import {
  chainOfFound,
  firstChains,
  type Kept,
  rank,
  recentOf,
  type Target,
  withRecent,
} from "../search/targets";
import { asQuery, wordsOf } from "../search/words";
import { Icon } from "./Icon";

/** A pause in typing; shorter asks for every letter, longer is felt. */
const PAUSE_MS = 120;

export function Search(props: { desk: Desk; onReady: (focus: () => void) => void; onHelp: () => void }) {
  const { desk } = props;
  const [text, setText] = createSignal("");
  const [open, setOpen] = createSignal(false);
  const [results, setResults] = createSignal<readonly Found[]>([]);
  /** What the arrows or the pointer chose; null is what is usual. */
  const [pointed, setPointed] = createSignal<string | null>(null);
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal("");
  const [answered, setAnswered] = createSignal("");
  let input!: HTMLInputElement;
  let box!: HTMLDivElement;
  let list: HTMLDivElement | undefined;
  let abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Enter came before the answer that it is for; true for Shift with it. */
  let waiting: { readonly other: boolean } | null = null;

  const typed = () => text().trim();
  const isAnswered = () => answered() === typed();
  const recent = () => desk.settings.read("search.recent", recentOf, []);
  /** That of the view on the screen first. */
  const underlyings = () => {
    const at = desk.at();
    const here = "to" in at ? at.to : null;
    const isHere = (one: Underlying) => one.feed === here?.feed && one.underlying === here.underlying;
    const all = desk.chain.underlyings();
    return [...all.filter(isHere), ...all.filter((one) => !isHere(one))];
  };
  /** How a contract is typed, by one that the page knows: `ACME 18 Dec 26 170 C`. */
  const example = () => {
    for (const facts of desk.store.facts.values()) {
      if (facts.kind === "option" && facts.symbol) return spelled(nameOf(facts.symbol, facts));
    }
    return "";
  };

  /** What the page knows by itself. */
  const ranked = () =>
    rank(wordsOf(text()), {
      underlyings: underlyings(),
      lists: (desk.watchlists() ?? []).map(({ id, name, items }) => ({ id, name, size: items.length })),
      commands: commandsOf(desk, props.onHelp),
    });

  // Each result asks for both: without a memo all would be ranked for each of them.
  const targets = createMemo((): readonly Target[] => {
    if (!open()) return [];
    if (!typed()) {
      const before = recent().map<Target>((of) => ({ kind: "recent", key: keyOf(of), of }));
      return before.length ? before : firstChains(underlyings());
    }
    const { places, views, lists, commands } = ranked();
    const contracts = results().map<Target>((found) => ({
      kind: "instrument",
      key: `found-${found.id}`,
      found,
    }));
    // Where the words name an underlying, its contracts come before lists and commands of a like name.
    return places.length
      ? [...places, ...contracts, ...lists, ...commands]
      : [...lists, ...commands, ...views, ...contracts];
  });

  /** What Enter takes if nothing was chosen: beside a watchlist a symbol, which is added, else what stands first. Null
   * while the server has yet to say. */
  const usual = (): Target | null => {
    const all = targets();
    const first = all[0] ?? null;
    if (first?.kind === "chain" && desk.view() === "list") {
      const contract = isAnswered() ? all.find(({ kind }) => kind === "instrument") : null;
      return contract ?? (isAnswered() ? first : null);
    }
    // Until then contracts are those of what was typed before.
    if (first?.kind === "instrument" && !isAnswered()) return null;
    return first;
  };
  const chosen = createMemo((): Target | null => targets().find(({ key }) => key === pointed()) ?? usual());

  const listed = (found: Found) => desk.entryOf({ ...found, instrument: found.id });

  const ask = async (wanted: string) => {
    abort.abort();
    abort = new AbortController();
    setBusy(true);
    try {
      const found = await desk.api.search(asQuery(wanted), abort.signal);
      setResults(found);
      setProblem("");
      setAnswered(wanted);
      setBusy(false);
      const entered = waiting;
      waiting = null;
      if (entered) take(entered.other);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      waiting = null;
      setBusy(false);
      setResults([]);
      setProblem(error instanceof ApiError ? error.message : "The search failed.");
    }
  };

  createEffect(
    on(typed, (wanted) => {
      clearTimeout(timer);
      abort.abort();
      waiting = null;
      setPointed(null);
      setProblem("");
      setBusy(false);
      if (!wanted) {
        setResults([]);
        setAnswered("");
        return;
      }
      timer = setTimeout(() => void ask(wanted), PAUSE_MS);
    }),
  );

  /** Does what is chosen; with `other`, a symbol's second way: to its chain beside a list, into the list elsewhere. */
  const take = (other: boolean) => {
    const target = chosen();
    if (!target) {
      if (typed() && !isAnswered()) waiting = { other };
      return;
    }
    desk.hints.done("search");
    if (target.kind === "command") {
      close();
      target.run();
    } else if (target.kind === "recent") go(target.of);
    else if (target.kind === "instrument") takeFound(target.found, other);
    else go({ name: target.name, note: target.note, hash: target.hash, contract: null });
  };

  const takeFound = (found: Found, other: boolean) => {
    const hash = chainOfFound(found, desk.chain.underlyings());
    const isForList = (desk.view() === "list") !== other && desk.active() !== null;
    if (!hash || isForList) return void add(found);
    const isOption = found.kind === "option";
    const contract = { feed: found.feed, symbol: found.symbol, instrument: found.id };
    go({
      name: spelled(nameOf(found.symbol, found)),
      note: "in its chain",
      hash,
      contract: isOption ? contract : null,
    });
  };

  const add = async (found: Found) => {
    const held = listed(found);
    if (!held) {
      await desk.add(found);
      return;
    }
    close();
    desk.selectEntry(held.id);
    desk.focusGrid();
  };

  const go = (to: Kept) => {
    desk.settings.write("search.recent", withRecent(recent(), to));
    close();
    desk.goTo(to.hash, to.contract);
    desk.focusGrid();
  };

  const close = () => {
    setOpen(false);
    setText("");
    input.blur();
  };

  const step = (by: number) => {
    const all = targets();
    const at = all.findIndex(({ key }) => key === chosen()?.key);
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    if (!next) return;
    setPointed(next.key);
    list?.querySelector(`#${CSS.escape(next.key)}`)?.scrollIntoView({ block: "nearest" });
  };

  const onKey = (event: KeyboardEvent) => {
    const action = actionOf("search", event);
    if (!action) return;
    event.preventDefault();
    if (action === "down" || action === "up") step(action === "down" ? 1 : -1);
    else if (action === "take" || action === "other") take(action === "other");
    else {
      close();
      desk.focusGrid();
    }
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

  const shown = () => open() && (typed() !== "" || targets().length > 0);
  const note = () => {
    const target = chosen();
    if (!target) return "";
    if (target.kind === "command") return "do it";
    if (target.kind !== "instrument") return "open";
    const hash = chainOfFound(target.found, desk.chain.underlyings());
    const toList = listed(target.found)
      ? `show in ${desk.active()?.name}`
      : `add to ${desk.active()?.name ?? "a watchlist"}`;
    if (!hash) return toList;
    return desk.view() === "list" && desk.active() ? toList : "open its chain";
  };
  const nothing = () => {
    const like = example();
    return `Nothing found for “${answered()}”${like ? `. A contract is found as “${like}”` : ""}`;
  };
  /** Before a first search: what can be typed. */
  const lesson = () => {
    if (typed() || recent().length || !open()) return "";
    const like = example();
    return `Type a symbol, ${like ? `a contract as “${like}”, ` : ""}a watchlist’s name, or what to do: “dark”, “times in UTC”`;
  };
  const otherNote = () => {
    const target = chosen();
    if (target?.kind !== "instrument" || !desk.active()) return "";
    if (!chainOfFound(target.found, desk.chain.underlyings())) return "";
    return desk.view() === "list" ? "open its chain" : `add to ${desk.active()?.name}`;
  };
  return (
    <div class="search" ref={box}>
      <Icon name="search" />
      <input
        ref={input}
        type="text"
        role="combobox"
        placeholder="Search symbols, lists, commands"
        aria-label="Search symbols, chains, lists and commands"
        aria-autocomplete="list"
        aria-expanded={shown()}
        aria-controls="search-results"
        aria-activedescendant={shown() ? chosen()?.key : undefined}
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
        onBlur={(event) => {
          // By Tab the keyboard goes on; a press on a result is handled by the result.
          if (event.relatedTarget && !box.contains(event.relatedTarget as Node)) setOpen(false);
        }}
        onKeyDown={onKey}
      />
      <kbd>/</kbd>
      <div class="results" hidden={!shown()}>
        <div id="search-results" role="listbox" aria-label="Found" class="found" ref={list}>
          <For each={targets().map(({ key }) => key)}>
            {(key) => {
              // Held by key, so that what stays keeps its element while more comes.
              const target = () => targets().find((one) => one.key === key);
              return (
                <Show when={target()}>
                  {(one) => (
                    <Result
                      desk={desk}
                      target={one()}
                      chosen={chosen()?.key === key}
                      listed={
                        one().kind === "instrument" && listed((one() as { found: Found }).found) !== undefined
                      }
                      onPoint={() => setPointed(key)}
                      onChoose={(other) => {
                        setPointed(key);
                        take(other);
                      }}
                    />
                  )}
                </Show>
              );
            }}
          </For>
        </div>
        <Show when={lesson()}>
          <p class="results-lesson" data-testid="search-lesson">
            {lesson()}
          </p>
        </Show>
        <p class="results-note" role="status">
          <Show when={!problem()} fallback={<span class="bad">{problem()}</span>}>
            <Show when={targets().length} fallback={busy() || !isAnswered() ? "Searching…" : nothing()}>
              <span class="by-key">
                <kbd>↑</kbd> <kbd>↓</kbd> choose, <kbd>Enter</kbd>{" "}
              </span>
              {note()}
              <Show when={otherNote()}>
                <span class="by-key">
                  , <kbd>Shift Enter</kbd> {otherNote()}
                </span>
              </Show>
              <span class="by-key">
                , <kbd>Esc</kbd> close
              </span>
            </Show>
          </Show>
        </p>
      </div>
    </div>
  );
}

/** It is the id of an element, which has no spaces. */
function keyOf({ hash, name }: Kept): string {
  return `recent-${encodeURIComponent(`${hash}-${name}`)}`;
}

const ICONS = {
  chain: "columns",
  volatility: "curve",
  payoff: "curve",
  list: "list",
  command: "command",
  recent: "recent",
} as const;

function Result(props: {
  desk: Desk;
  target: Target;
  chosen: boolean;
  listed: boolean;
  onPoint: () => void;
  onChoose: (other: boolean) => void;
}) {
  /** Name, what is left of its life, what it is, whose it is. */
  const words = (): readonly [string, string, string, string] => {
    const { target, desk } = props;
    if (target.kind === "command") return [target.name, "", "command", target.pressed];
    if (target.kind === "recent") return [target.of.name, "", target.of.note, ""];
    if (target.kind !== "instrument")
      return [target.name, "", target.kind === "list" ? "watchlist" : target.note, feedText(target.feed)];
    const { found } = target;
    const left = timeLeft(found, desk.feedNow(found.feed) || Date.now());
    return [spelled(nameOf(found.symbol, found)), left, found.kind, feedText(found.feed)];
  };
  const feedText = (feed: string) => {
    const kind = props.desk.feeds().get(feed)?.kind;
    return kind && kind !== "real_time" ? kind : feed;
  };
  const testid = () => (props.target.kind === "instrument" ? "result" : `result-${props.target.kind}`);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox's own keys choose; an option never has the focus.
    // biome-ignore lint/a11y/useFocusableInteractive: as above.
    <div
      id={props.target.key}
      role="option"
      aria-selected={props.chosen}
      data-testid={testid()}
      data-symbol={props.target.kind === "instrument" ? props.target.found.symbol : undefined}
      onPointerMove={props.onPoint}
      onClick={(event) => props.onChoose(event.shiftKey)}
    >
      <span class="result-name">{words()[0]}</span>
      <span class="result-left">{words()[1]}</span>
      <span class="result-kind">{words()[2]}</span>
      <span class="result-feed">
        <Show when={props.target.kind === "command" && words()[3]} fallback={words()[3]}>
          <kbd>{words()[3]}</kbd>
        </Show>
      </span>
      <span class="result-mark">
        <Icon
          name={
            props.target.kind === "instrument" ? (props.listed ? "check" : "plus") : ICONS[props.target.kind]
          }
        />
      </span>
    </div>
  );
}
