"""Instruments: which there are, filtered and searched, and one by its name."""

import datetime as dt
from typing import Any, Final

from django.db.models import Case, DateField, F, FloatField, IntegerField, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from .. import lookup
from ..facts import InstrumentFacts
from ..models import Instrument
from . import etag, instrument_text, live, rights
from .instrument_filter import InstrumentFilter
from .pages import Pages
from .schema import page_of, page_parameters, parameters_of
from .view import View

_EARLIEST: Final = dt.date(1, 1, 1)


class InstrumentSerializer(serializers.Serializer[InstrumentFacts]):
    id = serializers.IntegerField(help_text="Names the instrument for ever; rows of the stream carry it.")
    symbol = serializers.CharField(help_text="Unique within its feed: letters, digits, dots, underscores, hyphens.")
    feed = serializers.CharField(help_text="Where its quotes come from.")
    kind = serializers.ChoiceField(Instrument.Kind.choices, help_text="What it is.")
    underlying = serializers.CharField(help_text="Symbol of the underlying, on the same feed.")
    root = serializers.CharField(  # type: ignore[assignment] # the metaclass takes it out of Field.root's way
        allow_null=True, help_text="Symbol root (SPXW), which need not be the underlying."
    )
    expiry = serializers.CharField(allow_null=True, help_text="The venue's own day of expiry, YYYY-MM-DD.")
    expires_ms = serializers.IntegerField(
        allow_null=True, help_text="The instant of expiry, in milliseconds since 1970 UTC on the feed's clock."
    )
    expires_at = serializers.DateTimeField(
        default=None, allow_null=True, help_text="The same instant as RFC 3339 in UTC, on the feed's clock."
    )
    strike = serializers.FloatField(allow_null=True, help_text="Strike price, in the currency.")
    right = serializers.ChoiceField(
        Instrument.Right.choices, allow_null=True, help_text="C for a call, P for a put; null for what is no option."
    )
    currency = serializers.CharField(help_text="Of its prices.")
    tick = serializers.FloatField(help_text="Smallest price step, in the currency.")
    multiplier = serializers.FloatField(help_text="Units of the underlying per contract.")
    exercise = serializers.ChoiceField(
        Instrument.Exercise.choices, allow_null=True, help_text="When an option may be exercised."
    )
    active = serializers.BooleanField(
        help_text="Whether it is listed at its venue now. A retired one (expired, delisted, or imported) keeps its history."
    )
    streaming = serializers.BooleanField(help_text="Whether it is offered on the stream now.")

    def to_representation(self, instance: InstrumentFacts) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return {
            **shown,
            "expires_at": None if instance.expires_ms is None else live.rfc3339(instance.expires_ms),
            "streaming": instance.active and instance.streaming,
        }


class InstrumentsView(View):
    query = None  # its filter checks them, with the values
    tagged = True

    @extend_schema(
        operation_id="list_instruments",
        parameters=[*parameters_of(InstrumentFilter), *page_parameters()],
        responses=page_of(InstrumentSerializer),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Instruments of feeds that the user may see, those that are listed unless told, an underlying before its options,
        those by expiry, strike and right; where `text` is given, what it names exactly comes first."""
        filtered = InstrumentFilter(
            request.query_params,
            Instrument.objects.filter(rights.access_of(request).condition()),
        ).checked()  # type: ignore[no-untyped-call]
        pages = Pages(("place", "underlying", "day", "at_strike", "right", "symbol", "feed"), dates=("day",))
        page = pages.page(_ordered(filtered, request.query_params.get("text", "")), request)
        response = pages.response(_results(page))
        return etag.answered(request, pages.tag(response), lambda: response)


class InstrumentView(View):
    tagged = True

    @extend_schema(operation_id="get_instrument", responses=InstrumentSerializer)
    def get(self, request: Request, symbol: str) -> HttpResponseBase:
        """One instrument, by its symbol or by `feed.symbol`, also when it is retired."""
        found = lookup.find_any(symbol, rights.access_of(request))
        if isinstance(found, Instrument):
            shown = InstrumentSerializer(found.facts()).data
            return etag.answered(request, etag.tag_of(shown), lambda: Response(shown))
        rights.refuse_forbidden(found, "symbol")
        if found.code == "unknown_symbol":
            raise NotFound(found.message)
        raise ValidationError({"symbol": [found.message]}, code=found.code)


def _results(page: list[Instrument]) -> Any:
    facts: Any = [one.facts() for one in page]  # the stubs know `many` as an afterthought
    return InstrumentSerializer(facts, many=True).data


def _ordered(queryset: QuerySet[Instrument], text: str) -> QuerySet[Any]:
    place: Any = Value(0, output_field=IntegerField())
    if text.strip():
        place = Case(When(instrument_text.exact(text), then=0), default=1, output_field=IntegerField())
    return queryset.annotate(
        place=place,
        # A keyset has no nulls; and so what has no expiry, an underlying, comes before its options.
        day=Coalesce(F("expiry"), _EARLIEST, output_field=DateField()),
        at_strike=Coalesce(F("strike"), 0.0, output_field=FloatField()),
    )
