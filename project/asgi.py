"""The whole application: HTTP to Django, sockets to the stream. Uvicorn and Daphne both serve this, and so may any other
ASGI server.
"""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import get_resolver, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django_application = get_asgi_application()
# The routes too: the first request would load them and all their views in the loop's own thread, and every socket would
# wait for as long as that takes, half a second of a core and more.
get_resolver().url_patterns  # noqa: B018

# After Django is set up, since consumers import models.
from marketdata.stream.consumer import BrowserStream, ProgramStream  # noqa: E402
from marketdata.stream.hub import running_hub  # noqa: E402
from project.forwarded import TrustedProxies  # noqa: E402
from project.health import HealthChecks  # noqa: E402
from project.unknown_socket import UnknownSocket  # noqa: E402

sockets = URLRouter(
    [
        re_path(r"^ws/stream/$", BrowserStream.as_asgi()),
        re_path(r"^ws/api/stream/$", ProgramStream.as_asgi()),
        re_path(r"", UnknownSocket()),  # type: ignore[arg-type]
    ]
)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Uvicorn says when it starts and stops; the hub starts by itself, with the first socket."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if (hub := running_hub()) is not None:
                await hub.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


application: Any = HealthChecks(
    ProtocolTypeRouter({"http": django_application, "websocket": sockets, "lifespan": lifespan})
)
if settings.TRUSTED_PROXIES:
    application = TrustedProxies(application, settings.TRUSTED_PROXIES)
