"""`manage.py serve`: web processes, on uvicorn. One by default; with `--workers`, so many on the same port."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from project import environment, machine_limits, prepared_database
from project.errors import StartError
from project.listening import listen
from project.up_arguments import port
from project.workers import LISTENER, READY, Workers

logger = logging.getLogger("project.serve")

MOST_WORKERS: Final = 64
MOST_SOCKETS: Final = 10_000_000


def workers(text: str) -> int:
    return _number(text, 1, MOST_WORKERS)


def sockets(text: str) -> int:
    return _number(text, 1, MOST_SOCKETS)


class Command(BaseCommand):
    help = "Serve pages, REST and sockets."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on, 127.0.0.1 by default")
        parser.add_argument("--port", type=port, default=8000, help="8000 by default")
        parser.add_argument(
            "--workers",
            type=workers,
            default=1,
            metavar="N",
            help=f"web processes on that port, 1 to {MOST_WORKERS}; SIGHUP replaces them one after another",
        )
        parser.add_argument(
            "--sockets",
            type=sockets,
            default=10_000,
            metavar="N",
            help="how many shall be served, over all workers, 10000 by default: what of this machine is too small is told",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = os.environ.pop(LISTENER, None)
        try:
            if given is not None:
                _serve(socket.socket(fileno=int(given)), os.environ.pop(READY, None))
                return
            for line in environment.unknown():
                logger.warning("%s", line)
            prepared_database.look(serves=options["workers"] == 1)
            files = machine_limits.allow_many_files()
            behind_proxy = bool(settings.TRUSTED_PROXIES)
            for line in machine_limits.shortfalls(options["sockets"], options["workers"], files, behind_proxy):
                logger.warning("%s", line)
            if options["workers"] > 1:
                asyncio.run(_serve_by_workers(options["host"], options["port"], options["workers"]))
            else:
                listener = listen(options["host"], options["port"])
                logger.info("listening on port %d", listener.getsockname()[1])
                _serve(listener, None)
        except StartError as error:
            self.stderr.write(f"error: {error}")
            sys.exit(error.status)


async def _serve_by_workers(host: str, port: int, count: int) -> None:
    await Workers(host, port, count).run()


def _serve(listener: socket.socket, ready: str | None) -> None:
    """Until SIGTERM or SIGINT; a byte goes to the descriptor `ready` when it serves."""
    # Built here, in the main thread and before the loop runs: what it imports must not delay a first request.
    from project.asgi import application
    from project.web_server import calm_collector, web_server

    server = web_server(application)
    if ready is not None:
        server.on_ready = lambda: _say(int(ready))
    calm_collector()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _say(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # the parent is gone, and so shall we be
        os.write(descriptor, b"1")
        os.close(descriptor)


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)
