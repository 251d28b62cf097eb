"""Daphne, as `manage.py runserver` runs it, with what the stream asks of a server: close codes as they are said, a limit on
messages, and a goodbye to every socket; and with what long answers ask: a wait for those that read slowly, and a cut where
one cannot be finished.
"""

import asyncio
from functools import partial
from typing import Any, Final

from daphne.http_protocol import WebRequest
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


class Tap:
    """What Twisted turns on and off as a client reads and does not. Daphne itself writes on without an end."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    async def wait(self) -> None:
        await self._open.wait()

    def pauseProducing(self) -> None:  # noqa: N802
        self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._open.set()

    def stopProducing(self) -> None:  # noqa: N802
        """The client is gone. Whoever waits writes into the void, and hears of it as ASGI has it."""
        self._open.set()


class DaphneServer(Server):
    def __init__(self, *args: Any, **options: Any) -> None:
        # The limit on messages counts for those that go out too: the consumer judges what comes in several frames.
        sizes = {"websocket_max_message_size": MESSAGE_BYTES, "websocket_max_frame_size": settings.STREAM_MESSAGE_BYTES}
        super().__init__(*args, **{**options, **sizes})  # type: ignore[no-untyped-call]
        WebSocketFactory.protocol = SocketProtocol  # `run` builds the factory itself

    async def handle_reply(self, protocol: Any, message: Any) -> None:
        is_body = message["type"] == "http.response.body" and isinstance(protocol, WebRequest)
        more = is_body and message.get("more_body", False)
        if is_body and not protocol.finished and protocol.channel is not None:
            if more and protocol.producer is None:
                protocol.registerProducer(Tap(), True)
            elif not more and protocol.producer is not None:
                protocol.unregisterProducer()
        await super().handle_reply(protocol, message)  # type: ignore[no-untyped-call]
        if more and isinstance(protocol.producer, Tap):
            await protocol.producer.wait()

    def create_application(self, protocol: Any, scope: Any) -> Any:
        queue = super().create_application(protocol, scope)  # type: ignore[no-untyped-call]
        if isinstance(protocol, WebRequest) and protocol in self.connections:
            running = self.connections[protocol]["application_instance"]
            running.add_done_callback(partial(_cut_if_unfinished, protocol))
        return queue

    def kill_all_applications(self) -> Any:
        """Before the reactor stops: the hub first, as on uvicorn."""
        kill: Any = super().kill_all_applications
        goodbye: Any = Deferred.fromFuture(asyncio.ensure_future(_say_goodbye()))
        return goodbye.addBoth(lambda _: kill())


def _cut_if_unfinished(protocol: Any, running: "asyncio.Future[None]") -> None:
    """An answer that failed after it began must not pass for a whole one. Daphne would begin another in its midst."""
    failed = running.cancelled() or running.exception() is not None
    if failed and protocol._response_started and not protocol.finished and protocol.channel is not None:
        protocol.channel.transport.abortConnection()


async def _say_goodbye() -> None:
    hub = running_hub()
    if hub is not None and hub.connections:
        await hub.stop()
        await asyncio.sleep(0.2)  # what was written leaves in later turns of the loop
