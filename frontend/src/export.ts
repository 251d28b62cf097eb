// Tables as files: CSV as RFC 4180 has it, made by the page of what it shows and given to the browser as a download.

export type CsvValue = string | number | null;

/** A spreadsheet would take a text that begins so for a formula; an apostrophe before it makes it read the text. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const QUOTED = /[",\r\n]/;
/** The address of a download has to outlive the click; browsers have read it long before. */
const KEPT_MS = 60_000;

/** The table as CSV text. Unknown is an empty field. */
export function csvOf(header: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [header, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

/** Gives the table to the user as the file `name`. */
export function saveCsv(
  name: string,
  header: readonly string[],
  rows: readonly (readonly CsvValue[])[],
): void {
  const address = URL.createObjectURL(new Blob([csvOf(header, rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

/** `name` without what some systems allow in no file's name. */
export function fileName(name: string): string {
  return name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, "-").trim() || "strikewire.csv";
}

function field(value: CsvValue): string {
  if (value === null || (typeof value === "number" && !Number.isFinite(value))) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
