"""The chain of an underlying: its expiries, and one of them by strike with live values."""

from typing import Any, Final

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from ..bus import newest
from . import chain_queries, etag, expiries, live, rights
from .chain_queries import Expiry
from .formats import FORMATS, Column, Negotiation, Table, chosen, format_parameter, is_json, table_response
from .formats.ndjson import objects
from .schema import tables_beside
from .view import View

# Strikes on each side of the forward that volatility at the money is taken from.
_NEAR: Final = 3
# Options of an expiry that are asked for its forward first: the middle ones, which quote most.
_ASKED: Final = 4

_UNDERLYING: Final = (
    Column("feed", "text", "The feed that it comes from."),
    Column("underlying", "text", "Symbol of the underlying, on this feed."),
)
_SYMBOL: Final = Column("symbol", "text", "The option's symbol.")
_ID: Final = Column("id", "whole", "The option's instrument id.")
_OPTION: Final = (
    *_UNDERLYING,
    Column("root", "text", "Symbol root, which need not be the underlying."),
    Column("expiry", "text", "The venue's own day of expiry, YYYY-MM-DD."),
    Column("expires_at", "time", "The instant of expiry, on the feed's clock; RFC 3339 in UTC."),
    Column("strike", "number", "Strike price, in the underlying's currency."),
    Column("right", "text", "C for a call, P for a put."),
    _SYMBOL,
    _ID,
    *live.COLUMNS,
)

OptionSerializer: Final = live.live_serializer(
    "OptionSerializer", live.fields_of((_SYMBOL, _ID), (_SYMBOL.name, _ID.name))
)


class StrikeSerializer(serializers.Serializer[Any]):
    strike = serializers.FloatField(help_text="Strike price, in the underlying's currency.")
    call = OptionSerializer(allow_null=True, help_text="The call, with its newest row; null where none is offered.")
    put = OptionSerializer(allow_null=True, help_text="The put, with its newest row; null where none is offered.")


class ChainView(View):
    query = ("format",)
    tagged = True
    content_negotiation_class = Negotiation
    renderer_classes = FORMATS

    @extend_schema(
        operation_id="get_chain",
        parameters=[format_parameter()],
        responses=tables_beside(
            inline_serializer(
                "ChainOfUnderlying",
                {
                    **expiries.UNDERLYING_FIELDS,
                    "underlying_price": serializers.FloatField(
                        allow_null=True,
                        help_text="The underlying's newest price, in its currency: mark, else last, else the middle "
                        "of its book; null where none is known.",
                    ),
                    "feed_status": live.FeedSerializer(help_text="How the feed is."),
                    "expiries": expiries.ExpirySerializer(many=True, help_text="By day and root."),
                },
            ),
            (*_UNDERLYING, *expiries.COLUMNS),
        ),
    )
    def get(self, request: Request, underlying: str) -> HttpResponseBase:
        """The expiries of an underlying, each with days left, volatility at the money and expected move."""
        instrument = chain_queries.underlying(underlying, rights.access_of(request))
        rights.used(request, instrument.feed)
        found = chain_queries.expiries(instrument)
        first = newest.read(
            {
                instrument.feed: {
                    instrument.symbol: [instrument.id, *(option.id for one in found for option in _middle(one))]
                }
            }
        )
        own = expiries.own_price(instrument, first.rows)
        forwards = [expiries.forward(one, first.rows, own) for one in found]
        near = [_near(one, at) for one, at in zip(found, forwards, strict=True)]
        second = newest.read(
            {instrument.feed: {instrument.symbol: [option.id for one in near for option in one.options]}}
        )
        beacon = second.beacons[instrument.feed]
        now_ms = live.feed_now_ms(beacon)
        rows = [
            expiries.shown(name, one, expiries.seen(around, second.rows, at), now_ms)
            for name, one, around, at in zip(chain_queries.names_of(found), found, near, forwards, strict=True)
        ]

        def make() -> HttpResponseBase:
            if not is_json(request):
                table = Table(
                    (*_UNDERLYING, *expiries.COLUMNS), [(instrument.feed, instrument.symbol, *row) for row in rows]
                )
                return table_response(request, table, f"chain-{instrument.symbol}")
            return live.json(
                {
                    **expiries.underlying_shown(instrument),
                    "underlying_price": own,
                    "feed_status": live.feed_shown(instrument.feed, beacon),
                    "expiries": [expiries.by_name(row) for row in rows],
                }
            )

        still = [
            (name, day, root, expires_at, strikes, options, forward, volatility)
            for name, day, root, _, expires_at, _, strikes, options, forward, volatility, _ in rows
        ]
        tag = etag.tag_of(
            chosen(request).format,
            expiries.underlying_shown(instrument),
            own,
            still,
            live.feed_state(beacon),
            expiries.minute(now_ms),
        )
        return etag.answered(request, tag, make)


class ExpiryView(View):
    query = (*expiries.STRIKE_PARAMETERS, "format")
    tagged = True
    content_negotiation_class = Negotiation
    renderer_classes = FORMATS

    @extend_schema(
        operation_id="get_chain_of_expiry",
        parameters=[*expiries.strike_parameters(), format_parameter()],
        responses=tables_beside(
            inline_serializer(
                "ChainOfExpiry",
                {
                    **expiries.UNDERLYING_FIELDS,
                    **expiries.TERMS_FIELDS,
                    "feed_status": live.FeedSerializer(help_text="How the feed is."),
                    "expiry": expiries.ExpirySerializer(help_text="The expiry, by the strikes that were asked for."),
                    "strikes": StrikeSerializer(many=True, help_text="Rising."),
                },
            ),
            _OPTION,
        ),
    )
    def get(self, request: Request, underlying: str, expiry: str) -> HttpResponseBase:
        """One expiry by strike: call and put, each with its newest row. As a table, a row an option."""
        quoted = expiries.read(request, underlying, expiry)
        return etag.answered(
            request,
            quoted.tag(request, "chain"),
            lambda: _by_strike(quoted) if is_json(request) else _by_option(request, quoted),
        )


def _by_strike(quoted: expiries.Quoted) -> HttpResponseBase:
    by_strike: dict[float, dict[str, Any]] = {
        strike: {"strike": strike, "call": None, "put": None} for strike in quoted.expiry.strikes()
    }
    options = quoted.expiry.options
    shown = objects(
        (_SYMBOL, _ID, *live.COLUMNS),
        [(one.symbol, one.id, *live.values(quoted.rows.get(one.id), quoted.now_ms)) for one in options],
    )
    for one, row in zip(options, shown, strict=True):
        by_strike[one.strike]["call" if one.right == "C" else "put"] = row
    return live.json({**quoted.head(), "strikes": list(by_strike.values())})


def _by_option(request: Request, quoted: expiries.Quoted) -> HttpResponseBase:
    instrument, one = quoted.instrument, quoted.expiry
    expires_us = None if one.expires_at is None else round(one.expires_at.timestamp() * 1_000_000)
    before = (instrument.feed, instrument.symbol, one.root, one.day.isoformat(), expires_us)
    rows = [
        (
            *before,
            option.strike,
            option.right,
            option.symbol,
            option.id,
            *live.values(quoted.rows.get(option.id), quoted.now_ms),
        )
        for option in one.options
    ]
    return table_response(request, Table(_OPTION, rows), f"chain-{instrument.symbol}-{one.day}")


def _middle(one: Expiry) -> list[chain_queries.Option]:
    start = max(0, (len(one.options) - _ASKED) // 2)
    return one.options[start : start + _ASKED]


def _near(one: Expiry, at: float | None) -> Expiry:
    """The expiry with only the strikes next to its forward."""
    if at is None:
        return one._replace(options=[])
    strikes = one.strikes()
    above = [strike for strike in strikes if strike >= at][:_NEAR]
    below = [strike for strike in strikes if strike < at][-_NEAR:]
    wanted = {*below, *above}
    return one._replace(options=[option for option in one.options if option.strike in wanted])
