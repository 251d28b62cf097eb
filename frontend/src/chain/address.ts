// The address of a chain: `#chain/FEED/UNDERLYING/EXPIRY`, the expiry left out where none is chosen yet. Pure.

export interface Address {
  readonly feed: string;
  readonly underlying: string;
  readonly expiry: string | null;
}

export function addressOf(feed: string, underlying: string, expiry?: string | null): string {
  const parts = expiry ? [feed, underlying, expiry] : [feed, underlying];
  return `#chain/${parts.map(encodeURIComponent).join("/")}`;
}

/** What a hash means, or null where it is no chain's. */
export function chainOf(hash: string): Address | null {
  const [head, ...parts] = hash.split("/");
  if (head !== "#chain" || parts.length < 2 || parts.length > 3) return null;
  try {
    const [feed, underlying, expiry] = parts.map(decodeURIComponent);
    return feed && underlying ? { feed, underlying, expiry: expiry || null } : null;
  } catch {
    return null; // not a well-formed escape
  }
}
