"""The page's socket with a hand on it: what the server says goes through, or is held back, and a test says more."""

import json
import time
from typing import Any, Final

from playwright.sync_api import Page, WebSocketRoute

# Above every number that a leader gives, so that a row of a test is the newest from then on.
NEWEST: Final = 2**52


def now_ms() -> float:
    return time.time() * 1000


class Tap:
    """Between the page and its server, from the next connection on."""

    def __init__(self, page: Page) -> None:
        self.ids: dict[str, int] = {}
        self.fields: list[str] = []
        self.holds_rows = False
        self.holds_statuses = False
        self._k = 0
        self._page: WebSocketRoute | None = None
        self._status: dict[str, Any] = {}
        page.route_web_socket("**/ws/stream/", self._connected)

    def row(self, symbol: str, **values: float | None) -> None:
        """The newest row of an instrument: what is not named is not known."""
        self._k += 1
        known = {
            "id": self.ids[symbol],
            "seq": NEWEST + self._k,
            "venue_time_ms": now_ms(),
            "lag_ms": 1,
            **values,
        }
        self.say({"op": "ticks", "n": 1, "sent_ms": now_ms(), "rows": [[known.get(f) for f in self.fields]]})

    def status(self, **values: Any) -> None:
        """How the feed is from now on; what the server says of it is kept back."""
        self.holds_statuses = True
        self.say({**self._status, "op": "status", "time_ms": now_ms(), **values})

    def say(self, message: Any) -> None:
        assert self._page is not None
        self._page.send(json.dumps(message))

    def _connected(self, page: WebSocketRoute) -> None:
        self._page = page
        server = page.connect_to_server()
        page.on_message(server.send)
        server.on_message(lambda message: self._heard(page, str(message)))

    def _heard(self, page: WebSocketRoute, text: str) -> None:
        message = json.loads(text)
        match message["op"]:
            case "welcome":
                self.fields = message["fields"]
                self._status = message["feeds"][0] if message["feeds"] else {}
            case "subscribed":
                self.ids |= {symbol: one["id"] for symbol, one in message["added"].items()}
            case "ticks" if self.holds_rows:
                return
            case "status":
                self._status = message
                if self.holds_statuses:
                    return
        page.send(text)
