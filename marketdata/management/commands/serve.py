"""`manage.py serve`: one web process, on uvicorn. Start as many as there are cores to spare, each on its own port."""

import contextlib
import logging
import sys
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from project.errors import StartError
from project.forwarded import TrustedProxies
from project.listening import listen
from project.up_arguments import port

# What a socket gets to say goodbye in; `up` waits a little longer before it uses force.
GRACE_SECONDS = 3

logger = logging.getLogger("project.serve")


class Command(BaseCommand):
    help = "Serve pages, REST and sockets."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on, 127.0.0.1 by default")
        parser.add_argument("--port", type=port, default=8000, help="8000 by default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            listener = listen(options["host"], options["port"])
        except StartError as error:
            self.stderr.write(str(error))
            sys.exit(error.status)
        # Built here, in the main thread and before the loop runs: what it imports must not delay a first request.
        from project.asgi import application

        if settings.TRUSTED_PROXIES:
            application = TrustedProxies(application, settings.TRUSTED_PROXIES)
        config = uvicorn.Config(
            application,
            loop="auto",
            ws="websockets-sansio",
            lifespan="auto",
            log_config=None,  # Django's own
            access_log=False,  # a ticket or a symbol must never reach a log
            proxy_headers=False,  # uvicorn's would believe an address that the client wrote: see TrustedProxies
            server_header=False,
            ws_max_size=settings.STREAM_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # CPU and 64 KiB a socket, for little on short frames
            ws_ping_interval=20,
            ws_ping_timeout=20,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        logger.info("listening on port %d", listener.getsockname()[1])
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
