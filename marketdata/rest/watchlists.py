"""A user's watchlists and their entries. What is another's is answered as what is not there."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, watchlists
from accounts.models import WATCHLISTS, Watchlist, WatchlistEntry
from accounts.watchlists import GoneError

from .pages import PARAMETERS, Pages
from .schema import page_of, page_parameters
from .strict import StrictSerializer
from .view import View

_NAME = f"1 to {watchlists.NAME_LENGTH} characters, unique among the user's watchlists."


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": watchlists.NAME_LENGTH})
class NameField(serializers.CharField):
    """Blank, trimmed and length are the verb's to judge, so that there is one wording; the bound keeps out the absurd."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_blank=True, max_length=1_000, help_text=_NAME, **options)


class EntrySerializer(serializers.Serializer[WatchlistEntry]):
    id = serializers.IntegerField(help_text="Names the entry within its watchlist.")
    feed = serializers.CharField(source="instrument.feed", help_text="Feed of the instrument.")
    symbol = serializers.CharField(source="instrument.symbol", help_text="Symbol of the instrument.")
    instrument = serializers.IntegerField(source="instrument_id", help_text="Id of the instrument.")
    position = serializers.IntegerField(help_text="Entries stand in rising order of this; it may have holes.")


class WatchlistSerializer(serializers.Serializer[Watchlist]):
    id = serializers.IntegerField(help_text="Names the watchlist for ever.")
    name = serializers.CharField(help_text=_NAME)
    position = serializers.IntegerField(help_text="Watchlists stand in rising order of this.")
    version = serializers.IntegerField(help_text="Rises with every edit.")
    entries = EntrySerializer(many=True, help_text="The instruments, in order.")


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
        help_text="All that the watchlist is to hold, in order: symbols, or feed.symbol where two feeds have it.",
    )


class WatchlistsView(View):
    write_scope = WATCHLISTS
    query = PARAMETERS

    @extend_schema(operation_id="list_watchlists", parameters=page_parameters(), responses=page_of(WatchlistSerializer))
    def get(self, request: Request) -> Response:
        """The user's watchlists, in order."""
        pages = Pages(("position", "id"))
        page: Any = pages.page(queries.watchlists_of(_user_id(request)), request)
        return pages.response(WatchlistSerializer(page, many=True).data)

    @extend_schema(
        operation_id="create_watchlist", request=NewWatchlistSerializer, responses={201: WatchlistSerializer}
    )
    def post(self, request: Request) -> Response:
        """A new, empty watchlist, after the others."""
        assert request.user.is_authenticated
        created = watchlists.create(request.user, **_body(NewWatchlistSerializer, request))
        return Response(_shown(request, created.pk), status=201)


class WatchlistView(View):
    write_scope = WATCHLISTS
    @extend_schema(operation_id="get_watchlist", responses=WatchlistSerializer)
    def get(self, request: Request, watchlist: int) -> Response:
        """One watchlist."""
        return Response(_shown(request, watchlist))

    @extend_schema(operation_id="change_watchlist", request=WatchlistChangeSerializer, responses=WatchlistSerializer)
    def patch(self, request: Request, watchlist: int) -> Response:
        """Another name, another place among the user's watchlists, or both."""
        found = _own(request, watchlist)
        changes = _body(WatchlistChangeSerializer, request)
        if changes:
            watchlists.change(found, **changes)
        return Response(_shown(request, watchlist))

    @extend_schema(operation_id="delete_watchlist", responses={204: None})
    def delete(self, request: Request, watchlist: int) -> Response:
        """Gone, with its entries."""
        watchlists.delete(_own(request, watchlist))
        return Response(status=204)


class EntriesView(View):
    write_scope = WATCHLISTS
    @extend_schema(operation_id="add_entry", request=NewEntrySerializer, responses={201: EntrySerializer})
    def post(self, request: Request, watchlist: int) -> Response:
        """One more instrument, after the others. Codes: `unknown_symbol`, `ambiguous_symbol`, `not_streaming`,
        `already_there`, `too_many`."""
        found = _own(request, watchlist)
        entry = watchlists.add(found, **_body(NewEntrySerializer, request))
        return Response(EntrySerializer(entry).data, status=201)

    @extend_schema(operation_id="replace_entries", request=EntriesSerializer, responses=WatchlistSerializer)
    def put(self, request: Request, watchlist: int) -> Response:
        """Makes the watchlist exactly this, or refuses all of it, naming each bad symbol by its place."""
        found = _own(request, watchlist)
        watchlists.reorder(found, **_body(EntriesSerializer, request))
        return Response(_shown(request, watchlist))


class EntryView(View):
    write_scope = WATCHLISTS
    @extend_schema(operation_id="remove_entry", responses={204: None})
    def delete(self, request: Request, watchlist: int, entry: int) -> Response:
        """One instrument fewer."""
        watchlists.remove(_own(request, watchlist), entry)
        return Response(status=204)


def _user_id(request: Request) -> int:
    assert request.user.is_authenticated  # the permission class saw to it
    return request.user.pk


def _own(request: Request, watchlist: int) -> Watchlist:
    found = Watchlist.objects.filter(owner_id=_user_id(request), pk=watchlist).first()
    if found is None:
        raise GoneError("watchlist")
    return found


def _shown(request: Request, watchlist: int) -> Any:
    found = queries.watchlist_of(_user_id(request), watchlist)
    if found is None:
        raise GoneError("watchlist")
    return WatchlistSerializer(found).data


def _body(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
