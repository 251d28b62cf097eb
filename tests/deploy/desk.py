"""A socket through a proxy, and a client on it that comes back by itself, as the page does."""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from marketdata.stream.protocol import SUBPROTOCOL
from tests.path.client import StreamClient
from tests.path.stack import User

from .proxies import NAME, Proxy, trusting
from .visitor import ADDRESS

# frontend/src/socket.ts: the first wait after a connection that ended without a word, s; it doubles.
FIRST_DELAY_S: Final = 0.4


async def open_socket(
    proxy: Proxy, scheme: str, cookies: str, origin: str | None = None, address: str = ADDRESS, **headers: str
) -> ClientConnection:
    port = proxy.port(scheme)
    secure: dict[str, Any] = {"ssl": trusting(proxy.folder), "server_hostname": NAME} if scheme == "https" else {}
    return await connect(
        f"{'wss' if secure else 'ws'}://{NAME}:{port}/ws/stream/",
        host="127.0.0.1",
        port=port,
        local_addr=(address, 0),
        additional_headers={
            "Cookie": cookies,
            "Origin": origin or proxy.origin(scheme),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
        compression=None,
        max_size=2**24,
        open_timeout=10,
        ping_interval=None,
        **secure,
    )


class Desk:
    """Keeps its rows over its connections: a row that is older than one of a former connection is a fault too. `refused`
    are attempts to connect that failed, `closings` what was said before connections ended."""

    def __init__(self, proxy: Proxy, scheme: str, user: User, symbols: Sequence[str]) -> None:
        self.proxy = proxy
        self.scheme = scheme
        self.user = user
        self.symbols = symbols
        self.client: StreamClient | None = None
        self.rows: dict[int, list[Any]] = {}
        self.connections = 0
        self.connected_at = 0.0
        self.refused: list[str] = []
        self.faults: list[str] = []
        self.closings: list[dict[str, Any]] = []
        self._task = asyncio.get_running_loop().create_task(self._run(), name="desk")

    def __str__(self) -> str:
        heard = [(round(time.time() - at, 2), *what) for at, *what in (self.client.heard if self.client else [])][-5:]
        return f"connection {self.connections} by {self.scheme} through {self.proxy.kind}, which heard {heard} s ago"

    @property
    def is_open(self) -> bool:
        return self.client is not None

    async def aclose(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self.client is not None:
            await self.client.aclose()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                client = await self._connect()
            except (OSError, WebSocketException, TimeoutError) as error:
                self.refused.append(f"{type(error).__name__}: {error}")
                client = None
            wait = 0.0
            if client is not None:
                failures = 0
                while client.closed is None:
                    await asyncio.sleep(0.005)
                self.client = None
                self.faults += client.faults
                said = [message for message in client.messages if message["op"] == "closing"]
                self.closings += said
                wait = (said[-1]["reconnect_ms"] or 0) / 1000 if said else 0.0
                await client.aclose()
            failures += 1
            await asyncio.sleep(wait or FIRST_DELAY_S * 2 ** (failures - 1) * random.uniform(0.5, 1))

    async def _connect(self) -> StreamClient:
        socket = await open_socket(self.proxy, self.scheme, f"sessionid={self.user.session}")
        client = StreamClient(socket)
        client.rows = self.rows
        await client.message("welcome")
        connected_at = time.monotonic()
        await client.ask("subscribe", "subscribed", source="desk", symbols=list(self.symbols))
        self.client, self.connected_at = client, connected_at
        self.connections += 1
        return client
