"""`manage.py serve`: one web process, on uvicorn. Start as many as there are cores to spare, each on its own port."""

import contextlib
import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from project.errors import StartError
from project.forwarded import TrustedProxies
from project.listening import listen
from project.up_arguments import port

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
        from project.web_server import web_server

        served: Any = application
        if settings.TRUSTED_PROXIES:
            served = TrustedProxies(served, settings.TRUSTED_PROXIES)
        logger.info("listening on port %d", listener.getsockname()[1])
        with contextlib.suppress(KeyboardInterrupt):
            web_server(served).run(sockets=[listener])
