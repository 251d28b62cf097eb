"""The uvicorn that serves `project.asgi`: how it is set, and how it takes leave of its sockets. `manage.py serve` runs
it."""

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from django.conf import settings

from marketdata.stream.hub import running_hub

from .web_http import Http
from .web_socket import WebSocket

# What a page gets to finish in; `up` waits a little longer before it uses force.
GRACE_S: Final = 3
# In which clients may answer the goodbye: a socket that is closed with something unread in it loses its last frames. And in
# which a proxy sends the request that it has just connected for.
GOODBYE_S: Final = 0.2


def one_line(record: logging.LogRecord) -> bool:
    """What a client sent wrong is no fault of ours, and worth no traceback."""
    if str(record.msg).startswith("Invalid UTF-8"):
        record.exc_info = None
    return True


def web_server(application: Any) -> "WebServer":
    logging.getLogger("uvicorn.error").addFilter(one_line)
    return WebServer(
        uvicorn.Config(
            application,
            loop="auto",
            http=Http,
            ws=WebSocket,
            lifespan="auto",
            log_config=None,  # Django's own
            access_log=False,  # a ticket or a symbol must never reach a log
            proxy_headers=False,  # uvicorn's would believe an address that the client wrote: see TrustedProxies
            server_header=False,
            ws_max_size=settings.STREAM_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # CPU and 64 KiB a socket, for little on short frames
            ws_ping_interval=20,
            ws_ping_timeout=20,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def calm_collector() -> None:
    """What is loaded now stays: the collector need not walk it again and again. And it looks after ten thousand new objects
    instead of seven hundred, which a busy loop makes, and drops again, several hundred times a second. The middle
    generation is kept small: what hundreds of new sockets take is walked in pieces of 20 ms, and not in one of 100."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 4, 50)


class WebServer(uvicorn.Server):
    # Called once when clients are taken.
    on_ready: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self.on_ready is not None:
            self.on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The hub first: uvicorn would close every socket before the application may say a word. Nor would it answer what
        has connected and not asked yet: that is taken in, and waited for as long as the goodbyes take."""
        await self._stop_listening(sockets or [])
        hub = running_hub()
        if hub is not None and hub.connections:
            await hub.stop()
        if self.server_state.connections:
            await asyncio.sleep(GOODBYE_S)
        await super().shutdown(sockets)

    async def _stop_listening(self, sockets: list[socket.socket]) -> None:
        """Nobody can connect any more when this returns, and who has is taken in."""
        still_open = [one.dup() for one in sockets]
        for server in self.servers:
            server.close()
        for one in sockets:
            one.close()
        await asyncio.sleep(0)  # the loop lets go of its own
        loop = asyncio.get_running_loop()
        for listener in still_open:
            with contextlib.suppress(OSError):  # that nobody is left
                while True:
                    connected, _ = listener.accept()
                    connected.setblocking(False)
                    await loop.connect_accepted_socket(self._protocol, connected)
            listener.close()

    def _protocol(self) -> asyncio.Protocol:
        """As uvicorn makes one for each connection."""
        make: Any = self.config.http_protocol_class
        made: asyncio.Protocol = make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return made
