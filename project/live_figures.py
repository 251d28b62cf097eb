"""The figures of the live line: what ingest and the web processes leave in Redis each second, read for the operator."""

from dataclasses import dataclass
from typing import Self, TypeVar

import hiredis
import msgspec

from marketdata.bus import said
from marketdata.bus.beacon import Beacon
from marketdata.bus.client import Client
from marketdata.bus.connection import RedisDownError


class _FeedStatus(msgspec.Struct):
    term: int = 0
    kind: str = ""
    health: str = ""
    reason: str | None = None
    quotes_per_second: float = 0
    lag_ms: float | None = None
    shares: int = 1


class _RecorderStatus(msgspec.Struct):
    health: str = ""
    reason: str | None = None
    behind_ms: int = 0


class _WebStatus(msgspec.Struct):
    sockets: int = 0
    frames_per_second: float = 0


Status = TypeVar("Status", _FeedStatus, _WebStatus, _RecorderStatus)
# Younger than that, what waits to be stored is on its way.
_BEHIND_MS = 5_000


@dataclass(frozen=True)
class LiveFigures:
    """What is not known (a key that ran out, a server that does not answer) is 0, None or empty. Of a split feed they are
    those of all its `shares` together, and the health is that of the worst."""

    feed: str
    term: int = 0
    kind: str = ""
    health: str = ""
    reason: str | None = None
    quotes_per_second: float = 0
    lag_ms: float | None = None
    shares: int = 1
    sockets: int = 0
    frames_per_second: float = 0
    webs: int = 0
    # In a few words; empty where it is as it should be, or nobody records.
    history: str = ""

    @property
    def leads(self) -> bool:
        """Whether a leader publishes this feed now, and has heard from it."""
        return self.term > 0 and self.health != "taking_over"

    def line(self) -> str:
        lag = "unknown" if self.lag_ms is None else f"{self.lag_ms:,.0f} ms"
        health = self.health or ("ok" if self.leads else "no leader")
        split = f" in {self.shares} shares" if self.shares > 1 else ""
        return (
            f"feed {self.feed}{split} ({health})   {self.quotes_per_second:,.0f} quotes/s   "
            f"{self.sockets:,} {'socket' if self.sockets == 1 else 'sockets'}   lag {lag}"
            + (f"   history {self.history}" if self.history else "")
        )


class FiguresReader:
    """Reads them over one connection. `async with`; every wait is bounded."""

    def __init__(self, url: str, installation: str, feed: str) -> None:
        self._client = Client(url, f"{installation}-up")
        self._installation = installation
        self._feed = feed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.close()

    async def read(self) -> LiveFigures:
        prefix = self._installation
        try:
            webs = await self._client.call("SMEMBERS", f"{prefix}:webs")
            recorders = await self._client.call("ZRANGE", f"{prefix}:recorders", 0, -1)
            keys = [
                f"{prefix}:status:{self._feed}",
                *(f"{prefix}:recorder:".encode() + name for name in recorders),
                *(f"{prefix}:web:".encode() + web for web in webs),
            ]
            feed_value, *values = await self._client.call("MGET", *keys)
            feed = _decoded(feed_value, _FeedStatus) or _FeedStatus()
            if said.split(feed):  # what stands there is one share's
                feed = _together(await said.read(self._client, said.BEACONS, self._feed))
        except (RedisDownError, hiredis.ReplyError):
            return LiveFigures(self._feed)
        recorder_values, web_values = values[: len(recorders)], values[len(recorders) :]
        found = [web for value in web_values if (web := _decoded(value, _WebStatus)) is not None]
        recording = [one for value in recorder_values if (one := _decoded(value, _RecorderStatus)) is not None]
        return LiveFigures(
            feed=self._feed,
            **msgspec.structs.asdict(feed),
            sockets=sum(web.sockets for web in found),
            frames_per_second=sum(web.frames_per_second for web in found),
            webs=len(found),
            history=_worst(recording),
        )


def _together(beacon: Beacon | None) -> _FeedStatus:
    if beacon is None:
        return _FeedStatus()
    return _FeedStatus(**{name: getattr(beacon, name) for name in _FeedStatus.__struct_fields__})


def _worst(recorders: list[_RecorderStatus]) -> str:
    for one in recorders:
        if one.health == "near_cap":
            return "NEARLY FULL, see the recorder's log"
    behind = max((one.behind_ms for one in recorders), default=0)
    late = f"{behind / 1000:,.0f} s behind" if behind > _BEHIND_MS else ""
    return next((f"down, {late}" if late else "down" for one in recorders if one.health == "down"), late)


def _decoded(value: bytes | None, kind: type[Status]) -> Status | None:
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=kind, strict=False)
    except msgspec.MsgspecError:  # another version's: better no figure than no line
        return None
