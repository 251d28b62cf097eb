"""Signing in and out: allauth's views, at the only two of its addresses that are open now."""

from typing import Any

from allauth.account.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from redis.exceptions import RedisError


class SignInView(LoginView):
    """Without Redis nobody's attempts can be counted, and an uncounted attempt would be a free guess: it is refused."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        except RedisError:
            return HttpResponse(
                "Nobody can sign in just now: Redis does not answer. Try again in a few seconds.\n",
                status=503,
                content_type="text/plain; charset=utf-8",
                headers={"Retry-After": "5"},
            )
        return response


sign_in = SignInView.as_view()
sign_out = LogoutView.as_view()
