"""The whole application on uvicorn, in the test's own loop: a test may look at what is left inside, and shorten what takes
long. Its clients are real sockets all the same.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from accounts import models, tokens
from marketdata.bus.channel_layer import LoopLayer
from marketdata.stream.hub import Hub, get_hub
from project.asgi import application
from project.listening import listen
from project.web_server import WebServer, web_server
from tests.path.stack import Process, User, Web


@dataclass
class House(Web):
    """A web process that is no process of its own. `hub` and `layer` are those of the running loop."""

    running: WebServer | None = None

    @property
    def layer(self) -> LoopLayer:
        layer: LoopLayer = get_channel_layer()._get_layer()
        return layer

    async def hub(self) -> Hub:
        return await get_hub()


@contextlib.asynccontextmanager
async def running_house() -> AsyncIterator[House]:
    listener = listen("127.0.0.1", 0)
    server = web_server(application)
    # `serve` would take the signals of the test run.
    serving = asyncio.create_task(server._serve([listener]), name="uvicorn")
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        yield House(_no_process(), "uvicorn", listener.getsockname()[1], running=server)
    finally:
        server.should_exit = True
        async with asyncio.timeout(10):
            await serving
        await get_channel_layer()._get_layer().flush()


def _no_process() -> Process:
    return Process(None, Path(os.devnull))  # type: ignore[arg-type]


@sync_to_async
def make_user(name: str) -> User:
    """A user with a session and a token, as the stack's users have them."""
    user = models.User.objects.create_user(name, email=f"{name}@example.org")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    assert session.session_key
    watchlist = models.Watchlist.objects.create(owner=user, name="Mine")
    return User(user.pk, name, session.session_key, tokens.issue(user)[1], watchlist.pk)
