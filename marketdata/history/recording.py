"""A recorder with all that is round it: the one lock that SQLite needs, what it says of itself, the market's past at the
first run, and retention every few minutes.
"""

import fcntl
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ..bus.blocking import TIMEOUTS, open_client
from ..bus.history_reader import HistoryReader
from . import simulated_past
from .database import Database
from .outage import HistoryDownError
from .pruning import prune
from .recorder import Recorder
from .recorder_state import RecorderState

logger = logging.getLogger(__name__)

PRUNE_FIRST_S: Final = 30.0
PRUNE_EVERY_S: Final = 300.0


def record(database: Database, settings: Any, stop: threading.Event) -> RecorderState:
    """Records until `stop` is set; of several on one SQLite file, one at a time."""
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    reader = HistoryReader(settings.HISTORY_REDIS_URL, name)
    status = open_client(settings.REDIS_URL, **TIMEOUTS)
    state = RecorderState(reader, status, settings.HISTORY_STREAM_MB * 1_000_000)
    try:
        with alone(database, stop):
            if stop.is_set():
                return state
            logger.info("recording into %s", database.path or "PostgreSQL")
            beside = [
                threading.Thread(target=state.keep, args=(stop,), name="vitals", daemon=True),
                threading.Thread(target=_prune, args=(database, settings, stop), name="retention", daemon=True),
            ]
            for thread in beside:
                thread.start()
            beside.append(simulated_past.fill_in_background(database, stop))
            Recorder(database, reader, state, stop).run()
            for thread in beside:
                thread.join(timeout=5)
    finally:
        reader.close()
        status.close()
        database.close()
    return state


@contextmanager
def alone(database: Database, stop: threading.Event) -> Iterator[None]:
    """SQLite has one recorder: a second waits here until the first has gone. PostgreSQL has any number."""
    if database.path is None:
        yield
        return
    database.path.parent.mkdir(parents=True, exist_ok=True)
    with database.path.with_name(f"{database.path.name}.recorder").open("w") as file:
        told = False
        while not stop.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not told:
                    logger.warning("another recorder writes to %s; standing by", database.path)
                told = True
                stop.wait(0.5)
        yield


def _prune(database: Database, settings: Any, stop: threading.Event) -> None:
    wait = PRUNE_FIRST_S
    while not stop.wait(wait):
        wait = PRUNE_EVERY_S
        try:
            pruned = prune(database, time.time(), settings, should_stop=stop.is_set)
        except HistoryDownError as error:
            logger.warning("retention waits: %s", error)
            continue
        if pruned:
            logger.info("retention took %d ticks, %d trades, %d bars", pruned.ticks, pruned.trades, pruned.bars)
        if pruned.over:
            logger.warning("history is %.0f MB above its limit, and nothing more can be taken", pruned.over / 1e6)
