// What stands after `#` in an address, a shared list or a chain, is no server's business, and comes through the ways in
// all the same: a form or link that is led to an address with it leads on with it. The link of a mail, to an invitation or
// to confirm an address, opens a page that knows nothing of it: for that the browser remembers it for a while.

export interface Memory {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

const NAME = "strikewire.way";
/** So long a mail may take. Longer, and somebody else may sit here. */
const FOR_MS = 3_600_000;
const LONGEST = 2_000;

/** Goes with what is posted, and with links that lead on. */
export function keepFragment(page: ParentNode, hash: string): void {
  if (!hash) return;
  for (const form of page.querySelectorAll("form")) {
    if (form.method === "post") form.action = form.action.split("#")[0] + hash;
  }
  for (const link of page.querySelectorAll<HTMLAnchorElement>("a[data-way]")) {
    link.href = link.href.split("#")[0] + hash;
  }
}

export function remember(memory: Memory, hash: string, now: number): void {
  if (!hash || hash.length > LONGEST) return;
  try {
    memory.setItem(NAME, JSON.stringify({ hash, until: now + FOR_MS }));
  } catch {
    // Storage is full or shut: who comes by a mail begins at the front.
  }
}

/** What was remembered; empty for nothing, or for too long ago. */
export function remembered(memory: Memory, now: number): string {
  try {
    const { hash, until } = JSON.parse(memory.getItem(NAME) ?? "{}");
    return typeof hash === "string" && hash.startsWith("#") && until > now && until <= now + FOR_MS
      ? hash
      : "";
  } catch {
    return "";
  }
}

/** Whoever comes next is not led there. */
export function forget(memory: Memory): void {
  try {
    memory.removeItem(NAME);
  } catch {
    // Storage is shut: nothing is there.
  }
}
