import { expect, it } from "vitest";
import { keepFragment } from "../src/accounts/fragment";

it("goes with what is posted, and not with what is asked for", () => {
  document.body.innerHTML =
    '<form method="post" action="/in/?next=/#old"></form><form method="get" action="/find/"></form>';
  keepFragment(document.forms, "#shared/KEY");
  const actions = [...document.forms].map((form) => new URL(form.action, "http://here").href);
  expect(actions[0]).toMatch(/\/in\/\?next=\/#shared\/KEY$/);
  expect(actions[1]).not.toContain("#");
  keepFragment(document.forms, "");
  expect(document.forms[0]?.action).toContain("#shared/KEY");
});
