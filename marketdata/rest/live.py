"""Live values as REST shows them: the columns of a newest row, and how its feed is."""

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, get_args

import msgspec
from django.http import HttpResponse
from rest_framework import serializers

from ..bus.beacon import Beacon, Health
from ..bus.last_values import Row as Newest
from ..feeds.base import FeedClock, FeedKind
from ..rows import FIELDS
from .formats.table import Column, Kind, Row, time_text

FEED_KINDS: Final = [(kind, kind) for kind in get_args(FeedKind)]
AnyField = serializers.Field[Any, Any, Any, Any]

_ABOUT: Final[tuple[tuple[str, Kind, str], ...]] = (
    ("seq", "whole", "Number of the row: rises with each of the instrument, as in the stream; null before the first."),
    ("venue_at", "time", "When the venue says that it happened, on the feed's clock; RFC 3339 in UTC."),
    ("received_at", "time", "When it was received, on the feed's clock; RFC 3339 in UTC."),
    ("age_ms", "number", "Time since it was received, ms on the feed's clock; null where the feed is not heard."),
    ("bid", "number", "Best bid, in the instrument's currency."),
    ("ask", "number", "Best ask, in the instrument's currency."),
    ("bid_size", "number", "Size at the best bid, in contracts."),
    ("ask_size", "number", "Size at the best ask, in contracts."),
    ("last", "number", "Price of the last trade, in the instrument's currency."),
    ("last_size", "number", "Size of the last trade, in contracts."),
    ("last_at", "time", "When the last trade was, on the feed's clock; RFC 3339 in UTC."),
    ("volume", "number", "Contracts traded in this session; null at venues that only have a rolling one."),
    ("open_interest", "number", "Open contracts."),
    ("mark", "number", "The venue's fair value, in the instrument's currency."),
    ("underlying_price", "number", "Price that the greeks refer to, in the underlying's currency."),
    ("reference_price", "number", "Price that change is measured from, in the instrument's currency."),
    ("implied_volatility", "number", "Of the mark, a fraction per year: 0.2345 is 23.45 %."),
    ("bid_iv", "number", "Implied volatility of the bid, a fraction per year."),
    ("ask_iv", "number", "Implied volatility of the ask, a fraction per year."),
    ("delta", "number", "Per unit of the underlying."),
    ("gamma", "number", "Change of delta per unit of the underlying's price."),
    ("theta", "number", "In the currency per calendar day."),
    ("vega", "number", "In the currency per one percentage point of volatility."),
    ("rho", "number", "In the currency per one percentage point of interest."),
    ("flags", "whole", "A sum: 1 crossed, 2 no bid, 4 no ask, 8 greeks by our model, 16 stale at the venue."),
)
COLUMNS: Final = tuple(Column(*one) for one in _ABOUT)
NAMES: Final = tuple(column.name for column in COLUMNS)
_NOTHING: Final[Row] = (None,) * len(COLUMNS)
_RENAMED: Final = {"last_at": "last_time_ms"}
# After the four that are worked out, the columns of the wire, in its order.
_WIRE: Final = tuple(_RENAMED.get(name, name) for name in NAMES[4:])
_LAST_AT: Final = NAMES.index("last_at")

assert FIELDS[4:] == _WIRE


def values(row: Newest | None, now_ms: float | None) -> Row:
    """A row by COLUMNS; all None where there is none yet. `now_ms` is the feed's time, None where that is unknown."""
    venue_ms = None if row is None else row["venue_time_ms"]
    if row is None or venue_ms is None:
        return _NOTHING
    received_ms = venue_ms + (row["lag_ms"] or 0.0)
    shown: list[Any] = [
        row["seq"],
        round(venue_ms * 1000),
        round(received_ms * 1000),
        None if now_ms is None else round(now_ms - received_ms, 3),
    ]
    shown += [row[name] for name in _WIRE]
    if shown[_LAST_AT] is not None:
        shown[_LAST_AT] = round(shown[_LAST_AT] * 1000)
    return tuple(shown)


def seq(row: Newest | None) -> float | None:
    """The number of a row; what of it makes another answer."""
    return None if row is None else row["seq"]


def rfc3339(ms: float) -> str:
    """A time in ms since 1970 as RFC 3339 in UTC, to the microsecond."""
    text = time_text(round(ms * 1000))
    assert text is not None
    return text


def json(data: Any) -> HttpResponse:
    """An answer of what msgspec can encode, several times as quick as REST framework's own."""
    return HttpResponse(msgspec.json.encode(data), content_type="application/json")


def feed_now_ms(beacon: Beacon | None) -> float | None:
    """The time on the feed's clock, ms since 1970; None where its leader is not heard, and so says no time."""
    if beacon is None:
        return None
    clock = FeedClock(beacon.clock_at_ms, beacon.clock_offset_ms, beacon.clock_rate)
    return clock.now(time.time() * 1000)


def feed_shown(feed: str, beacon: Beacon | None) -> dict[str, Any]:
    """How a feed is, as FeedSerializer describes it."""
    now_ms = feed_now_ms(beacon)
    if beacon is None or now_ms is None:
        reason = "The feed's ingest is not heard: values are the last that there were."
        return {"feed": feed, "kind": None, "health": "down", "reason": reason, "time": None}
    return {
        "feed": feed,
        "kind": beacon.kind,
        "health": beacon.health,
        "reason": beacon.reason,
        "time": rfc3339(now_ms),
    }


def feed_state(beacon: Beacon | None) -> tuple[str, str | None]:
    """What of the feed makes another answer of the same rows."""
    return ("down", None) if beacon is None else (beacon.health, beacon.reason)


class FeedSerializer(serializers.Serializer[Any]):
    feed = serializers.CharField(help_text="The feed that quotes come from.")
    kind = serializers.ChoiceField(
        FEED_KINDS,
        allow_null=True,
        help_text="What kind of feed it is; null while it is not heard.",
    )
    health = serializers.ChoiceField(
        [(health, health) for health in get_args(Health)],
        help_text="How it is, as the stream's `status` says it. Whatever is not `ok` means that values may be old.",
    )
    reason = serializers.CharField(allow_null=True, help_text="Why it is as it is, in words; null where it is `ok`.")
    time = serializers.DateTimeField(
        allow_null=True, help_text="Now, on the feed's clock; RFC 3339 in UTC. Null while it is not heard."
    )


def fields_of(columns: Iterable[Column], known: Collection[str] = ()) -> dict[str, AnyField]:
    """Serializer fields of such columns, null where unknown, save those that are always `known`."""
    made: dict[str, AnyField] = {}
    for column in columns:
        about: Any = {"allow_null": column.name not in known, "help_text": column.help_text}
        match column.kind:
            case "whole":
                made[column.name] = serializers.IntegerField(**about)
            case "number":
                made[column.name] = serializers.FloatField(**about)
            case "time":
                made[column.name] = serializers.DateTimeField(**about)
            case _:
                made[column.name] = serializers.CharField(**about)
    return made


def live_serializer(name: str, before: Mapping[str, AnyField]) -> type[serializers.Serializer[Any]]:
    """Of an object that has the columns of a row after the fields `before`."""
    return type(name, (serializers.Serializer,), {**before, **fields_of(COLUMNS)})
