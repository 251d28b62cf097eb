"""Bars of an instrument: a page of JSON, or all of a range as CSV, NDJSON or Arrow."""

import datetime as dt
import time
from collections.abc import Iterator
from typing import Final

import msgspec
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from ..facts import InstrumentFacts
from ..history import bar_queries, queries
from ..history.bar_queries import INTERVALS, Interval
from ..history.database import Database, history
from . import live
from .formats import Column, Table, is_json, json_response, table_response
from .formats.table import Row
from .history_view import (
    HistoryView,
    cursor_of,
    fields_of,
    instrument_of,
    next_address,
    page_size,
    paged,
    refuse_pages_of_tables,
)
from .schema import tables_beside
from .times import SCHEMA, refused, span

_DAY_US: Final = 86_400_000_000
_MICROS: Final = 1_000_000
# Over how many days one question may reach, and over how many it does unless told: some hundred bars.
MOST_DAYS: Final[dict[Interval, int]] = {"1m": 366, "5m": 366, "15m": 366, "1h": 3_660, "1d": 3_660}
DAYS: Final[dict[Interval, int]] = {"1m": 1, "5m": 5, "15m": 10, "1h": 30, "1d": 366}
PRICES: Final = ("mid", "last")
# Bars of one piece of a table.
_PIECE: Final = 5_000

_MEANS: Final = {"mid": "mid of quotes that have both sides and do not cross", "last": "last price as quoted"}
_PARTS: Final = {"open": "First", "high": "Highest", "low": "Lowest", "close": "Last"}


def _priced(price: str) -> tuple[Column, ...]:
    return tuple(
        Column(
            f"{price}_{part}",
            "number",
            f"{which} {_MEANS[price]}, in the instrument's currency; null where there was none.",
        )
        for part, which in _PARTS.items()
    )


COLUMNS: Final = (
    Column("starts_at", "time", "The bar's first instant, on the feed's clock; RFC 3339 in UTC."),
    Column("ends_at", "time", "The first instant that is no longer in it: a session's last bar ends with the session."),
    Column("day", "text", "The exchange's day, YYYY-MM-DD; null outside of its sessions."),
    *_priced("mid"),
    *_priced("last"),
    Column("volume", "number", "What was traded in it, in contracts or shares; null where the feed does not tell."),
    Column("implied_volatility", "number", "The last one of it, a fraction per year."),
    Column("ticks", "whole", "How many stored ticks are in it; 0 where the bar was imported."),
)
_NOT_NULL: Final = ("starts_at", "ends_at", "ticks")
_NAMES: Final = tuple(column.name for column in COLUMNS)


def _fields() -> dict[str, live.AnyField]:
    made = fields_of(COLUMNS, _NOT_NULL)
    for name, field in made.items():
        if name.startswith(PRICES):
            field.required = False  # where `price` leaves it out
    return made


def _by_interval(days: dict[Interval, int]) -> str:
    return ", ".join(f"{most:,} days of {interval}" for interval, most in days.items())


class BarTable(Table):
    """All bars of a range, some thousand at a time."""

    def __init__(
        self,
        database: Database,
        facts: InstrumentFacts,
        interval: Interval,
        start_s: int,
        stop_s: int,
        places: list[int],
    ) -> None:
        super().__init__([COLUMNS[place] for place in places])
        self._asked = database, facts, interval
        self._span = start_s, stop_s
        self._places = places

    def chunks(self) -> Iterator[list[Row]]:
        start: int | None = self._span[0]
        while start is not None:
            page = bar_queries.bars(*self._asked, start, self._span[1], _PIECE)
            yield _rows(page.bars, self._places)
            start = page.next_start


class BarsView(HistoryView):
    query = ("interval", "from", "to", "price", "page_size", "cursor", "format")

    @extend_schema(
        operation_id="list_bars",
        parameters=[
            OpenApiParameter(
                "interval",
                {"type": "string", "enum": list(INTERVALS), "default": "1m"},
                description="How long a bar is. Hours and shorter ones are counted from a session's opening, a day is the "
                "exchange's; what was quoted outside of its sessions is in bars of one minute only.",
            ),
            OpenApiParameter(
                "from",
                SCHEMA,
                description="Only bars that begin at this instant or later; RFC 3339 with an offset. At most "
                f"{_by_interval(MOST_DAYS)} before `to`; unless told, {_by_interval(DAYS)} before it.",
                examples=[OpenApiExample("The opening in New York", "2026-01-15T14:30:00Z")],
            ),
            OpenApiParameter(
                "to",
                SCHEMA,
                description="Only bars that begin before it; RFC 3339 with an offset. Up to the newest unless told.",
                examples=[OpenApiExample("The close in New York", "2026-01-15T21:00:00Z")],
            ),
            OpenApiParameter(
                "price",
                {"type": "string", "enum": list(PRICES)},
                description="Only the columns of this price, beside those that are of none; both unless told.",
            ),
            *paged("Bars on a page of JSON at most"),
        ],
        responses=tables_beside(
            inline_serializer(
                "BarPage",
                {
                    "symbol": serializers.CharField(help_text="Symbol of the instrument."),
                    "feed": serializers.CharField(help_text="Feed of the instrument."),
                    "interval": serializers.ChoiceField(
                        [(one, one) for one in INTERVALS], help_text="How long a bar is."
                    ),
                    "next": serializers.URLField(
                        allow_null=True,
                        help_text="Address of the next page; null on the last. A page may have none, and go on.",
                    ),
                    "results": inline_serializer(
                        "Bar",
                        _fields(),
                        many=True,
                        help_text="Bars, oldest first; where nothing happened there is none.",
                    ),
                },
            ),
            COLUMNS,
        ),
    )
    def get(self, request: Request, symbol: str) -> HttpResponseBase:
        """Bars of an instrument, oldest first, on the days and sessions of its exchange. The newest may still grow. As
        JSON they come in pages; as CSV, NDJSON or Arrow all of the time asked for at once."""
        refuse_pages_of_tables(request)
        size = page_size(request)
        interval = _interval(request)
        places = _places(request)
        instrument = instrument_of(request, symbol)
        facts = instrument.facts()
        database = history()
        state = cursor_of(request, instrument)
        if state is None:
            most, default = MOST_DAYS[interval] * _DAY_US, DAYS[interval] * _DAY_US
            asked = span(request, _newest_us(database, instrument.pk), default, most)
            # A bar begins at a whole second: one that begins within the first microseconds begins after them.
            state = [-(-asked.start_us // _MICROS), -(-asked.stop_us // _MICROS)]
        start, stop = state
        if not is_json(request):
            name = f"{instrument.feed}.{instrument.symbol}.bars.{interval}"
            return table_response(request, BarTable(database, facts, interval, start, stop, places), name)
        page = bar_queries.bars(database, facts, interval, start, stop, size)
        more = None if page.next_start is None else next_address(request, instrument, (page.next_start, stop))
        before = {"symbol": instrument.symbol, "feed": instrument.feed, "interval": interval, "next": more}
        return json_response(before, tuple(COLUMNS[place] for place in places), _rows(page.bars, places))


def _interval(request: Request) -> Interval:
    text = request.query_params.get("interval", "1m")
    found = next((one for one in INTERVALS if one == text), None)
    if found is None:
        raise refused("interval", f"It takes one of: {', '.join(INTERVALS)}.", "invalid_choice")
    return found


def _places(request: Request) -> list[int]:
    """Which columns are wanted, by their places."""
    price = request.query_params.get("price")
    if price is not None and price not in PRICES:
        raise refused("price", f"It takes one of: {', '.join(PRICES)}.", "invalid_choice")
    others = tuple(f"{one}_" for one in PRICES if price is not None and one != price)
    return [place for place, name in enumerate(_NAMES) if not name.startswith(others)]


def _newest_us(database: Database, instrument: int) -> int:
    """The last instant of the newest bar; now where there is none."""
    newest = queries.newest_minute(database, instrument)
    return int(time.time() * _MICROS) if newest is None else (newest + 1) * 60 * _MICROS - 1


def _rows(bars: list[bar_queries.Bar], places: list[int]) -> list[Row]:
    rows: list[Row] = []
    day: dt.date | None = None
    day_text: str | None = None
    for starts_s, ends_s, bar_day, *values in map(msgspec.structs.astuple, bars):
        if bar_day is not day:  # spelled once: bars of a session share its day
            day, day_text = bar_day, None if bar_day is None else bar_day.isoformat()
        rows.append((starts_s * _MICROS, ends_s * _MICROS, day_text, *values))
    return rows if len(places) == len(COLUMNS) else [tuple(row[place] for place in places) for row in rows]
