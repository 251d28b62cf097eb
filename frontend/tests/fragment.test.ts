import { beforeEach, expect, it } from "vitest";
import { forget, keepFragment, remember, remembered } from "../src/accounts/fragment";

const HOUR_MS = 3_600_000;
const shut = {
  getItem(): string {
    throw new Error("shut");
  },
  setItem(): void {
    throw new Error("shut");
  },
  removeItem(): void {
    throw new Error("shut");
  },
};

beforeEach(() => localStorage.clear());

it("goes with what is posted and with links that lead on, and with nothing else", () => {
  document.body.innerHTML =
    '<form method="post" action="/in/?next=/#old"></form><form method="get" action="/find/"></form>' +
    '<a data-way href="/up/?next=/a#old">up</a><a href="/reset/">reset</a>';
  keepFragment(document, "#shared/KEY");
  const actions = [...document.forms].map((form) => new URL(form.action, "http://here").href);
  expect(actions[0]).toMatch(/\/in\/\?next=\/#shared\/KEY$/);
  expect(actions[1]).not.toContain("#");
  const links = [...document.querySelectorAll("a")].map((link) => link.href);
  expect(links[0]).toMatch(/\/up\/\?next=\/a#shared\/KEY$/);
  expect(links[1]).not.toContain("#");
  keepFragment(document, "");
  expect(document.forms[0]?.action).toContain("#shared/KEY");
});

it("is remembered for an hour, and until it was reached", () => {
  remember(localStorage, "#shared/KEY", 1_000);
  remember(localStorage, "", 2_000);
  expect(remembered(localStorage, 2_000)).toBe("#shared/KEY");
  expect(remembered(localStorage, 1_000 + HOUR_MS)).toBe("");
  forget(localStorage);
  expect(remembered(localStorage, 2_000)).toBe("");
});

it("takes nothing that is no such thing, and does without a storage", () => {
  for (const text of [
    "{",
    '"#a"',
    '{"hash":"/else","until":2000}',
    '{"hash":"#a","until":1e99}',
    '{"hash":"#a"}',
  ]) {
    localStorage.setItem("strikewire.way", text);
    expect(remembered(localStorage, 1_000), text).toBe("");
  }
  forget(localStorage);
  remember(localStorage, `#${"x".repeat(2_000)}`, 1_000);
  expect(remembered(localStorage, 1_000)).toBe("");
  remember(shut, "#a", 1_000);
  expect(remembered(shut, 1_000)).toBe("");
  forget(shut);
});
