"""The smile of one expiry: implied volatilities by strike, each from the out-of-the-money side."""

from typing import Any, Final

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from ..models import Instrument
from . import etag, expiries, live
from .formats import FORMATS, Column, Negotiation, Table, format_parameter, is_json, table_response
from .schema import tables_beside
from .view import View

COLUMNS: Final = (
    Column("strike", "number", "Strike price, in the underlying's currency."),
    Column("log_moneyness", "number", "Natural logarithm of strike over forward."),
    Column("right", "text", "Which option it is seen from: C, the call, from the forward up, P, the put, below."),
    Column("symbol", "text", "That option's symbol; null where it is not offered."),
    Column("delta", "number", "That option's delta, per unit of the underlying; null where unknown."),
    Column("bid_iv", "number", "Implied volatility of its bid, a fraction per year; null where unknown."),
    Column("mark_iv", "number", "Implied volatility of its mark, a fraction per year; null where unknown."),
    Column("ask_iv", "number", "Implied volatility of its ask, a fraction per year; null where unknown."),
)
# A table has no place beside its rows.
_TABLE: Final = (
    Column("feed", "text", "The feed that it comes from."),
    Column("underlying", "text", "Symbol of the underlying, on this feed."),
    Column("root", "text", "Symbol root, which need not be the underlying."),
    Column("expiry", "text", "The venue's own day of expiry, YYYY-MM-DD."),
    Column("forward", "number", "The price that the greeks refer to, in the underlying's currency."),
    *COLUMNS,
)


class PointSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, live.AnyField]:
        fields = live.fields_of(COLUMNS, ("strike", "log_moneyness"))
        fields["right"] = serializers.ChoiceField(Instrument.Right.choices, help_text=fields["right"].help_text)
        return fields


class SmileView(View):
    query = (*expiries.STRIKE_PARAMETERS, "format")
    tagged = True
    content_negotiation_class = Negotiation
    renderer_classes = FORMATS

    @extend_schema(
        operation_id="get_smile",
        parameters=[*expiries.strike_parameters(), format_parameter()],
        responses=tables_beside(
            inline_serializer(
                "Smile",
                {
                    **expiries.UNDERLYING_FIELDS,
                    **expiries.TERMS_FIELDS,
                    "feed_status": live.FeedSerializer(help_text="How the feed is."),
                    "expiry": expiries.ExpirySerializer(help_text="The expiry, by the strikes that were asked for."),
                    "points": PointSerializer(many=True, help_text="By rising strike; none while no forward is known."),
                },
            ),
            _TABLE,
        ),
    )
    def get(self, request: Request, underlying: str, expiry: str) -> HttpResponseBase:
        """The volatility smile of one expiry: bid, mark and ask by strike, with delta and log-moneyness, and the forward
        that they refer to."""
        quoted = expiries.read(request, underlying, expiry)

        def make() -> HttpResponseBase:
            rows = _rows(quoted)
            if is_json(request):
                names = [column.name for column in COLUMNS]
                return live.json({**quoted.head(), "points": [dict(zip(names, row, strict=True)) for row in rows]})
            instrument, one = quoted.instrument, quoted.expiry
            before = (instrument.feed, instrument.symbol, one.root, one.day.isoformat(), quoted.seen.at)
            table = Table(_TABLE, [(*before, *row) for row in rows])
            return table_response(request, table, f"smile-{instrument.symbol}-{one.day}")

        return etag.answered(request, quoted.tag(request, "smile"), make)


def _rows(quoted: expiries.Quoted) -> list[tuple[Any, ...]]:
    symbols = {(option.strike, option.right): option.symbol for option in quoted.expiry.options}
    return [
        (
            point.strike,
            round(point.log_moneyness, 8),
            point.right,
            symbols.get((point.strike, point.right)),
            point.delta,
            point.bid_iv,
            point.mark_iv,
            point.ask_iv,
        )
        for point in quoted.seen.points
    ]
