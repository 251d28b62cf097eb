"""Retention in PostgreSQL: days that are over go with their partition, whole, which costs nothing a tick. Where a day is a
large part of all that may be kept, its oldest ticks go, and what is left of it is written anew; of the day that is still
being written they go too, and their pages are used again.
"""

import datetime as dt
import logging
import re
import time
from typing import Any, Final, NamedTuple

import psycopg

from ..first_line import first_line
from .pruning import MARK, ShouldStop, now_us
from .schema import DAY_S

logger = logging.getLogger(__name__)

# What a tick takes at most, with its index. Deleted rows leave a file as large as it was, so it is by the rows in it that a
# file is measured which has been deleted from.
TICK_BYTES: Final = 250
# A whole day is dropped for a size where that leaves at least this much of the limit in use.
_KEPT_SHARE: Final = 0.75
# Who waits for a table keeps others waiting behind: not for long, and rather some times.
_LOCK_TIMEOUT: Final = "300ms"
# A new index beside the old one waits for who reads, and holds nobody up.
_INDEX_TIMEOUT: Final = "60s"
_TRIES: Final = 5
_AGAIN_S: Final = 0.5
_SLICE: Final = 20_000
_DAY: Final = re.compile(r"history_tick_(\d{8})")


# A day is over for this long before its index is made anew: what comes late has come.
_CLOSED_S: Final = 3_600
_COMPACT: Final = "compact"


class Part(NamedTuple):
    """A partition: `day` is the first second of its UTC day, None of the default one."""

    name: str
    day: int | None
    size: int


class PostgresqlPruner:
    """See `pruning.Pruner`. `connection` commits each statement."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def size(self, most_bytes: int = 0) -> int:
        parts = self._parts()
        others = self._number(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r' AND relname IN "
            "('history_bar', 'history_trade', 'history_gap', 'history_reject', 'history_pruned', 'history_schema')"
        )
        files = others + sum(part.size for part in parts)
        if not most_bytes or files <= most_bytes:
            return files
        # Only these are ever deleted from. To count the rows of a large day takes seconds, so it is done only here.
        days = [part for part in parts if part.day is not None]
        thinned = {*days[:1], *days[-1:], *(part for part in parts if part.day is None)}
        return files - sum(part.size - self._in_use(part) for part in thinned)

    def older_ticks(self, cut: int, should_stop: ShouldStop) -> int:
        gone = 0
        for part in self._parts():
            if should_stop():
                break
            if part.day is None:
                gone += self._delete_before(part, cut, should_stop)
            elif part.day + DAY_S <= cut:
                gone += self._drop(part) or 0
        return gone

    def oldest_ticks(self, most_bytes: int, should_stop: ShouldStop) -> tuple[int, int | None]:
        gone = 0
        up_to: int | None = None
        while (over := self.size(most_bytes) - most_bytes) > 0 and not should_stop():
            parts = self._parts()
            oldest = next((part for part in parts if part.day is not None or self._in_use(part)), None)
            if oldest is None:
                break
            is_over = oldest.day is not None and any(part.day for part in parts if part is not oldest)
            size = self._in_use(oldest)
            if is_over and size <= over + most_bytes * (1 - _KEPT_SHARE):
                taken = self._drop(oldest)
                newest = None if oldest.day is None else oldest.day + DAY_S - 1
                has_gone = taken is not None
            elif size:
                taken, newest = self._thin(oldest, min(1.0, (over + most_bytes * 0.02) / size), is_over)
                has_gone = bool(taken)
            else:
                break
            if not has_gone:
                break
            gone += taken or 0
            up_to = max((one for one in (up_to, newest) if one is not None), default=None)
        return gone, up_to

    def compact(self, now: float) -> int:
        """Makes the index of one day that is over anew, once. It grew at as many places as there are instruments, and its
        pages are two thirds full: 44 bytes a tick, and 29 afterwards. Writers and readers go on meanwhile."""
        found = self._connection.execute(
            "SELECT t.relname, i.oid::regclass::text, pg_relation_size(i.oid) FROM pg_inherits "
            "JOIN pg_class t ON t.oid = inhrelid JOIN pg_index x ON x.indrelid = t.oid AND x.indisvalid "
            "JOIN pg_class i ON i.oid = x.indexrelid WHERE inhparent = 'history_tick'::regclass "
            "AND obj_description(i.oid) IS DISTINCT FROM %s ORDER BY t.relname",
            (_COMPACT,),
        ).fetchall()
        for table, index, size in found:
            day = _day_of(table)
            if day is not None and day + DAY_S + _CLOSED_S <= now:
                return self._made_anew(table, index, size)
        return 0

    def estimate(self, cut: int | None, most_bytes: int) -> int:
        parts = self._parts()
        old = sum(
            self._number(f"SELECT count(*) FROM {part.name} WHERE second < %s", cut)
            for part in parts
            if cut is not None and (part.day is None or part.day + DAY_S <= cut)
        )
        over = max(0, self.size(most_bytes) - most_bytes) // TICK_BYTES if most_bytes else 0
        return max(old, over)

    # ── Partitions ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _parts(self) -> list[Part]:
        """The oldest first, the default one last."""
        found = []
        for name, size in self._connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class JOIN pg_inherits ON oid = inhrelid "
            "WHERE inhparent = 'history_tick'::regclass ORDER BY relname"
        ).fetchall():
            found.append(Part(name, _day_of(name), size))
        return sorted(found, key=lambda part: (part.day is None, part.name))

    def _in_use(self, part: Part) -> int:
        """Bytes that its rows take."""
        return min(part.size, TICK_BYTES * self._number(f"SELECT count(*) FROM {part.name}"))

    def _drop(self, part: Part) -> int | None:
        """How many ticks went; None where somebody reads it, or anything beside it, for too long."""
        for attempt in range(_TRIES):
            try:
                with self._connection.transaction():
                    self._connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                    gone = self._mark(part.name, "true")
                    self._connection.execute(f"DROP TABLE {part.name}")
            except psycopg.errors.LockNotAvailable:
                if attempt < _TRIES - 1:
                    time.sleep(_AGAIN_S)
            else:
                return gone
        logger.info("%s is being read, and goes later", part.name)
        return None

    def _thin(self, part: Part, share: float, is_over: bool) -> tuple[int, int | None]:
        """Takes the oldest `share` of its ticks: how many, and up to which second."""
        cut: int | None = self._connection.execute(
            f"SELECT percentile_disc(%s::float8) WITHIN GROUP (ORDER BY second) FROM {part.name}", (share,)
        ).fetchone()[0]  # type: ignore[index]
        if cut is None:
            return 0, None
        gone = self._delete(part.name, "second <= %s", cut)
        self._connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
        try:
            # The file of a day that is over would keep its empty pages for nobody.
            self._connection.execute(f"VACUUM ({'FULL' if is_over else 'ANALYZE'}) {part.name}")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DiskFull) as error:
            logger.info("%s keeps its size for now: %s", part.name, first_line(error))
        finally:
            self._connection.execute("RESET lock_timeout")
        return gone, cut

    def _made_anew(self, table: str, index: str, size: int) -> int:
        # What an earlier try left, which was cut off.
        for (broken,) in self._connection.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND NOT indisvalid", (table,)
        ).fetchall():
            self._connection.execute(f"DROP INDEX {broken}")
        self._connection.execute(f"SET lock_timeout = '{_INDEX_TIMEOUT}'")
        try:
            self._connection.execute(f"REINDEX INDEX CONCURRENTLY {index}")
            self._connection.execute(f"COMMENT ON INDEX {index} IS '{_COMPACT}'")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DiskFull, psycopg.errors.UndefinedTable) as error:
            logger.info("%s keeps its size for now: %s", index, first_line(error))
            return 0
        finally:
            self._connection.execute("RESET lock_timeout")
        return size - self._number("SELECT pg_relation_size(%s::regclass)", index)

    def _delete_before(self, part: Part, cut: int, should_stop: ShouldStop) -> int:
        gone = 0
        while not should_stop():
            some = f"ctid = ANY(ARRAY(SELECT ctid FROM {part.name} WHERE second < %s LIMIT {_SLICE}))"
            deleted = self._delete(part.name, some, cut)
            gone += deleted
            if deleted < _SLICE:
                break
        return gone

    def _delete(self, table: str, where: str, *parameters: object) -> int:
        """Deletes, with the marks, in one statement."""
        return self._number(
            f"WITH gone AS (DELETE FROM {table} WHERE {where} RETURNING instrument, seq), marks AS ("
            "INSERT INTO history_pruned SELECT 'ticks', instrument, max(seq), count(*), %s FROM gone GROUP BY instrument "
            f"{MARK}) SELECT count(*) FROM gone",
            *parameters,
            now_us(),
        )

    def _mark(self, table: str, where: str) -> int:
        return self._number(
            f"WITH marks AS (SELECT instrument, max(seq) AS up_to, count(*) AS count FROM {table} WHERE {where} "
            "GROUP BY instrument), kept AS (INSERT INTO history_pruned "
            f"SELECT 'ticks', instrument, up_to, count, %s FROM marks {MARK}) SELECT coalesce(sum(count), 0) FROM marks",
            now_us(),
        )

    def _number(self, sql: str, *parameters: object) -> int:
        found = self._connection.execute(sql, parameters).fetchone()
        assert found is not None
        return int(found[0])


def _day_of(partition: str) -> int | None:
    """The first second of a partition's UTC day; None of the default one."""
    day = _DAY.fullmatch(partition)
    return int(dt.datetime.strptime(f"{day[1]}+0000", "%Y%m%d%z").timestamp()) if day else None
