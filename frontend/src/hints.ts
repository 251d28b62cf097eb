// What a new user may try first; each is gone once it was done, and all of them once they are dismissed. The account keeps
// it, so that nobody is told twice.
import { createSignal } from "solid-js";
import type { Settings } from "./settings";

export const HINTS = ["search", "add", "legs"] as const;
export type Hint = (typeof HINTS)[number];

export function createHints(settings: Settings) {
  const read = () => settings.read<readonly Hint[]>("hints", doneOf, []);
  const [done, setDone] = createSignal(read());
  settings.onAdopted(() => setDone(read()));

  function finish(all: readonly Hint[]): void {
    if (all.every((hint) => done().includes(hint))) return;
    setDone(HINTS.filter((hint) => done().includes(hint) || all.includes(hint)));
    settings.write("hints", done());
  }

  return {
    isDone: (hint: Hint) => done().includes(hint),
    done: (hint: Hint) => finish([hint]),
    dismiss: () => finish(HINTS),
  };
}

function doneOf(value: unknown): readonly Hint[] | null {
  return Array.isArray(value) ? HINTS.filter((hint) => value.includes(hint)) : null;
}
