"""What the history benchmarks store: quotes as the simulated market makes them, and ticks that the database makes."""

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus.history_stream import join_rows
from marketdata.feeds.simulated.market import Market
from marketdata.history.columns import BAR_PRICES, VALUES
from marketdata.history.database import Database
from marketdata.history.schema import DAY_S, partition_of
from marketdata.ingest.enrich import enriched

TERM: Final = 1_252_800
BATCH: Final = 200  # rows of a flush under load
# When the made-up days begin: 2026-01-05, a Monday.
FIRST_DAY: Final = 1_767_571_200

_RATE: Final = 1_000_000


async def market_entries(count: int) -> list[tuple[int, bytes]]:
    """Entries of the stream, as (rows, text of the rows): `count` quotes of the simulated market, as fast as it goes."""
    market = Market(_RATE, 1)
    numbers = {facts.symbol: number for number, facts in enumerate(await market.instruments(), 1)}
    counts: defaultdict[int, int] = defaultdict(int)
    entries: list[tuple[int, bytes]] = []
    framed: list[bytes] = []
    made = 0
    async for batch in market.batches():
        for quote in batch.quotes:
            number = numbers[quote.symbol]
            counts[number] += 1
            framed.append(rows.encode(number, rows.seq_of(TERM, counts[number]), enriched(quote, True)))
            made += 1
            if len(framed) == BATCH or made == count:
                entries.append((len(framed), join_rows(framed)))
                framed = []
            if made == count:
                return entries
    raise AssertionError("the market ended")


def append(client: Any, feed: str, entries: Iterable[tuple[int, bytes]]) -> None:
    """Puts them onto the stream, as a flush does."""
    pipe = client.pipeline(transaction=False)
    for number, (count, text) in enumerate(entries, 1):
        pipe.xadd(keys.history_stream(), {"feed": feed, "term": TERM, "count": count, "rows": text})
        pipe.incrby(keys.history_size(), len(text))
        if not number % 500:
            pipe.execute()
    pipe.execute()


def make_days(database: Database, ticks: int, instruments: int, days: int) -> float:
    """PostgreSQL's own: `ticks` in all, spread evenly over these, and the minute bars of each; in how many seconds."""
    began = time.monotonic()
    each = ticks // instruments // days
    values = ", ".join(f"{n} + 0.25 * (k % 40)" for n, _ in enumerate(VALUES))
    connection = database.connect()
    connection.autocommit = True
    for day in range(days):
        first = FIRST_DAY + day * DAY_S
        name = partition_of(first)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF history_tick FOR VALUES FROM ({first}) TO ({first + DAY_S})"
        )
        connection.execute(
            f"INSERT INTO {name} SELECT {first} + (k::bigint * {DAY_S} / {each})::int, 0, "
            f"{rows.seq_of(TERM, 0)} + {day * each} + k + 1, i, 2000, {values}, NULL, NULL "
            f"FROM generate_series(0, {each - 1}) AS k, generate_series(1, {instruments}) AS i"
        )
        prices = ", ".join(f"{n} + 0.5" for n, _ in enumerate(BAR_PRICES))
        connection.execute(
            f"INSERT INTO history_bar SELECT i, {first // 60} + m, 10, 1, 2, {prices}, 1, 9, 8, NULL, 0.25 "
            f"FROM generate_series(0, 1439) AS m, generate_series(1, {instruments}) AS i"
        )
    connection.execute("VACUUM (ANALYZE) history_tick, history_bar")
    connection.close()
    return time.monotonic() - began


def make_busy(database: Database, instrument: int, ticks: int) -> None:
    """One instrument with as many ticks as that, over one day of PostgreSQL or of SQLite."""
    values = ", ".join(f"{n} + 0.25 * (k % 40)" for n, _ in enumerate(VALUES))
    connection = database.connect()
    first = FIRST_DAY
    head = (
        f"{first} + k * {DAY_S} / {ticks}, (k % 1000) * 1000, {rows.seq_of(TERM, 0)} + k + 1, {instrument}, 2000, "
        f"{values}, NULL, NULL"
    )
    if database.vendor == "postgresql":
        name = partition_of(first)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF history_tick FOR VALUES FROM ({first}) TO ({first + DAY_S})"
        )
        connection.execute(f"INSERT INTO history_tick SELECT {head} FROM generate_series(0::bigint, {ticks - 1}) AS k")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM (ANALYZE) history_tick")
    else:
        connection.execute(
            f"WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < {ticks - 1}) "
            f"INSERT INTO history_tick SELECT {head} FROM n"
        )
        connection.commit()
    connection.close()
