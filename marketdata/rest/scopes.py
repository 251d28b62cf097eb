"""What a token may do here: its scopes, held against what the view says that it needs. A session may do all."""

from typing import Any, Final

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import tokens
from accounts.models import READ, ApiToken

SESSION_ONLY: Final = "A token may not do this: it needs a session, so sign in on the site."


class ScopeMissing(PermissionDenied):
    """The token is a good one, and not for this. Says which scope is missing, also as RFC 6750 has it."""

    def __init__(self, scope: str, method: str) -> None:
        super().__init__(f"{method} here needs the scope {scope}, and this token does not have it.", "scope_missing")
        self.auth_header = f'Bearer error="insufficient_scope", scope="{scope}"'


class TokenScopes(BasePermission):
    """By the view's `read_scope` for GET and HEAD and its `write_scope` for the rest; None is for sessions only. What says
    nothing is read by READ and changed by no token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        method = str(request.method)
        if not hasattr(view, method.lower()):
            return True  # it is told that there is no such method
        scope = needed(view, method)
        if scope is None:
            raise PermissionDenied(SESSION_ONLY, "session_only")
        if scope not in tokens.scopes_of(request.auth):
            raise ScopeMissing(scope, method)
        return True


def needed(view: Any, method: str) -> str | None:
    """The scope that a token needs; None where none is enough."""
    if method.upper() in SAFE_METHODS:
        return getattr(view, "read_scope", READ)
    return getattr(view, "write_scope", None)
