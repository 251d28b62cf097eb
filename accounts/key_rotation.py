"""A new secret key signs nobody out: the session that was begun under a former one goes on as it is."""

from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from .models import User


class AuthenticationMiddleware(DjangoAuthenticationMiddleware):
    """Django's own gives a session that a former key has signed another name, at the first request that comes with it. The
    sockets that stand on the old name would be sent away, and the other requests of the same page, on their way at the same
    time, would come in by a name that is gone and be told to forget their cookie."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _without_a_new_name(request))  # type: ignore[assignment]


def _without_a_new_name(request: HttpRequest) -> User | AnonymousUser:
    session: SessionBase = request.session
    session.cycle_key = lambda: None  # type: ignore[method-assign]
    try:
        return auth.get_user(request)
    finally:
        del session.cycle_key  # the class's own again: signing in still gives a new name
