// How watchlists are shown: their columns, each list's sorting, what is folded; kept with the account. Before: settings.ts;
// after: grid/grid.ts, Panel.tsx.
import { createSignal } from "solid-js";
import { chosenKeys } from "../grid/layout";
import type { Settings } from "../settings";
import { nextSort, type Sort } from "./arrange";
import { OFFERED, USUAL } from "./layout";

/** Of more, the oldest is forgotten: what the account keeps is bounded. */
const MOST_SORTED = 50;
const MOST_FOLDED = 200;

type Sorts = Readonly<Record<string, Sort>>;

export type ListView = ReturnType<typeof createListView>;

/** `onChange` is called when what is to be shown has changed. */
export function createListView(settings: Settings, onChange: () => void) {
  const kept = {
    columns: () => settings.read("list.columns", chosenKeys(OFFERED), USUAL),
    sorts: () => settings.read("list.sorts", sortsOf, {}),
    folded: () => settings.read("list.folded", namesOf, []),
  };
  const [columns, setColumns] = createSignal(kept.columns());
  const [sorts, setSorts] = createSignal(kept.sorts());
  const [folded, setFolded] = createSignal(kept.folded());
  settings.onAdopted(() => {
    setColumns(kept.columns());
    setSorts(kept.sorts());
    setFolded(kept.folded());
    onChange();
  });

  function sortOf(list: string): Sort | null {
    return sorts()[list] ?? null;
  }

  function keepSort(list: string, sort: Sort | null): void {
    const { [list]: _, ...others } = sorts();
    const all = Object.entries(others);
    if (sort) all.push([list, sort]);
    const next = Object.fromEntries(all.slice(-MOST_SORTED));
    setSorts(next);
    settings.write("list.sorts", next);
    onChange();
  }

  return {
    columns,
    sortOf,
    folded: (): ReadonlySet<string> => new Set(folded()),
    showColumns(keys: readonly string[]): void {
      setColumns(keys);
      settings.write("list.columns", keys);
      onChange();
    },
    /** The next state of that column: rising, falling, the list's own order. */
    sortBy(list: string, key: string): void {
      keepSort(list, nextSort(sortOf(list), key));
    },
    ownOrder: (list: string): void => keepSort(list, null),
    /** Folds what stands under a heading, or unfolds it. */
    fold(heading: string, on: boolean): void {
      const others = folded().filter((one) => one !== heading);
      const next = on ? [...others, heading].slice(-MOST_FOLDED) : others;
      setFolded(next);
      settings.write("list.folded", next);
      onChange();
    },
  };
}

function sortsOf(value: unknown): Sorts | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const sorts = Object.entries(value).filter(
    (entry): entry is [string, Sort] =>
      (entry[1]?.key === "name" || OFFERED.includes(entry[1]?.key)) && typeof entry[1].down === "boolean",
  );
  return Object.fromEntries(sorts.slice(-MOST_SORTED));
}

function namesOf(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  return value.filter((one): one is string => typeof one === "string").slice(-MOST_FOLDED);
}
