"""What axe finds on a page, in both themes: what is serious or critical."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from .visits import PHONE

AXE: Final = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# A finding as one line: what is wrong, where, and what axe says of it.
RUN: Final = """async (rules) => {
  const only = rules.length ? { runOnly: rules } : {};
  // The buttons above the administration's lists are no list, as the packages that draw them have it.
  const context = { include: [document], exclude: [[".object-tools"]] };
  const { violations } = await axe.run(context, { resultTypes: ["violations"], ...only });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 4).map(({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary}`),
    );
}"""


class Examiner:
    """Gathers what axe finds over a walk through pages, each named."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []

    def look(self, where: str) -> None:
        """At all of it in the dark; in the light at the colours, in which alone it differs, and once for either size."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        is_phone = self.page.viewport_size == {"width": PHONE[0], "height": PHONE[1]}
        for rules in ([],) if is_phone else ([], ["color-contrast"]):
            self.page.emulate_media(color_scheme="light" if rules else "dark", reduced_motion="reduce")
            answer: list[str] = self.page.evaluate(RUN, rules)
            self.found += [f"{where}, {'light' if rules else 'dark'}: {one}" for one in answer]

    def done(self) -> None:
        assert self.found == [], "\n".join(self.found)
