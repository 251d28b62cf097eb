"""The volatility surface of an underlying: every expiry by strike, with implied volatilities as the smiles have them, and
volume and open interest of both sides.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from ..bus import newest
from ..bus.last_values import Row
from . import chain_queries, etag, expiries, live, rights
from .chain_queries import Expiry
from .formats import FORMATS, Column, Negotiation, Table, chosen, format_parameter, is_json, table_response
from .formats.ndjson import objects
from .schema import tables_beside
from .smile import COLUMNS as POINT
from .smile import PointSerializer
from .view import View

_RIGHTS: Final = ("C", "P")
_INTEREST: Final = (
    Column("call_volume", "number", "Contracts of the call traded in this session; null where unknown."),
    Column("put_volume", "number", "Contracts of the put traded in this session; null where unknown."),
    Column("call_open_interest", "number", "Open contracts of the call; null where unknown."),
    Column("put_open_interest", "number", "Open contracts of the put; null where unknown."),
)
COLUMNS: Final = (
    *POINT,
    Column("flags", "whole", "Of the row it is seen from, as a sum: as in the stream; 8 is greeks by our model."),
    *_INTEREST,
)
_RECEIVED: Final = Column(
    "received_at", "time", "When the newest of its rows was received, on the feed's clock; RFC 3339 in UTC."
)
# A table has no place beside its rows.
_TABLE: Final = (
    Column("feed", "text", "The feed that it comes from."),
    Column("underlying", "text", "Symbol of the underlying, on this feed."),
    *expiries.COLUMNS,
    _RECEIVED,
    *COLUMNS,
)


class SurfaceStrikeSerializer(PointSerializer):
    def get_fields(self) -> dict[str, live.AnyField]:
        return {**super().get_fields(), **live.fields_of(COLUMNS[len(POINT) :])}


class SurfaceExpirySerializer(expiries.ExpirySerializer):
    def get_fields(self) -> dict[str, live.AnyField]:
        strikes = SurfaceStrikeSerializer(
            many=True, help_text="Those offered, by rising strike; none while no forward is known."
        )
        return {**super().get_fields(), **live.fields_of((_RECEIVED,)), "points": strikes}


class SurfaceView(View):
    query = ("format",)
    tagged = True
    content_negotiation_class = Negotiation
    renderer_classes = FORMATS

    @extend_schema(
        operation_id="get_surface",
        parameters=[format_parameter()],
        responses=tables_beside(
            inline_serializer(
                "Surface",
                {
                    **expiries.UNDERLYING_FIELDS,
                    "underlying_price": serializers.FloatField(
                        allow_null=True,
                        help_text="The underlying's newest price, in its currency; null where none is known.",
                    ),
                    "feed_status": live.FeedSerializer(help_text="How the feed is."),
                    "expiries": SurfaceExpirySerializer(many=True, help_text="By day and root."),
                },
            ),
            _TABLE,
        ),
    )
    def get(self, request: Request, underlying: str) -> HttpResponseBase:
        """The volatility surface of an underlying: of every expiry the smile, with volume and open interest of calls and
        puts by strike. As a table, a row a strike."""
        instrument = chain_queries.underlying(underlying, rights.access_of(request))
        rights.used(request, instrument.feed)
        found = chain_queries.expiries(instrument)
        ids = [option.id for one in found for option in one.options]
        now = newest.read({instrument.feed: {instrument.symbol: [instrument.id, *ids]}})
        beacon = now.beacons[instrument.feed]
        now_ms = live.feed_now_ms(beacon)
        own = expiries.own_price(instrument, now.rows)

        def surface() -> list[tuple[tuple[Any, ...], int | None, list[tuple[Any, ...]]]]:
            made = []
            for name, one in zip(chain_queries.names_of(found), found, strict=True):
                seen = expiries.seen(one, now.rows, expiries.forward(one, now.rows, own))
                made.append(
                    (expiries.shown(name, one, seen, now_ms), _received(one, now.rows), _strikes(one, seen, now.rows))
                )
            return made

        def make() -> HttpResponseBase:
            if not is_json(request):
                before = (instrument.feed, instrument.symbol)
                rows = [(*before, *head, received, *row) for head, received, strikes in surface() for row in strikes]
                return table_response(request, Table(_TABLE, rows), f"surface-{instrument.symbol}")
            return live.json(
                {
                    **expiries.underlying_shown(instrument),
                    "underlying_price": own,
                    "feed_status": live.feed_shown(instrument.feed, beacon),
                    "expiries": [
                        {
                            **expiries.by_name(head),
                            "received_at": None if received is None else live.rfc3339(received / 1000),
                            "points": objects(COLUMNS, strikes),
                        }
                        for head, received, strikes in surface()
                    ],
                }
            )

        tag = etag.tag_of(
            "surface",
            chosen(request).format,
            expiries.underlying_shown(instrument),
            own,
            [
                (
                    one.day,
                    one.root,
                    one.expires_at,
                    [(*option, live.seq(now.rows.get(option.id))) for option in one.options],
                )
                for one in found
            ],
            live.feed_state(beacon),
            expiries.minute(now_ms),
        )
        return etag.answered(request, tag, make)


def _strikes(one: Expiry, seen: expiries.Seen, rows: Mapping[int, Row]) -> list[tuple[Any, ...]]:
    """Its strikes by COLUMNS."""
    options = {(option.strike, option.right): option for option in one.options}
    made = []
    for point in seen.points:
        sides = [options.get((point.strike, right)) for right in _RIGHTS]
        both = [None if side is None else rows.get(side.id) for side in sides]
        place = _RIGHTS.index(point.right)
        own, row = sides[place], both[place]
        made.append(
            (
                point.strike,
                round(point.log_moneyness, 8),
                point.right,
                None if own is None else own.symbol,
                point.delta,
                point.bid_iv,
                point.mark_iv,
                point.ask_iv,
                None if row is None else row["flags"],
                *(None if each is None else each["volume"] for each in both),
                *(None if each is None else each["open_interest"] for each in both),
            )
        )
    return made


def _received(one: Expiry, rows: Mapping[int, Row]) -> int | None:
    """When the newest of its rows was received, microseconds since 1970."""
    times = [
        row["venue_time_ms"] + (row["lag_ms"] or 0.0)
        for option in one.options
        if (row := rows.get(option.id)) is not None and row["venue_time_ms"] is not None
    ]
    return round(max(times) * 1000) if times else None
