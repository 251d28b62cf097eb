"""Watchlists that are shared by a link: given and withdrawn by the owner, read and copied by whoever has the link. The key
stands in a header or a body, never in an address: those are logged.
"""

from typing import Any, Final

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, sharing
from accounts.models import WATCHLISTS
from accounts.watchlists import GoneError

from . import etag
from .own_watchlist import WatchlistEditView, answered, body, own, tag_of, tagged
from .problems import Absent
from .strict import StrictSerializer
from .view import View
from .watchlist_shown import SharedSerializer, WatchlistSerializer, shared_shown
from .watchlists import NameField

HEADER: Final = "Strikewire-Share-Key"
_KEY: Final = "The key of the link: what stands after `#shared/` in it."
_SCHEMA: Final = {"type": "string", "minLength": 1, "maxLength": 64}


class ShareSerializer(serializers.Serializer[Any]):
    share_key = serializers.CharField(help_text=f"{_KEY} A secret: who has it and is signed in may read the watchlist.")
    path = serializers.CharField(help_text="The link's path on this site. Browsers send no server what is after `#`.")


class CopySerializer(StrictSerializer):
    key = serializers.CharField(max_length=64, help_text=_KEY)
    name = NameField(required=False)


class ShareView(WatchlistEditView):
    @extend_schema(operation_id="share_watchlist", request=None, responses={201: ShareSerializer})
    def post(self, request: Request, watchlist: int) -> Response:
        """A link by which every signed-in user who has it may read the watchlist, live. One that is shared keeps its
        link."""
        found = own(request, watchlist)
        key = sharing.share(found)
        answer = Response({"share_key": key, "path": f"/#shared/{key}"}, status=201)
        answer.headers["Cache-Control"] = "no-store"
        return tagged(answer, found)

    @extend_schema(operation_id="withdraw_watchlist", responses={204: None})
    def delete(self, request: Request, watchlist: int) -> Response:
        """From now on its link leads nowhere, and whoever reads it by stream loses it. Shared again, it has another."""
        found = own(request, watchlist)
        sharing.withdraw(found)
        return tagged(Response(status=204), found)


class SharedView(View):
    tagged = True

    @extend_schema(
        operation_id="get_shared_watchlist",
        parameters=[OpenApiParameter(HEADER, _SCHEMA, OpenApiParameter.HEADER, required=True, description=_KEY)],
        responses=SharedSerializer,
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Another's watchlist, shared by a link. A key that is none, or was withdrawn, reads as absent."""
        key = request.headers.get(HEADER, "")
        if not key:
            raise ValidationError({HEADER: [ErrorDetail(f"It takes {_KEY[0].lower()}{_KEY[1:]}", "required")]})
        found = queries.shared(key)
        if found is None:
            raise absent(HEADER)
        return etag.answered(request, tag_of(found), lambda: Response(shared_shown(found)))


class SharedCopyView(View):
    write_scope = WATCHLISTS

    @extend_schema(operation_id="copy_shared_watchlist", request=CopySerializer, responses={201: WatchlistSerializer})
    def post(self, request: Request) -> Response:
        """A watchlist of the user's own with what the shared one holds now, after the user's others. Unless `name` is
        given, it is called as that one, numbered where the user has one of that name."""
        assert request.user.is_authenticated  # the permission class saw to it
        asked = body(CopySerializer, request)
        try:
            made = sharing.copy(request.user, asked["key"], asked.get("name"))
        except GoneError:
            raise absent("key") from None
        return answered(request, made.pk, 201)


def absent(field: str) -> Absent:
    return Absent({field: [ErrorDetail("No watchlist is shared by this key, or no longer.", "not_found")]})
