"""`manage.py capture_feed NAME`: records what a provider sends in captures that `replay` plays."""

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from ...feeds import registry
from ...feeds.base import Feed, PermanentFeedError
from ...feeds.recording import Recorder, record
from ...ingest.options import options_of

EX_CONFIG = 78
PROGRESS_S = 1.0


class Command(BaseCommand):
    help = "Records what a provider sends, as it comes, until the time is over or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed", choices=sorted(registry.FEEDS), help="which feed")
        parser.add_argument(
            "--file", type=Path, help="where to; packed if it ends in .gz [var/captures/NAME-TIME.jsonl.gz]"
        )
        parser.add_argument("--minutes", type=float, default=0, help="for so long [until it is stopped]")
        parser.add_argument("--rotate-mb", type=float, default=0, help="a new file after so many MB of text [one file]")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["feed"]
        path = (
            options["file"]
            or settings.VAR_DIR / "captures" / f"{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.jsonl.gz"
        )
        try:
            feed = registry.build(name, options_of(name))
            asyncio.run(self._run(feed, path, options["minutes"] * 60, round(options["rotate_mb"] * 1e6)))
        except PermanentFeedError as error:
            self.stderr.write(f"{name}: {error}")
            sys.exit(EX_CONFIG)
        except OSError as error:
            self.stderr.write(f"{error.filename or path} cannot be written: {error.strerror}")
            sys.exit(1)

    async def _run(self, feed: Feed, path: Path, seconds: float, rotate_bytes: int) -> None:
        """Records until the time is over, SIGTERM or SIGINT."""
        progress: list[asyncio.Task[None]] = []
        recorders: list[Recorder] = []

        def started(recorder: Recorder) -> None:
            recorders.append(recorder)
            self.stdout.write(f"recording {feed.name} to {path}")
            progress.append(asyncio.create_task(self._say_progress(recorder)))

        work = asyncio.create_task(record(feed, path, rotate_bytes, started))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        try:
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(work, seconds or None)
        finally:
            for task in progress:
                task.cancel()
        for recorder in recorders:
            files = ", ".join(map(str, recorder.files))
            self.stdout.write(f"\n{recorder.messages} messages, {recorder.bytes / 1e6:.1f} MB in {files}")

    async def _say_progress(self, recorder: Recorder) -> None:
        end = "\r" if self.stdout.isatty() else "\n"
        began = time.monotonic()
        while True:
            before = recorder.messages
            await asyncio.sleep(PROGRESS_S if end == "\r" else 10 * PROGRESS_S)
            elapsed = time.monotonic() - began
            self.stdout.write(
                f"{elapsed:6.0f} s  {recorder.messages} messages  {recorder.bytes / 1e6:.1f} MB  "
                f"{recorder.messages - before} since the last line  {recorder.files[-1].name}",
                ending=end,
            )
            self.stdout.flush()
