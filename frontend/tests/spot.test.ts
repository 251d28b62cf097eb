// What an underlying is worth, by the cases that the server is held to as well (tests/ingest/test_money.py).
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ownPrice, underlyingPrice } from "../src/spot";
import { makeColumns, makeRow } from "./builders";

interface Case {
  readonly own: Record<string, number | null> | null;
  readonly options: readonly (number | null)[];
  readonly price: number | null;
}

const { cases } = JSON.parse(readFileSync("../tests/fixtures/underlying_prices.json", "utf8")) as {
  cases: readonly Case[];
};

it.each(cases)("$own, its options' $options: $price", ({ own, options, price }) => {
  const rows = options.map((underlying_price) =>
    underlying_price === null ? undefined : makeRow({ underlying_price }),
  );
  expect(underlyingPrice(own ? makeRow(own) : undefined, rows, makeColumns())).toBe(price);
});

it("its own price is none of its options'", () => {
  expect(ownPrice(makeRow({ underlying_price: 99 }), makeColumns())).toBeNull();
});
