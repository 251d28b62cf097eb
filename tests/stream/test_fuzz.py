"""Anything at all as a message: the socket stays, the process stays, and no traceback is logged."""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from marketdata.stream.protocol import OPS
from tests.path.client import open_socket
from tests.path.stack import User, Web

from .conftest import Floor

EXAMPLES = 300
# Of the sixty messages that a socket may send in ten seconds, two an example: what is tried, and the ping that follows.
PER_SOCKET = 28

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("ACME300118C00001000"),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["id", "source", "symbols", "watchlist", "chain", "replace", "all", "interval_ms", "n", "ticket", "type"]
)
NEARLY = st.builds(
    lambda op, fields: {"op": op, **fields},
    st.sampled_from([*OPS, "welcome", "closing", ""]),
    st.dictionaries(FIELDS, VALUES, max_size=4),
)
SUBSCRIPTIONS = st.builds(
    lambda source, asked, replace: {"op": "subscribe", "source": source, "replace": replace, **asked},
    st.text(min_size=1, max_size=64),
    st.one_of(
        st.builds(lambda symbols: {"symbols": symbols}, st.lists(st.text(max_size=30), max_size=8)),
        st.builds(lambda watchlist: {"watchlist": watchlist}, st.integers(1, 2**53)),
        st.builds(
            lambda underlying, expiry: {"chain": {"underlying": underlying, "expiry": expiry}},
            st.text(min_size=1, max_size=97),
            st.text(min_size=10, max_size=32),
        ),
    ),
    st.booleans(),
)
TEXTS = st.one_of(st.text(max_size=200), *(kind.map(json.dumps) for kind in (VALUES, NEARLY, SUBSCRIPTIONS)))


class Prober:
    """Sends texts on sockets of one user, each followed by a ping whose answer shows that the socket lives."""

    def __init__(self, web: Web, user: User) -> None:
        self._web = web
        self._user = user
        self._socket: ClientConnection | None = None
        self._left = 0
        self._numbers = itertools.count()

    async def probe(self, text: str) -> None:
        if self._left == 0:
            await self.close()
            self._socket = await open_socket(self._web, self._user)
            self._left = PER_SOCKET
        assert self._socket is not None
        self._left -= 1
        mark = f"after {next(self._numbers)}"
        await self._socket.send(text.encode("utf-8", "replace"), text=True)
        await self._socket.send(json.dumps({"op": "ping", "id": mark}))
        async with asyncio.timeout(10):
            while True:
                message: dict[str, Any] = json.loads(await self._socket.recv())
                assert message["op"] != "closing", message
                if message["op"] == "pong" and message["id"] == mark:
                    return

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()


def test_any_text_is_answered_or_passed_over(floor: Floor, web: Web, quiet_log: Callable[[], str]) -> None:
    with asyncio.Runner() as runner:
        prober = Prober(web, floor.stack.users[4])

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(TEXTS)
        def probe(text: str) -> None:
            runner.run(prober.probe(text))

        try:
            probe()
        finally:
            runner.run(prober.close())
    assert web.process.popen.poll() is None
