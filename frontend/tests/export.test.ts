import { afterEach, describe, expect, it, vi } from "vitest";
import { type CsvValue, csvOf, fileName, saveCsv } from "../src/export";

const line = (...row: CsvValue[]): string => csvOf([], [row]).split("\r\n")[1]!;

describe("a table as CSV", () => {
  it("ends its lines as RFC 4180 has it, the last one too", () => {
    expect(csvOf(["symbol", "bid"], [["ACME", 1.25]])).toBe("symbol,bid\r\nACME,1.25\r\n");
  });

  it("leaves what is unknown empty, and never writes 0 for it", () => {
    expect(line("ACME", null, 0, Number.NaN)).toBe("ACME,,0,");
  });

  it("writes numbers with all their digits", () => {
    expect(line(0.1 + 0.2, 1e-7, -12.5, 1_767_225_600_000.25)).toBe(
      "0.30000000000000004,1e-7,-12.5,1767225600000.25",
    );
  });

  it.each([
    ['He said "ACME"', '"He said ""ACME"""'],
    ["Core, and more", '"Core, and more"'],
    ["two\nlines", '"two\nlines"'],
  ])("quotes %j", (text, field) => expect(line(text)).toBe(field));

  it.each(["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx"])("keeps %j from being a formula", (text) =>
    expect(line(text).replaceAll('"', "")).toBe(`'${text}`),
  );

  it.each(["-1.5", "+3", "-2e-7", ".5"])("takes %s for the number that it is", (text) =>
    expect(line(text)).toBe(text),
  );
});

describe("a download", () => {
  afterEach(() => vi.restoreAllMocks());

  it("carries the text under its name", async () => {
    let blob: Blob | undefined;
    vi.spyOn(URL, "createObjectURL").mockImplementation((given) => {
      blob = given as Blob;
      return "blob:x";
    });
    const clicked: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      clicked.push(`${this.download} ${this.href}`);
    });
    saveCsv("Core: now/then.csv", ["a"], [[1]]);
    expect(clicked).toEqual(["Core- now-then.csv blob:x"]);
    expect(await blob?.text()).toBe("a\r\n1\r\n");
  });

  it("always has a name", () => expect(fileName("  ")).toBe("strikewire.csv"));
});
