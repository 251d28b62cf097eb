"""What views of one watchlist have in common: whose it is, which version the client has seen, and how it is answered."""

from typing import Any, ClassVar, Final

from django.utils.http import parse_etags
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.models import WATCHLISTS, Watchlist
from accounts.watchlists import GoneError

from .strict import StrictSerializer
from .view import View
from .watchlist_shown import shown

NO_VERSION: Final = -1


class WatchlistEditView(View):
    """Its other methods than GET edit one watchlist: they take If-Match, and answer with the watchlist's new ETag."""

    write_scope = WATCHLISTS
    conditional: ClassVar[bool] = True


def user_id(request: Request) -> int:
    assert request.user.is_authenticated  # the permission class saw to it
    return request.user.pk


def own(request: Request, watchlist: int) -> Watchlist:
    """The user's watchlist of this id, for an edit: with the version that the client expects by If-Match, which the edit
    itself compares, after all else that may be wrong. Raises GoneError for another's as for none."""
    found = Watchlist.objects.filter(owner_id=user_id(request), pk=watchlist).first()
    if found is None:
        raise GoneError("watchlist")
    asked = request.headers.get("If-Match")
    if asked is not None and "*" not in (tags := parse_etags(asked)):
        # Weak ones too: nothing but the version is in ours.
        has_it = tag_of(found) in {one.removeprefix("W/") for one in tags}
        found.expected_version = found.version if has_it else NO_VERSION
    return found


def whole(request: Request, watchlist: int) -> Watchlist:
    """The same to look at, with its items. Raises GoneError."""
    found = queries.watchlist_of(user_id(request), watchlist)
    if found is None:
        raise GoneError("watchlist")
    return found


def answered(request: Request, watchlist: int, status: int = 200) -> Response:
    """The watchlist whole, after an edit."""
    found = whole(request, watchlist)
    return tagged(Response(shown([found])[0], status=status), found)


def tagged(response: Response, watchlist: Watchlist) -> Response:
    response.headers["ETag"] = tag_of(watchlist)
    return response


def tag_of(watchlist: Watchlist) -> str:
    """Strong: it says which version, for If-Match."""
    return f'"{watchlist.version}"'


def body(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    checked: serializers.Serializer[Any] = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
