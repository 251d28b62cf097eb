"""How a REST request says who it is: an API token here, or the session by REST framework's own class."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from . import tokens
from .identity import find_token
from .models import ApiToken, User


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`. Not knox's own class: that answers bytes outside UTF-8 by a 500, and deletes
    expired tokens, which is a write, while it reads."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = find_token(token.strip())
        if found is None:
            raise AuthenticationFailed("The token is unknown, expired, or its user inactive.", code="bad_token")
        tokens.used(found)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):
    """The same, for the schema."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        definition: dict[str, str] = build_bearer_security_scheme_object("Authorization", "Bearer")
        return definition
