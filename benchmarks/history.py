"""What history costs: recording, storing, asking, exporting, and what others notice of it.

    python -m benchmarks.history --rounds 5
    python -m benchmarks.history --parts views --rows 50000000

record    from the stream into PostgreSQL and into SQLite: quotes/s of a core, recorder and database together; bytes a tick
views     a day of minute bars, and a first page of ticks, out of `--rows` ticks that PostgreSQL made itself
exports   all ticks of a busy contract as CSV and Arrow, from both databases, through a server
load      sign-ins and edits of watchlists while a recorder stores `--rate` quotes/s into SQLite
"""

import argparse
import asyncio
import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.open_feeds import OPEN_FEEDS
from tests.postgresql import start_postgresql
from tests.valkey import start_valkey

from .figures import table

PARTS: Final = ("record", "views", "exports", "load")
SYMBOLS: Final = 500
TICKS_A_DAY: Final = 5_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp")))
        folder.chmod(0o755)
        valkey = start_valkey(folder / "redis")
        stack.callback(valkey.stop)
        postgresql = start_postgresql(folder / "pg") if {"record", "views", "exports"} & set(options.parts) else None
        if postgresql is not None:
            stack.callback(postgresql.stop)
        os.environ.update(
            STRIKEWIRE_VAR=str(folder / "var"),
            REDIS_URL=valkey.url,
            HISTORY_REDIS_URL=valkey.url,
            DATABASE_URL=f"sqlite:///{folder / 'bench.sqlite3'}",
            HISTORY_DATABASE_URL=postgresql.url if postgresql else f"sqlite:///{folder / 'history.sqlite3'}",
            STRIKEWIRE_REQUESTS_PER_MINUTE="10000000",
            STRIKEWIRE_OPEN_FEEDS=OPEN_FEEDS,
            STRIKEWIRE_ALLOWED_HOSTS="testserver,127.0.0.1,localhost",
            DJANGO_SETTINGS_MODULE="project.settings",
        )
        import django

        django.setup()
        print(f"Python {sys.version.split()[0]}, {options.rounds} rounds", flush=True)
        for part in options.parts:
            globals()[f"_{part}"](options, folder, postgresql)


def _record(options: argparse.Namespace, folder: Path, postgresql: Any) -> None:
    from marketdata.history.database import Database

    from .history_recorder import record_once
    from .history_rows import market_entries

    entries = asyncio.run(market_entries(options.quotes))
    for database, server in ((Database(postgresql.url), postgresql), (Database(f"sqlite:///{folder}/r.sqlite3"), None)):
        rounds = [record_once(database, server, entries) for _ in range(options.rounds)]
        database.close()
        _tell(f"record into {database.vendor}: {options.quotes:,} quotes of the simulated market", rounds)


def _views(options: argparse.Namespace, folder: Path, postgresql: Any) -> None:
    from marketdata.history.database import history

    from . import history_queries, history_rows
    from .history_recorder import empty

    days = max(1, options.rows // TICKS_A_DAY)
    empty(history())
    seconds = history_rows.make_days(history(), options.rows, SYMBOLS, days)
    (stored,) = history().rows("SELECT count(*) FROM history_tick")[0]
    client = history_queries.prepare(SYMBOLS)
    rounds = [history_queries.ask(client, SYMBOLS, days) for _ in range(options.rounds)]
    history().close()
    _tell(f"views: {stored:,} ticks of {SYMBOLS} contracts over {days} days, made in {seconds:.0f} s", rounds)


def _exports(options: argparse.Namespace, folder: Path, postgresql: Any) -> None:
    from marketdata.history.database import Database
    from tests.path.stack import Stack

    from . import history_queries, history_rows
    from .history_recorder import empty

    formats = ["csv", *(["arrow"] if importlib.util.find_spec("arro3") else [])]
    for database, server in ((Database(postgresql.url), postgresql), (Database(f"sqlite:///{folder}/e.sqlite3"), None)):
        empty(database)
        extra = {"HISTORY_DATABASE_URL": database.url, "STRIKEWIRE_REQUESTS_PER_MINUTE": "100000"}
        with Stack(folder / f"e-{database.vendor}", symbols=20, user_count=1, extra=extra) as stack:
            from tests.path.universe import symbol_of

            history_rows.make_busy(database, stack.ids[symbol_of(0)], options.ticks)
            web = stack.start_web()
            for name in formats:
                history_queries.export(
                    stack, web, server, name, options.ticks
                )  # what it loads once is not what it grows by
            rounds: list[dict[str, float]] = []
            for _ in range(options.rounds):
                one: dict[str, float] = {}
                for name in formats:
                    one |= history_queries.export(stack, web, server, name, options.ticks)
                rounds.append(one)
        database.close()
        _tell(f"exports from {database.vendor}: {options.ticks:,} ticks of one contract", rounds)


def _load(options: argparse.Namespace, folder: Path, postgresql: Any) -> None:
    from tests.path.stack import Stack

    from . import history_load

    extra = {
        "HISTORY_DATABASE_URL": f"sqlite:///{folder}/load/history.sqlite3",
        "STRIKEWIRE_REQUESTS_PER_MINUTE": "100000",
        "STRIKEWIRE_HISTORY_MOST_GB": "0",
    }
    with Stack(folder / "load", symbols=history_load.SYMBOLS, user_count=4, extra=extra) as stack:
        stack.python("-c", history_load.SET_PASSWORD)
        stack.start("recorder", "manage.py", "record_history")
        web = stack.start_web()
        history_load.edit(web, stack, 0)
        rounds = [history_load.measure(stack, web, options.rate, options.seconds) for _ in range(options.rounds)]
    _tell(f"load: {options.rate:,} quotes/s into SQLite for {options.seconds:g} s a round", rounds)


def _tell(title: str, rounds: list[dict[str, float]]) -> None:
    digits = {name: 0 for name in rounds[0] if "/s" in name or "bytes" in name or "index" in name or name == "failed"}
    print(f"\n{title}\n{table(rounds, digits)}", flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quotes", type=int, default=300_000, help="recorded in a round")
    parser.add_argument("--rows", type=int, default=2_000_000, help="stored for `views`")
    parser.add_argument("--ticks", type=int, default=1_000_000, help="in an export")
    parser.add_argument("--rate", type=int, default=60_000, help="quotes/s of `load`")
    parser.add_argument("--seconds", type=float, default=20, help="of a round of `load`")
    parser.add_argument("--quick", action="store_true", help="one small round of each, which measures nothing")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.quotes, options.rows, options.ticks = 1, 5_000, 50_000, 5_000
        options.rate, options.seconds = 2_000, 3.0
    return options


if __name__ == "__main__":
    main()
