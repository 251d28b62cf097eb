"""The day of up to 500 instruments as small lines: one request for a whole list."""

from typing import Any, Final

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from .. import lookup
from ..bus import newest
from ..history import day_closes
from ..history.database import history
from ..models import Instrument
from . import etag, live, parameters, rights
from .history_view import StoredView
from .quotes import MOST, SYMBOLS, RefusedSerializer, refusals

_PRICES: Final = ("mid", "last")


class SparklineSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="As it was asked for.")
    feed = serializers.CharField(help_text="The feed that it comes from.")
    symbol = serializers.CharField(help_text="The instrument's symbol.")
    id = serializers.IntegerField(help_text="The instrument's id.")
    day = serializers.DateField(
        allow_null=True,
        help_text="The exchange's day: the one of now, or where it is closed the one before. Null while the feed is not "
        "heard, and so says no time.",
    )
    opens_at = serializers.DateTimeField(
        allow_null=True, help_text="When its session opens, on the feed's clock; RFC 3339 in UTC."
    )
    closes_at = serializers.DateTimeField(
        allow_null=True, help_text="The first instant after its session, on the feed's clock; RFC 3339 in UTC."
    )
    step_minutes = serializers.IntegerField(
        allow_null=True, help_text="There is at most one point for so many minutes, counted from the opening."
    )
    price = serializers.ChoiceField(
        [(one, one) for one in _PRICES],
        allow_null=True,
        help_text="Which price the points are of: `mid` of quotes that have both sides and do not cross, where there was "
        "any that day, else `last` as quoted. Null where there is no point.",
    )
    minutes = serializers.ListField(
        child=serializers.IntegerField(help_text="Minutes since the opening."),
        help_text="The end of the stored minute of each point, in minutes since the opening, rising.",
    )
    values = serializers.ListField(
        child=serializers.FloatField(help_text="In the instrument's currency."),
        help_text="The price of each point, in the instrument's currency.",
    )


class SparklinesView(StoredView):
    query = ("symbols",)
    tagged = True

    @extend_schema(
        operation_id="get_sparklines",
        parameters=[SYMBOLS],
        responses=inline_serializer(
            "Sparklines",
            {
                "refused": RefusedSerializer(many=True, help_text="Symbols that are not offered, with the reason."),
                "results": SparklineSerializer(many=True, help_text="Those that are offered, in the order asked for."),
            },
        ),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The day's course of many instruments, for lines as small as a word: the last stored price of every five minutes,
        or of every quarter of an hour where a session is longer than eight hours. Bars have all of it, one instrument at a
        time. What is not offered is named in `refused`, and the others come all the same."""
        names = parameters.listed(request, "symbols", MOST, "symbols")
        found = lookup.find(names, rights.access_of(request))
        offered = {name: one for name, one in found.items() if isinstance(one, Instrument)}
        feeds = {one.feed for one in offered.values()}
        rights.used(request, *feeds)
        beacons = newest.read({feed: {} for feed in feeds}).beacons
        clocks = {feed: live.feed_now_ms(beacon) for feed, beacon in beacons.items()}
        days: dict[int, day_closes.Day] = {}
        for one in offered.values():
            now_ms = clocks[one.feed]
            if now_ms is not None and (day := day_closes.day_of(one.facts(), now_ms / 1000)) is not None:
                days[one.pk] = day
        lines = day_closes.closes(history(), days)
        answer = {
            "refused": refusals(found),
            "results": [_shown(name, one, days.get(one.pk), lines.get(one.pk)) for name, one in offered.items()],
        }
        # Of the answer itself: what is stored may come late, so that no instant says whether there is more.
        return etag.answered(request, etag.tag_of("sparklines", answer), lambda: live.json(answer))


def _shown(name: str, one: Instrument, day: day_closes.Day | None, line: day_closes.Closes | None) -> dict[str, Any]:
    session = None if day is None else day.session
    return {
        "name": name,
        "feed": one.feed,
        "symbol": one.symbol,
        "id": one.pk,
        "day": None if session is None else session.day.isoformat(),
        "opens_at": None if session is None else live.rfc3339(session.opens_s * 1000),
        "closes_at": None if session is None else live.rfc3339(session.closes_s * 1000),
        "step_minutes": None if day is None else day.step_minutes,
        "price": None if line is None else line.price,
        "minutes": [] if line is None else line.minutes,
        "values": [] if line is None else line.values,
    }
