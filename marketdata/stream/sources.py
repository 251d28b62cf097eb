"""What a connection asked for, by name: each source is a set of instruments, and an instrument streams while any source
holds it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

SourceKind = Literal["symbols", "watchlist", "chain"]


class Source:
    """`key` is what the ids follow from: a watchlist's id, or a chain's (underlying, expiry)."""

    __slots__ = ("ids", "key", "kind")

    def __init__(self, kind: SourceKind, key: Any) -> None:
        self.kind: SourceKind = kind
        self.key = key
        self.ids: dict[int, None] = {}  # ordered


class Change(NamedTuple):
    """What a change of one source did. `added` and `removed` are of the source; `begun` and `ended` of the connection."""

    added: list[int]
    removed: list[int]
    refused: list[int]
    begun: list[int]
    ended: list[int]


class Holds:
    """How many sources of a process hold each instrument in the feed's coverage: those that name it. A chain does not; it
    follows what is covered."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    @property
    def ids(self) -> set[int]:
        return set(self._counts)

    def add(self, source: Source, ids: Iterable[int]) -> None:
        if source.kind != "chain":
            self._counts.update(tuple(ids))  # of a mapping it would add up the values

    def discard(self, source: Source, ids: Iterable[int]) -> None:
        if source.kind == "chain":
            return
        for instrument_id in ids:
            self._counts[instrument_id] -= 1
            if not self._counts[instrument_id]:
                del self._counts[instrument_id]


class Sources:
    """All sources of one connection, at most `limit` instruments together. What they hold is counted in `holds`."""

    __slots__ = ("_by_name", "_holds", "_limit", "_total")

    def __init__(self, limit: int, holds: Holds | None = None) -> None:
        self._by_name: dict[str, Source] = {}
        # How many instruments are held. By whom is looked up: a table of it would cost each socket as much as its sources.
        self._total = 0
        self._limit = limit
        self._holds = holds or Holds()

    @property
    def held(self) -> list[int]:
        return list(dict.fromkeys(i for source in self._by_name.values() for i in source.ids))

    @property
    def limit(self) -> int:
        return self._limit

    @property
    def total(self) -> int:
        return self._total

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Source | None:
        return self._by_name.get(name)

    def names(self) -> list[str]:
        return list(self._by_name)

    def release(self) -> None:
        """The connection ended: nothing is held any more."""
        for source in self._by_name.values():
            self._holds.discard(source, source.ids)
        self._by_name.clear()
        self._total = 0

    def _holds_any(self, instrument_id: int) -> bool:
        return any(instrument_id in source.ids for source in self._by_name.values())

    def put(self, name: str, kind: SourceKind, key: Any, ids: list[int], replace: bool) -> Change:
        """Makes the source hold `ids`, exactly these or these too. Those beyond the limit are refused one by one."""
        source = self._by_name.get(name)
        if source is None or source.kind != kind or source.key != key:
            fresh = Source(kind, key)
            if source is not None:
                fresh.ids = source.ids
                self._holds.discard(source, source.ids)
                self._holds.add(fresh, fresh.ids)
            source = self._by_name[name] = fresh
        ended: list[int] = []
        removed: list[int] = []
        if replace:
            keep = set(ids)
            removed = [i for i in source.ids if i not in keep]
            ended = self._drop(source, removed)
        added: list[int] = []
        begun: list[int] = []
        refused: list[int] = []
        for instrument_id in dict.fromkeys(ids):
            if instrument_id in source.ids:
                continue
            if not self._holds_any(instrument_id):
                if self._total >= self._limit:
                    refused.append(instrument_id)
                    continue
                begun.append(instrument_id)
                self._total += 1
            source.ids[instrument_id] = None
            self._holds.add(source, (instrument_id,))
            added.append(instrument_id)
        # What left and came back by the same message never ended.
        again = set(ended) & set(begun)
        return Change(
            added,
            removed,
            refused,
            [i for i in begun if i not in again],
            [i for i in ended if i not in again],
        )

    def take(self, name: str, ids: list[int] | None = None) -> Change:
        """Takes `ids` out of the source, or ends it whole."""
        source = self._by_name.get(name)
        if source is None:
            return Change([], [], [], [], [])
        removed = list(source.ids) if ids is None else [i for i in dict.fromkeys(ids) if i in source.ids]
        ended = self._drop(source, removed)
        if ids is None:
            del self._by_name[name]
        return Change([], removed, [], [], ended)

    def _drop(self, source: Source, ids: list[int]) -> list[int]:
        ended = []
        self._holds.discard(source, ids)
        for instrument_id in ids:
            del source.ids[instrument_id]
            if not self._holds_any(instrument_id):
                self._total -= 1
                ended.append(instrument_id)
        return ended
