"""Live quotes of up to 500 instruments: the newest row of each, in one query and one round trip to Redis."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from .. import lookup
from ..bus import newest
from ..models import Instrument
from . import etag, live, parameters, rights
from .formats import (
    FORMATS,
    Column,
    Negotiation,
    Table,
    chosen,
    format_parameter,
    is_json,
    json_response,
    table_response,
)
from .schema import tables_beside
from .view import View

MOST: Final = 500

_FACTS: Final = (
    Column("name", "text", "As it was asked for."),
    Column("feed", "text", "The feed that it comes from."),
    Column("symbol", "text", "The instrument's symbol."),
    Column("id", "whole", "The instrument's id."),
    Column("currency", "text", "Of its prices."),
)
COLUMNS: Final = (*_FACTS, *live.COLUMNS)
# A table has one row for each name, and no place beside it.
_REFUSED: Final = Column("refused", "text", "Why there is no quote: a code as in `refused`; null where there is one.")

QuoteSerializer: Final = live.live_serializer(
    "QuoteSerializer",
    live.fields_of(_FACTS, [one.name for one in _FACTS]),
)


class RefusedSerializer(serializers.Serializer[Any]):
    symbol = serializers.CharField(help_text="As it was asked for; of a long one the beginning.")
    code = serializers.ChoiceField(
        [(code, code) for code in ("unknown_symbol", "ambiguous_symbol", "not_streaming", "forbidden")],
        help_text="Why it has no quote: no feed has it, several do, it is not offered now, or the user may not see it.",
    )
    message = serializers.CharField(help_text="The same for people, with the choices.")


def refusals(found: Mapping[str, Instrument | lookup.NotFound]) -> list[dict[str, str]]:
    """What is not offered, as RefusedSerializer describes it."""
    return [
        {"symbol": name[:100], "code": one.code, "message": one.message}
        for name, one in found.items()
        if not isinstance(one, Instrument)
    ]


SYMBOLS: Final = OpenApiParameter(
    "symbols",
    {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": MOST},
    required=True,
    explode=False,
    style="form",
    description=f"1 to {MOST} symbols with commas between, each a symbol, or feed.symbol where two feeds have it.",
)


class QuotesView(View):
    query = ("symbols", "format")
    tagged = True
    content_negotiation_class = Negotiation
    renderer_classes = FORMATS

    @extend_schema(
        operation_id="get_quotes",
        parameters=[
            SYMBOLS,
            format_parameter(),
        ],
        responses=tables_beside(
            inline_serializer(
                "Quotes",
                {
                    "refused": RefusedSerializer(many=True, help_text="Symbols that are not offered, with the reason."),
                    "feeds": live.FeedSerializer(many=True, help_text="How the feeds of these quotes are."),
                    "results": QuoteSerializer(many=True, help_text="Those that are offered, in the order asked for."),
                },
            ),
            (*COLUMNS, _REFUSED),
        ),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The newest row of each symbol. What is not offered is named in `refused`, and the others come all the same; an
        instrument that has not quoted yet has nulls. The stream tells of changes sooner and cheaper than asking again."""
        names = parameters.listed(request, "symbols", MOST, "symbols")
        found = lookup.find(names, rights.access_of(request))
        asked: dict[str, dict[str, set[int]]] = {}
        for one in found.values():
            if isinstance(one, Instrument):
                asked.setdefault(one.feed, {}).setdefault(one.underlying, set()).add(one.id)
        rights.used(request, *asked)
        now = newest.read(asked)
        refused = refusals(found)
        clocks = {feed: live.feed_now_ms(beacon) for feed, beacon in now.beacons.items()}

        def row(name: str, one: Instrument) -> tuple[Any, ...]:
            shown = live.values(now.rows.get(one.id), clocks[one.feed])
            return (name, one.feed, one.symbol, one.id, one.currency, *shown)

        def make() -> HttpResponseBase:
            if not is_json(request):
                unknown = (None,) * (len(COLUMNS) - 1)
                rows = [
                    (*row(name, one), None) if isinstance(one, Instrument) else (name[:100], *unknown, one.code)
                    for name, one in found.items()
                ]
                return table_response(request, Table((*COLUMNS, _REFUSED), rows), "quotes")
            feeds = [live.feed_shown(feed, beacon) for feed, beacon in now.beacons.items()]
            rows = [row(name, one) for name, one in found.items() if isinstance(one, Instrument)]
            return json_response({"refused": refused, "feeds": feeds}, COLUMNS, rows)

        tag = etag.tag_of(
            chosen(request).format,
            [
                (name, one.feed, one.symbol, one.currency, live.seq(now.rows.get(one.id)))
                for name, one in found.items()
                if isinstance(one, Instrument)
            ],
            refused,
            [(feed, live.feed_state(beacon)) for feed, beacon in now.beacons.items()],
        )
        return etag.answered(request, tag, make)
