"""Rows of the history tables with defaults, and plain inserts of them: a test names only what it is about."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from marketdata.history import bars
from marketdata.history.columns import BAR, TICK, TRADE
from marketdata.history.database import Database
from marketdata.history.schema import DAY_S, partition_of
from marketdata.rows import seq_of

NOON_S: Final = 1_768_478_400  # 2026-01-15 12:00 UTC
TERM: Final = 1_252_800  # of a leader that took over then
GAP: Final = ("feed", "term", "from_us", "to_us", "count", "reason", "recorded_us")

Row = tuple[Any, ...]


def tick(k: int = 1, second: int = NOON_S, instrument: int = 1, **changes: Any) -> Row:
    """A tick in the order of `columns.TICK`: a plain quote of an option, number `k` of its term, received on the second and
    2 ms after its venue's time."""
    values: dict[str, Any] = {
        **dict.fromkeys(TICK),
        "second": second,
        "micro": 0,
        "seq": seq_of(TERM, k),
        "instrument": instrument,
        "lag_us": 2_000,
        "bid": 2.4,
        "ask": 2.5,
        "bid_size": 10.0,
        "ask_size": 12.0,
        "last": 2.45,
        "implied_volatility": 0.25,
        "delta": 0.5,
    }
    return _row(TICK, {**values, **changes})


def trade(trade_id: str = "1", second: int = NOON_S, instrument: int = 1, **changes: Any) -> Row:
    """A trade in the order of `columns.TRADE`, received on the second and 2 ms after its venue's time."""
    values: dict[str, Any] = {
        "second": second,
        "micro": 0,
        "instrument": instrument,
        "venue_us": second * 1_000_000 - 2_000,
        "price": 2.45,
        "size": 1.0,
        "trade_id": trade_id,
    }
    return _row(TRADE, {**values, **changes})


def gap(**changes: Any) -> Row:
    """A recorded gap in the order of `GAP`: the first second after noon."""
    values: dict[str, Any] = {
        "feed": "simulated",
        "term": TERM,
        "from_us": NOON_S * 1_000_000,
        "to_us": (NOON_S + 1) * 1_000_000,
        "count": 1,
        "reason": "stream_full",
        "recorded_us": (NOON_S + 2) * 1_000_000,
    }
    return _row(GAP, {**values, **changes})


def insert(database: Database, ticks: Iterable[Row] = (), trades: Iterable[Row] = (), gaps: Iterable[Row] = ()) -> None:
    """Puts the rows into the tables, PostgreSQL's partitions made where they are missing. Bars are not made: `insert_bars`
    does that."""
    ticks = list(ticks)
    connection = database.connect()
    try:
        if database.vendor == "postgresql":
            for day in sorted({row[TICK.index("second")] // DAY_S * DAY_S for row in ticks}):
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {partition_of(day)} PARTITION OF history_tick "
                    f"FOR VALUES FROM ({day}) TO ({day + DAY_S})"
                )
        _insert(database, connection, "history_tick", TICK, ticks)
        _insert(database, connection, "history_trade", TRADE, trades)
        _insert(database, connection, "history_gap", GAP, gaps)
        connection.commit()
    finally:
        connection.close()


def insert_bars(database: Database, ticks: Iterable[Row], trades: Iterable[Row] = ()) -> None:
    """Puts the bars into the tables that these ticks and trades make."""
    made = bars.of_ticks(ticks)
    for key, size in bars.trade_volumes(trades).items():
        made.setdefault(key, bars.Bar(*key)).trade_volume = size
    connection = database.connect()
    try:
        _insert(database, connection, "history_bar", BAR, map(msgspec.structs.astuple, made.values()))
        connection.commit()
    finally:
        connection.close()


def _row(columns: Sequence[str], values: dict[str, Any]) -> Row:
    unknown = values.keys() - set(columns)
    assert not unknown, f"no such column: {unknown}"
    return tuple(values[name] for name in columns)


def _insert(database: Database, connection: Any, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    places = ", ".join(["%s" if database.vendor == "postgresql" else "?"] * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
    connection.cursor().executemany(statement, rows)
