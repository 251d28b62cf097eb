"""Answers a socket at a path where there is none: refused before it is accepted, as HTTP would say 404."""

from typing import Any


class UnknownSocket:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.close", "code": 4404})
