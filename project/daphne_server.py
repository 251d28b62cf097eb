"""Daphne, as `manage.py runserver` runs it, with what the stream asks of a server: close codes as they are said, a limit on
messages, and a goodbye to every socket.
"""

import asyncio
from typing import Any, Final

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from twisted.internet.defer import Deferred

from marketdata.stream.hub import running_hub

# Above the longest answer there is: the facts of 2,000 symbols and the refusal of as many.
MESSAGE_BYTES: Final = 4 * 1024 * 1024


class SocketProtocol(WebSocketProtocol):
    # By default a client that breaks the protocol is dropped without the code that would tell it why.
    failByDrop = False  # noqa: N815

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802
        # Not `sendClose`, which takes no registered code but 1000, and so neither 1009 nor 1012.
        self.sendCloseFrame(code=1000 if code is None else code)


class DaphneServer(Server):
    def __init__(self, *args: Any, **options: Any) -> None:
        # The limit on messages counts for those that go out too: the consumer judges what comes in several frames.
        sizes = {"websocket_max_message_size": MESSAGE_BYTES, "websocket_max_frame_size": settings.STREAM_MESSAGE_BYTES}
        super().__init__(*args, **{**options, **sizes})  # type: ignore[no-untyped-call]
        WebSocketFactory.protocol = SocketProtocol  # `run` builds the factory itself

    def kill_all_applications(self) -> Any:
        """Before the reactor stops: the hub first, as on uvicorn."""
        kill: Any = super().kill_all_applications
        goodbye: Any = Deferred.fromFuture(asyncio.ensure_future(_say_goodbye()))
        return goodbye.addBoth(lambda _: kill())


async def _say_goodbye() -> None:
    hub = running_hub()
    if hub is not None and hub.connections:
        await hub.stop()
        await asyncio.sleep(0.2)  # what was written leaves in later turns of the loop
