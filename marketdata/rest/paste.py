"""Symbols pasted into a watchlist, many at once, with a report of what became of each."""

from typing import Any, Final, get_args

import msgspec
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts import pasting

from . import rights
from .own_watchlist import WatchlistEditView, body, own, tag_of
from .parser import JSONParser
from .strict import StrictSerializer

# 10,000 symbols with their feeds, quoted: some 400 kB.
MOST_BYTES: Final = 1024 * 1024
_CODES: Final = (
    "unknown_symbol",
    "ambiguous_symbol",
    "expired",
    "not_streaming",
    "forbidden",
    "too_many",
    "already_there",
)


class PasteParser(JSONParser):
    most_bytes = MOST_BYTES


class PasteSerializer(StrictSerializer):
    text = serializers.CharField(
        max_length=pasting.TEXT_BYTES,
        required=False,
        trim_whitespace=False,
        help_text="Symbols with commas, semicolons, blanks or line ends between, at most "
        f"{pasting.TEXT_BYTES // 1024} KiB: as they are here, `feed.symbol`, in small letters, OSI with its blanks "
        "(`SPY   260116C00500000`), `.SPY260116C500` or `OPRA:SPY260116C500.0`. This or `symbols`.",
    )
    symbols = serializers.ListField(
        child=serializers.CharField(max_length=1_000),
        max_length=pasting.SYMBOLS,
        required=False,
        help_text=f"The same as a list of at most {pasting.SYMBOLS:,}. This or `text`.",
    )
    dry_run = serializers.BooleanField(
        default=False, help_text="Only the report of what would become of each; nothing is taken."
    )


class PastedSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="The symbol as it was given; of a long one the beginning.")
    outcome = serializers.ChoiceField(
        [(one, one) for one in get_args(pasting.Outcome)],
        help_text="`taken`; `already_there`, in the watchlist or before in this list; or `refused`.",
    )
    feed = serializers.CharField(allow_null=True, help_text="Feed of the instrument that it means; null where none.")
    symbol = serializers.CharField(allow_null=True, help_text="Symbol of that instrument.")
    instrument = serializers.IntegerField(allow_null=True, help_text="Id of that instrument.")
    code = serializers.ChoiceField(
        [(code, code) for code in _CODES], allow_null=True, help_text="Why it was not taken; null where it was."
    )
    message = serializers.CharField(allow_null=True, help_text="The same for people; null where it was taken.")
    choices = serializers.ListField(
        child=serializers.CharField(), help_text="What to write instead of an ambiguous symbol; else empty."
    )


class PasteReportSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(help_text="Whether nothing was taken in earnest.")
    version = serializers.IntegerField(help_text="Of the watchlist now; it rises with every edit.")
    taken = serializers.IntegerField(help_text="How many were taken.")
    already_there = serializers.IntegerField(help_text="How many were there already.")
    refused = serializers.IntegerField(help_text="How many were refused.")
    results = PastedSerializer(many=True, help_text="What became of each, in the order given.")


class PasteView(WatchlistEditView):
    parser_classes = [PasteParser]

    @extend_schema(operation_id="paste_symbols", request=PasteSerializer, responses=PasteReportSerializer)
    def post(self, request: Request, watchlist: int) -> HttpResponseBase:
        """Adds all of these symbols that can be added, after all that is there, and reports on each."""
        found = own(request, watchlist)
        asked = body(PasteSerializer, request)
        symbols = _symbols(asked)
        results = pasting.paste(found, symbols, rights.access_of(request), asked["dry_run"])
        outcomes = [one.outcome for one in results]
        report = {
            "dry_run": asked["dry_run"],
            "version": found.version,
            **{outcome: outcomes.count(outcome) for outcome in get_args(pasting.Outcome)},
            "results": [one._asdict() for one in results],
        }
        # Some 10,000 objects: REST framework's own encoder takes a third of a second for them.
        answer = HttpResponse(msgspec.json.encode(report), content_type="application/json")
        answer.headers["ETag"] = tag_of(found)
        return answer


def _symbols(asked: dict[str, Any]) -> list[str]:
    if ("text" in asked) == ("symbols" in asked):
        said = "Give either text or symbols."
        raise ValidationError({"text": [ErrorDetail(said, "conflict" if "text" in asked else "required")]})
    return pasting.parts(asked["text"]) if "text" in asked else asked["symbols"]
