"""How soon a new browser that opens the page shows a live row, and how much JavaScript that takes."""

import gzip
from typing import Any, Final

from playwright.sync_api import Playwright, Response

from .browser import window
from .installation import Installation

# In the frame after the one that wrote it, it is on the screen.
FIRST_ROW: Final = """(() => {
  const look = () => {
    const cells = document.querySelectorAll("[data-testid=ROW] [data-testid=cell-bid]");
    if ([...cells].some((cell) => /[0-9]/.test(cell.textContent)))
      requestAnimationFrame(() => { window.firstRowMs = performance.now(); });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""


def measure(playwright: Playwright, site: Installation, *, chain: bool) -> dict[str, float]:
    with window(playwright, site) as (_, context):
        page = context.new_page()
        scripts: list[Response] = []
        page.on("response", lambda answer: scripts.append(answer) if _is_script(answer) else None)
        page.add_init_script(FIRST_ROW.replace("ROW", "call" if chain else "row"))
        page.goto(site.chain_url() if chain else site.list_url)
        page.wait_for_function("() => window.firstRowMs !== undefined")
        took: Any = page.evaluate("() => window.firstRowMs")
        if chain:
            return {"first live row of a chain, ms": took}
        return {
            "first live row of a list, ms": took,
            "JavaScript of the first view, kB gzipped": sum(len(gzip.compress(one.body())) for one in scripts) / 1000,
            "JavaScript of the first view, kB as sent": sum(one.request.sizes()["responseBodySize"] for one in scripts)
            / 1000,
        }


def _is_script(answer: Response) -> bool:
    return answer.request.resource_type == "script"
