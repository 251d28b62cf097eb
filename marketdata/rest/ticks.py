"""The stored ticks of an instrument: a page of JSON, or all of a range as CSV, NDJSON or Arrow."""

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from ..history import queries, tick_queries
from ..history.database import Database, history
from ..models import Instrument
from . import live
from .formats import Column, Table, is_json, json_response, table_response
from .formats.table import Row, Vectors, time_text
from .history_view import (
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
from .times import LATEST_US, refused, span

DAY_US: Final = 86_400_000_000
# What one question may reach over: no request reads without a bound.
MOST_DAYS: Final = 31
MOST_GAPS: Final = 100
_MOST_SEQ: Final = 2**53 - 1
_MICROS: Final = 1_000_000

_NOT_NULL: Final = ("received_at", "venue_at", "seq", "flags")
_RENAMED: Final = {"received_us": "received_at", "venue_us": "venue_at", "last_us": "last_at"}
_SEQ: Final = Column("seq", "whole", "Number of the row, as in the stream: rises with each of the instrument.")
_LIVE: Final = {**{column.name: column for column in live.COLUMNS}, "seq": _SEQ}
COLUMNS: Final = tuple(_LIVE[_RENAMED.get(name, name)] for name in tick_queries.NAMES)

_STORED_THROUGH: Final = "Strikewire-Stored-Through"
_GAPS: Final = "Strikewire-Gaps"
_ABOUT_STORED: Final = (
    "All rows of the instrument up to this `seq` are stored or lie in a recorded gap: what a program holds beyond it may "
    "still come. Null where nothing is stored."
)


class Question(NamedTuple):
    """What is asked for, and of which time gaps are told."""

    wanted: tick_queries.Range
    gaps_until_us: int


class TickTable(Table):
    """All ticks of a range. PostgreSQL spells CSV and columns itself."""

    def __init__(self, database: Database, wanted: tick_queries.Range) -> None:
        super().__init__(COLUMNS)
        self._asked = database, wanted
        self._has_copy = database.vendor == "postgresql"

    def chunks(self) -> Iterator[list[Row]]:
        return tick_queries.chunks(*self._asked)

    def csv_lines(self) -> Iterator[bytes] | None:
        return tick_queries.csv_lines(*self._asked) if self._has_copy else None

    def vectors(self) -> Iterator[Vectors] | None:
        return self._renamed() if self._has_copy else None

    def _renamed(self) -> Iterator[Vectors]:
        for vectors in tick_queries.vectors(*self._asked):
            yield {_RENAMED.get(name, name): vector for name, vector in vectors.items()}


class GapSerializer(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField(
        help_text="Receiving time of its first quote, on the feed's clock; RFC 3339 in UTC."
    )
    ends_at = serializers.DateTimeField(
        help_text="Receiving time of its last quote, on the feed's clock; RFC 3339 in UTC."
    )
    term = serializers.IntegerField(help_text="The leader's term: `seq` divided by 2^24, of the quotes in it.")
    count = serializers.IntegerField(help_text="How many quotes of the whole feed are missing, of any instrument.")
    reason = serializers.CharField(help_text="Why they are: a word for programs.")


class TicksView(HistoryView):
    query = ("from", "to", "after_seq", "page_size", "cursor", "format")

    @extend_schema(
        operation_id="list_ticks",
        parameters=[
            *received_between(MOST_DAYS),
            OpenApiParameter(
                "after_seq",
                {"type": "integer", "minimum": 0, "maximum": _MOST_SEQ},
                description="Only rows with a higher `seq`, up to the newest: what a program missed of the stream. In "
                f"place of `from` and `to`; the first of them may lie {MOST_DAYS} days before the newest.",
            ),
            *paged("Rows on a page of JSON"),
        ],
        responses=tables_beside(
            inline_serializer(
                "TickPage",
                {
                    "symbol": serializers.CharField(help_text="Symbol of the instrument."),
                    "feed": serializers.CharField(help_text="Feed of the instrument."),
                    "stored_through": serializers.IntegerField(allow_null=True, help_text=_ABOUT_STORED),
                    "gaps": GapSerializer(
                        many=True,
                        help_text=f"Recorded gaps of the feed in the time asked for, the newest {MOST_GAPS}: quotes of any "
                        "of its instruments that were accepted and are not stored.",
                    ),
                    "next": serializers.URLField(
                        allow_null=True, help_text="Address of the next page; null on the last."
                    ),
                    "results": inline_serializer(
                        "Tick", fields_of(COLUMNS, _NOT_NULL), many=True, help_text="Ticks, oldest first."
                    ),
                },
            ),
            COLUMNS,
        ),
    )
    def get(self, request: Request, symbol: str) -> HttpResponseBase:
        """Stored ticks of an instrument, oldest first: every quote that was accepted of it. As JSON they come in pages; as
        CSV, NDJSON or Arrow all of the time asked for at once, and there the headers `Strikewire-Stored-Through` and
        `Strikewire-Gaps` say up to which `seq` all is stored, and how many recorded gaps there are.

        An answer of many rows that breaks off before its end is not all of it: the connection is cut then."""
        refuse_pages_of_tables(request)
        size = page_size(request)
        instrument = instrument_of(request, symbol)
        database = history()
        # Before the rows are read, so that no row up to it can be missing from them.
        last = queries.newest(database, instrument.pk)
        through = queries.stored_through(database, instrument.feed, instrument.pk, last)
        asked = _question(request, database, instrument, last)
        gaps = queries.gaps(database, instrument.feed, asked.wanted.start_us, asked.gaps_until_us, MOST_GAPS)
        if not is_json(request):
            headers = {_GAPS: str(len(gaps)), **({} if through is None else {_STORED_THROUGH: str(through)})}
            name = f"{instrument.feed}.{instrument.symbol}.ticks"
            return table_response(request, TickTable(database, asked.wanted), name, headers)
        rows = tick_queries.page(database, asked.wanted, size + 1)
        more = None
        if len(rows) > size:
            rows = rows[:size]
            rest = asked.wanted.beyond(rows[-1][0], rows[-1][2])
            more = next_address(
                request, instrument, (rest.start_us, rest.stop_us, *rest.after, rest.above, asked.gaps_until_us)
            )
        before = {
            "symbol": instrument.symbol,
            "feed": instrument.feed,
            "stored_through": through,
            "gaps": [_shown(gap) for gap in gaps],
            "next": more,
        }
        return json_response(before, COLUMNS, rows)


def _question(request: Request, database: Database, instrument: Instrument, last: queries.Place | None) -> Question:
    """Raises ValidationError naming the parameter that is wrong."""
    state = cursor_of(request, instrument)
    if state is not None:
        start, stop, second, seq, above, gaps_until = state
        return Question(tick_queries.Range(instrument.pk, start, stop, (second, seq), above), gaps_until)
    after_seq = whole(request, "after_seq", 0, _MOST_SEQ)
    newest_us = int(time.time() * _MICROS) if last is None else (last.second + 1) * _MICROS - 1
    if after_seq is None:
        asked = span(request, newest_us, DAY_US, MOST_DAYS * DAY_US)
        until = asked.stop_us if "to" in request.query_params else LATEST_US
        return Question(tick_queries.Range(instrument.pk, *asked), until)
    message = "It says by time what `after_seq` says by number: give one of the two."
    if both := [name for name in ("from", "to") if name in request.query_params]:
        raise ValidationError({name: [ErrorDetail(message, "conflict")] for name in both})
    if last is None:
        start = newest_us
    else:
        begins = queries.first_second_above(database, instrument.pk, after_seq, last, MOST_DAYS * 86_400)
        if begins is None:
            raise refused(
                "after_seq",
                f"What follows it begins more than {MOST_DAYS} days before the newest, which was at "
                f"{time_text(last.second * _MICROS)}: ask by `from` and `to`, in parts of at most {MOST_DAYS} days.",
                "too_far_back",
            )
        start = begins * _MICROS
    return Question(tick_queries.Range(instrument.pk, start, newest_us + 1, above=after_seq), LATEST_US)


def _shown(gap: queries.Gap) -> dict[str, Any]:
    return {
        "starts_at": time_text(gap.from_us),
        "ends_at": time_text(gap.to_us),
        "term": gap.term,
        "count": gap.count,
        "reason": gap.reason,
    }
