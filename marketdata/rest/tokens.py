"""A user's API tokens: listed, made and revoked by session only, since a token that makes tokens would outlive its own
revocation.
"""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import tokens
from accounts.models import READ, SCOPES, ApiToken
from accounts.watchlists import NAME_LENGTH

from .schema import page_of
from .strict import StrictSerializer
from .view import View

_NAME = f"What uses the token; 1 to {NAME_LENGTH} characters."
_SCOPES = (
    "What it may do: `read` all that the user may see, also by stream; `watchlists`: change the user's watchlists."
)


class TokenSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Names the token among the user's; no part of its text.")
    name = serializers.CharField(help_text=_NAME)
    begins = serializers.CharField(help_text=f"The first {tokens.SHOWN_LENGTH} characters of its text.")
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), help_text=_SCOPES)
    created_at = serializers.DateTimeField(help_text="When it was made.")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Its end; null is never.")
    last_used_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When it was last shown, right to a minute, and to a few while a socket by it is open; null is never.",
    )


class MadeTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="The token's text. It is told here, and never again.")


class NewTokenSerializer(StrictSerializer):
    name = serializers.CharField(min_length=1, max_length=NAME_LENGTH, help_text=_NAME)
    days = serializers.IntegerField(
        min_value=1,
        max_value=tokens.MOST_DAYS,
        allow_null=True,
        required=False,
        help_text="How many days it lives, unless told what the site gives; null is for ever, where the site allows that.",
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(SCOPES),
        min_length=1,
        max_length=len(SCOPES),
        required=False,
        help_text=f"{_SCOPES} Unless told, `{READ}`.",
    )


class TokensView(View):
    read_scope = write_scope = None

    @extend_schema(operation_id="list_tokens", responses=page_of(TokenSerializer))
    def get(self, request: Request) -> Response:
        """The user's tokens, newest first, expired ones too: at most 50, on one page."""
        assert request.user.is_authenticated  # the permission class saw to it
        found = [shown(one) for one in tokens.of(request.user)]
        return Response({"next": None, "previous": None, "results": TokenSerializer(found, many=True).data})

    @extend_schema(operation_id="create_token", request=NewTokenSerializer, responses={201: MadeTokenSerializer})
    def post(self, request: Request) -> Response:
        """A new token. Its text is in this answer only. 403 where the session has not proved for some minutes that it is
        still its user: the page `/accounts/tokens/` asks for that."""
        assert request.user.is_authenticated
        _demand_reauthentication(request)
        asked = NewTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said: dict[str, Any] = asked.validated_data
        days = said.get("days", tokens.DEFAULT)
        record, text = tokens.make(request.user, said["name"], 0 if days is None else days, said.get("scopes", (READ,)))
        made = MadeTokenSerializer({**shown(record), "token": text}).data
        return Response(made, status=201, headers={"Cache-Control": "no-store"})


class TokenView(View):
    read_scope = write_scope = None

    @extend_schema(operation_id="revoke_token", responses={204: None})
    def delete(self, request: Request, token: str) -> Response:
        """The token is worth nothing from now on; sockets that it opened are closed within two seconds."""
        assert request.user.is_authenticated
        tokens.revoke(request.user, token)
        return Response(status=204)


def shown(token: ApiToken) -> dict[str, Any]:
    """A token as its owner may see it, ever after."""
    return {
        "id": tokens.handle_of(token),
        "name": token.name,
        "begins": token.token_key[: tokens.SHOWN_LENGTH],
        "scopes": tokens.scopes_of(token),
        "created_at": token.created,
        "expires_at": token.expiry,
        "last_used_at": token.last_used_at,
    }


@reauthentication_required
def _recently_signed_in(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _demand_reauthentication(request: Request) -> None:
    try:
        _recently_signed_in(request._request)
    except ReauthenticationRequired as error:
        message = "A token is a way in of its own: prove first that it is you, as the page /accounts/tokens/ asks for."
        raise PermissionDenied(message, "reauthentication_required") from error
