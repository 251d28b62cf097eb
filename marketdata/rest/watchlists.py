"""A user's watchlists and the instruments in them. What is another's is answered as what is not there."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, watchlists
from accounts.models import WATCHLISTS

from . import etag, rights
from .own_watchlist import WatchlistEditView, answered, body, own, tag_of, tagged, user_id, whole
from .pages import PARAMETERS, Pages
from .schema import page_of, page_parameters
from .strict import StrictSerializer
from .view import View
from .watchlist_shown import NAME, EntrySerializer, WatchlistSerializer, shown


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": watchlists.NAME_LENGTH})
class NameField(serializers.CharField):
    """Blank, trimmed and length are the verb's to judge, so that there is one wording; the bound keeps out the absurd."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_blank=True, max_length=1_000, **{"help_text": NAME, **options})


class NewWatchlistSerializer(StrictSerializer):
    name = NameField()


class WatchlistChangeSerializer(StrictSerializer):
    name = NameField(required=False)
    position = serializers.IntegerField(
        min_value=0,
        max_value=watchlists.MOST_POSITION,
        required=False,
        help_text="Watchlists stand in rising order of this.",
    )


class NewEntrySerializer(StrictSerializer):
    symbol = serializers.CharField(max_length=1_000, help_text="A symbol, or feed.symbol where two feeds have it.")


class EntriesSerializer(StrictSerializer):
    symbols = serializers.ListField(
        child=serializers.CharField(max_length=1_000),
        max_length=watchlists.ITEMS_PER_WATCHLIST,
        help_text="All instruments that it is to hold, in order: symbols, or feed.symbol where two feeds have it.",
    )


class WatchlistsView(View):
    write_scope = WATCHLISTS
    query = PARAMETERS

    @extend_schema(operation_id="list_watchlists", parameters=page_parameters(), responses=page_of(WatchlistSerializer))
    def get(self, request: Request) -> Response:
        """The user's watchlists, in order."""
        pages = Pages(("position", "id"))
        page: Any = pages.page(queries.watchlists_of(user_id(request)), request)
        return pages.response(shown(page))

    @extend_schema(
        operation_id="create_watchlist", request=NewWatchlistSerializer, responses={201: WatchlistSerializer}
    )
    def post(self, request: Request) -> Response:
        """A new, empty watchlist, after the others."""
        assert request.user.is_authenticated
        created = watchlists.create(request.user, **body(NewWatchlistSerializer, request))
        return answered(request, created.pk, 201)


class WatchlistView(WatchlistEditView):
    tagged = True

    @extend_schema(operation_id="get_watchlist", responses=WatchlistSerializer)
    def get(self, request: Request, watchlist: int) -> HttpResponseBase:
        """One watchlist. Its `ETag` is its version, for `If-Match`."""
        found = whole(request, watchlist)
        return etag.answered(request, tag_of(found), lambda: Response(shown([found])[0]))

    @extend_schema(operation_id="change_watchlist", request=WatchlistChangeSerializer, responses=WatchlistSerializer)
    def patch(self, request: Request, watchlist: int) -> Response:
        """Another name, another place among the user's watchlists, or both."""
        found = own(request, watchlist)
        changes = body(WatchlistChangeSerializer, request)
        if changes:
            watchlists.change(found, **changes)
        return answered(request, watchlist)

    @extend_schema(operation_id="delete_watchlist", responses={204: None})
    def delete(self, request: Request, watchlist: int) -> Response:
        """Gone, with all that is in it."""
        watchlists.delete(own(request, watchlist))
        return Response(status=204)


class EntriesView(WatchlistEditView):
    @extend_schema(operation_id="add_entry", request=NewEntrySerializer, responses={201: EntrySerializer})
    def post(self, request: Request, watchlist: int) -> Response:
        """One more instrument, after all that is there. Codes: `unknown_symbol`, `ambiguous_symbol`, `not_streaming`,
        `forbidden`, `already_there`, `too_many`."""
        found = own(request, watchlist)
        asked = body(NewEntrySerializer, request)
        entry = watchlists.add(found, access=rights.access_of(request), **asked)
        return tagged(Response(EntrySerializer(entry).data, status=201), found)

    @extend_schema(operation_id="replace_entries", request=EntriesSerializer, responses=WatchlistSerializer)
    def put(self, request: Request, watchlist: int) -> Response:
        """Makes the instruments of the watchlist exactly these, or refuses all of it, naming each bad symbol by its place.
        Sections and rolling entries stay where they are among them; `items/` orders everything."""
        found = own(request, watchlist)
        asked = body(EntriesSerializer, request)
        watchlists.reorder(found, access=rights.access_of(request), **asked)
        return answered(request, watchlist)


class EntryView(WatchlistEditView):
    @extend_schema(operation_id="remove_entry", responses={204: None})
    def delete(self, request: Request, watchlist: int, entry: int) -> Response:
        """One instrument fewer."""
        found = own(request, watchlist)
        watchlists.remove(found, entry)
        return tagged(Response(status=204), found)
