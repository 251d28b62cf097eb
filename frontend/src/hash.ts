// The part of an address after `#`, as a head and escaped parts. Pure.

/** The parts of `#HEAD/a/b`, unescaped; null where the hash has another head or is not well formed. */
export function partsOf(hash: string, head: string): readonly string[] | null {
  const [first, ...parts] = hash.split("/");
  if (first !== `#${head}`) return null;
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return null; // not a well-formed escape
  }
}

export function hashOf(head: string, parts: readonly string[]): string {
  return `#${head}/${parts.map(encodeURIComponent).join("/")}`;
}
