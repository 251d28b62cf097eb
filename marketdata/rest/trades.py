"""The stored trades of an instrument: a page of JSON, or all of a range as CSV, NDJSON or Arrow."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from ..history import trade_queries
from ..history.database import Database, history
from ..models import Instrument
from .formats import Column, Table, is_json, json_response, table_response
from .formats.table import Row
from .history_view import (
    MOST_PAGE,
    HistoryView,
    cursor_of,
    fields_of,
    instrument_of,
    next_address,
    page_size,
    paged,
    received_between,
    refuse_pages_of_tables,
    whole,
)
from .schema import tables_beside
from .times import span

_DAY_US: Final = 86_400_000_000
_MICROS: Final = 1_000_000
# What one question may reach over: no request reads without a bound.
MOST_DAYS: Final = 31

COLUMNS: Final = (
    Column("received_at", "time", "When it was received, on the feed's clock; RFC 3339 in UTC."),
    Column("traded_at", "time", "When the venue says that it was, on the feed's clock; RFC 3339 in UTC."),
    Column("price", "number", "Price of the trade, in the instrument's currency."),
    Column("size", "number", "Size of the trade, in contracts or shares."),
    Column("trade_id", "text", "The venue's own id of it; null where the venue gives none."),
)
_NOT_NULL: Final = ("received_at", "traded_at", "price", "size")


class TradeTable(Table):
    """All trades of a range."""

    def __init__(self, database: Database, wanted: trade_queries.Range) -> None:
        super().__init__(COLUMNS)
        self._asked = database, wanted

    def chunks(self) -> Iterator[list[Row]]:
        return map(_shown, trade_queries.chunks(*self._asked))


class TradesView(HistoryView):
    query = ("from", "to", "newest", "page_size", "cursor", "format")

    @extend_schema(
        operation_id="list_trades",
        parameters=[
            *received_between(MOST_DAYS),
            OpenApiParameter(
                "newest",
                {"type": "integer", "minimum": 1, "maximum": MOST_PAGE},
                description=f"Only so many trades, the newest of that time, 1 to {MOST_PAGE:,}; on one page, oldest first.",
            ),
            *paged("Rows on a page of JSON"),
        ],
        responses=tables_beside(
            inline_serializer(
                "TradePage",
                {
                    "symbol": serializers.CharField(help_text="Symbol of the instrument."),
                    "feed": serializers.CharField(help_text="Feed of the instrument."),
                    "next": serializers.URLField(
                        allow_null=True, help_text="Address of the next page; null on the last."
                    ),
                    "results": inline_serializer(
                        "Trade", fields_of(COLUMNS, _NOT_NULL), many=True, help_text="Trades, oldest first."
                    ),
                },
            ),
            COLUMNS,
        ),
    )
    def get(self, request: Request, symbol: str) -> HttpResponseBase:
        """Stored trades of an instrument, in the order in which they were received. Feeds that tell of no single trades
        have none. As JSON they come in pages; as CSV, NDJSON or Arrow all of the time asked for at once."""
        refuse_pages_of_tables(request)
        newest = _newest(request)
        size = page_size(request)
        instrument = instrument_of(request, symbol)
        database = history()
        wanted = _range(request, database, instrument)
        if newest is not None:
            rows = trade_queries.last(database, wanted, newest)
            return _answered(request, instrument, rows, None)
        if not is_json(request):
            return table_response(request, TradeTable(database, wanted), _name(instrument))
        rows = trade_queries.page(database, wanted, size + 1)
        more = None
        if len(rows) > size:
            rows = rows[:size]
            rest = wanted.beyond(rows[-1])
            more = next_address(request, instrument, (rest.start_us, rest.stop_us, *rest.after))
        return _answered(request, instrument, rows, more)


def _answered(request: Request, instrument: Instrument, rows: Sequence[Row], more: str | None) -> HttpResponseBase:
    if not is_json(request):
        return table_response(request, Table(COLUMNS, _shown(rows)), _name(instrument))
    before = {"symbol": instrument.symbol, "feed": instrument.feed, "next": more}
    return json_response(before, COLUMNS, _shown(rows))


def _name(instrument: Instrument) -> str:
    return f"{instrument.feed}.{instrument.symbol}.trades"


def _newest(request: Request) -> int | None:
    """Raises ValidationError, also where pages are asked for besides."""
    newest = whole(request, "newest", 1, MOST_PAGE)
    message = "It gives one page: leave out one of the two."
    if newest is not None and (both := [one for one in ("page_size", "cursor") if one in request.query_params]):
        raise ValidationError({name: [ErrorDetail(message, "conflict")] for name in both})
    return newest


def _range(request: Request, database: Database, instrument: Instrument) -> trade_queries.Range:
    state = cursor_of(request, instrument)
    if state is not None:
        start, stop, after_us, trade_id = state
        return trade_queries.Range(instrument.pk, start, stop, (after_us, trade_id))
    second = trade_queries.newest_second(database, instrument.pk)
    newest_us = int(time.time() * _MICROS) if second is None else (second + 1) * _MICROS - 1
    return trade_queries.Range(instrument.pk, *span(request, newest_us, _DAY_US, MOST_DAYS * _DAY_US))


def _shown(rows: Sequence[tuple[Any, ...]]) -> list[Row]:
    """By COLUMNS: a number of ours in place of an id is nobody else's business."""
    return [(*values, None if trade_id.startswith("#") else trade_id) for *values, trade_id in rows]
