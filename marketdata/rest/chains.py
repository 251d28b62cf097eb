"""The underlyings that have an option chain."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from ..feeds.registry import FEEDS
from ..models import Instrument
from . import chain_queries, etag, rights
from .pages import PARAMETERS, Pages
from .schema import page_of, page_parameters
from .view import View


class ChainSerializer(serializers.Serializer[Any]):
    feed = serializers.CharField(help_text="The feed that it comes from.")
    underlying = serializers.CharField(help_text="Symbol of the underlying, on this feed.")
    kind = serializers.ChoiceField(Instrument.Kind.choices, help_text="What the underlying is.")
    currency = serializers.CharField(help_text="Of the underlying's price.")
    expiries = serializers.IntegerField(help_text="Days on which offered options of it expire.")
    options = serializers.IntegerField(help_text="Offered options on it.")
    first_expiry = serializers.DateField(help_text="The nearest of those days, the venue's own.")
    last_expiry = serializers.DateField(help_text="The farthest of those days, the venue's own.")


class ChainsView(View):
    query = ("feed", *PARAMETERS)
    tagged = True

    @extend_schema(
        operation_id="list_chains",
        parameters=[
            OpenApiParameter("feed", enum=sorted(FEEDS), description="Only of this feed."),
            *page_parameters(),
        ],
        responses=page_of(ChainSerializer),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The underlyings that have offered options, by symbol and feed; of feeds that the user may see."""
        feed = request.query_params.get("feed")
        if feed is not None and feed not in FEEDS:
            message = f"It takes one of: {', '.join(sorted(FEEDS))}."
            raise ValidationError({"feed": [ErrorDetail(message, "invalid_choice")]})
        of_it = {"feed": OuterRef("feed"), "underlying": OuterRef("symbol")}
        seen = rights.access_of(request).condition()
        found = Instrument.objects.filter(seen, Exists(chain_queries.offered_options(**of_it)), **chain_queries.OFFERED)
        pages = Pages(("symbol", "feed"))
        page = pages.page(found if feed is None else found.filter(feed=feed), request)
        response = pages.response(_shown(page))
        return etag.answered(request, pages.tag(response), lambda: response)


def _shown(page: Iterable[Instrument]) -> list[dict[str, Any]]:
    """One query for the whole page."""
    page = list(page)
    there = chain_queries.offered_options(
        feed__in={one.feed for one in page}, underlying__in={one.symbol for one in page}
    )
    counted = {
        (one["feed"], one["underlying"]): one
        for one in there.order_by("feed", "underlying")
        .values("feed", "underlying")
        .annotate(expiries=Count("expiry", distinct=True), options=Count("id"), first=Min("expiry"), last=Max("expiry"))
    }
    return [
        {
            "feed": one.feed,
            "underlying": one.symbol,
            "kind": one.kind,
            "currency": one.currency,
            "expiries": count["expiries"],
            "options": count["options"],
            "first_expiry": count["first"].isoformat(),
            "last_expiry": count["last"].isoformat(),
        }
        for one in page
        # What was withdrawn between the two queries has no chain any more.
        if (count := counted.get((one.feed, one.symbol))) is not None
    ]
