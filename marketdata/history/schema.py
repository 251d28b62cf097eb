"""The history tables, made where they are missing. They are no Django models: what is written here goes past the ORM, and
the database is never joined with the one that has users and instruments.
"""

import datetime as dt
import re
from typing import Any, Final

from .columns import BAR_PRICES, VALUES

VERSION: Final = 1
_TYPES: Final = re.compile(r"double precision|bigint|smallint|integer")
DAY_S: Final = 86_400

_FLOATS: Final = ",\n  ".join(f"{name} double precision" for name in VALUES)
_PRICES: Final = ",\n  ".join(f"{name} double precision" for name in BAR_PRICES)

_TICK: Final = f"""
  second integer NOT NULL,
  micro integer NOT NULL,
  seq bigint NOT NULL,
  instrument integer NOT NULL,
  lag_us integer,
  {_FLOATS},
  flags smallint,
  venue_us bigint
"""

_COMMON: Final = (
    f"""CREATE TABLE IF NOT EXISTS history_bar (
  instrument integer NOT NULL,
  minute integer NOT NULL,
  ticks integer NOT NULL,
  first_seq bigint,
  last_seq bigint,
  {_PRICES},
  volume_first double precision,
  volume_last double precision,
  volume_gain double precision,
  trade_volume double precision,
  implied_volatility double precision,
  PRIMARY KEY (instrument, minute)
) %(bar_options)s""",
    """CREATE TABLE IF NOT EXISTS history_trade (
  second integer NOT NULL,
  micro integer NOT NULL,
  instrument integer NOT NULL,
  venue_us bigint NOT NULL,
  price double precision NOT NULL,
  size double precision NOT NULL,
  trade_id text NOT NULL,
  UNIQUE (instrument, trade_id)
)""",
    "CREATE INDEX IF NOT EXISTS history_trade_time ON history_trade (instrument, second)",
    # What was accepted and is not here: `count` quotes of a term, received from `from_us` to `to_us`.
    """CREATE TABLE IF NOT EXISTS history_gap (
  feed text NOT NULL,
  term bigint NOT NULL,
  from_us bigint NOT NULL,
  to_us bigint NOT NULL,
  count bigint NOT NULL,
  reason text NOT NULL,
  recorded_us bigint NOT NULL,
  UNIQUE (feed, term, from_us, reason)
)""",
    "CREATE INDEX IF NOT EXISTS history_gap_begins ON history_gap (feed, from_us)",
    "CREATE INDEX IF NOT EXISTS history_gap_ends ON history_gap (feed, to_us)",
    # Rows that the database would not take, each with why. `instrument` and `seq` are null where they cannot be read.
    """CREATE TABLE IF NOT EXISTS history_reject (
  feed text NOT NULL,
  term bigint NOT NULL,
  instrument integer,
  seq bigint,
  row_text text NOT NULL,
  reason text NOT NULL,
  recorded_us bigint NOT NULL,
  UNIQUE (feed, term, row_text)
)""",
    # What retention took away. `what` is `ticks`: of an instrument, up to the seq `up_to`; `trades` or `bars`: of every
    # instrument (0), received before the second `up_to`.
    """CREATE TABLE IF NOT EXISTS history_pruned (
  what text NOT NULL,
  instrument integer NOT NULL,
  up_to bigint NOT NULL,
  count bigint NOT NULL,
  pruned_us bigint NOT NULL,
  UNIQUE (what, instrument)
)""",
)

_POSTGRESQL: Final = (
    f"CREATE TABLE IF NOT EXISTS history_tick ({_TICK}) PARTITION BY RANGE (second)",
    # Leaves grow at many places, each upwards, and are never updated: they may be full.
    "CREATE UNIQUE INDEX IF NOT EXISTS history_tick_key ON history_tick (instrument, second, seq) WITH (fillfactor = 100)",
    "CREATE TABLE IF NOT EXISTS history_tick_default PARTITION OF history_tick DEFAULT",
)
_SQLITE: Final = (
    f"CREATE TABLE IF NOT EXISTS history_tick ({_TICK}) STRICT",
    "CREATE UNIQUE INDEX IF NOT EXISTS history_tick_key ON history_tick (instrument, second, seq)",
)


class NewerSchemaError(Exception):
    """The database was made by a later release."""


def statements(vendor: str) -> list[str]:
    """Everything that makes the tables, each a statement that changes nothing where it was done before."""
    own = _POSTGRESQL if vendor == "postgresql" else _SQLITE
    # A bar is written over some times a minute: room beside it lets PostgreSQL do so in place.
    options = "WITH (fillfactor = 70)" if vendor == "postgresql" else "WITHOUT ROWID, STRICT"
    texts = [
        "CREATE TABLE IF NOT EXISTS history_schema (version integer NOT NULL)",
        *own,
        *(text.replace("%(bar_options)s", options) for text in _COMMON),
    ]
    if vendor == "postgresql":
        return texts
    # STRICT, so that SQLite refuses a text where a number belongs; it knows fewer names of types.
    return [_TYPES.sub(lambda found: "REAL" if found[0] == "double precision" else "INTEGER", text) for text in texts]


def ensure(connection: Any, vendor: str) -> None:
    """Makes what is missing, in one transaction. Raises NewerSchemaError."""
    cursor = connection.cursor()
    if vendor == "postgresql":
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('strikewire history schema'))")
    else:
        cursor.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(vendor):
            cursor.execute(statement)
        known = cursor.execute("SELECT version FROM history_schema").fetchone()
        if known is None:
            cursor.execute(f"INSERT INTO history_schema VALUES ({VERSION})")
        elif known[0] > VERSION:
            raise NewerSchemaError(f"the history database has version {known[0]}, and this release knows {VERSION}")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def partition_of(second: int) -> str:
    """The name of the PostgreSQL partition for that instant's UTC day."""
    return f"history_tick_{dt.datetime.fromtimestamp(second, dt.UTC):%Y%m%d}"
