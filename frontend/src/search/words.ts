// What a person typed, as words that are compared with names, and as a query that the server knows. Pure.

/** The words of a text, as they are compared. */
export function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().trim().split(/\s+/).filter(Boolean);
}

const WHOLE = 100;
const BEGINS = 80;
const EACH = 60;

/** How well `words` name what is called `name`: each has to begin a word of it. Null where they do not. */
export function scoreOf(words: readonly string[], name: string): number | null {
  const lower = name.toLowerCase();
  const typed = words.join(" ");
  if (lower === typed) return WHOLE;
  if (lower.startsWith(typed)) return BEGINS;
  // Most names have none of the words: told without taking them apart.
  if (!words.every((word) => lower.includes(word))) return null;
  const parts = lower.split(/[\s,/-]+/);
  return words.every((word) => parts.some((part) => part.startsWith(word))) ? EACH : null;
}

const MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
/** Two digits after a month are a year where more follows but for a right, or nothing: else they are a strike. */
const DAY = new RegExp(`\\b(\\d{1,2}) ?(${MONTH})[a-z]*(?: (\\d{2}(?= +\\d)|2\\d(?=$)))?(?=$| )`, "gi");

/** In the words that the server knows: `20 Feb 26` as one, strikes without commas. */
export function asQuery(text: string): string {
  return text
    .trim()
    .replace(/(\d),(?=\d{3}\b)/g, "$1")
    .replace(DAY, (_, day: string, month: string, year: string | undefined) => `${day}${month}${year ?? ""}`);
}
