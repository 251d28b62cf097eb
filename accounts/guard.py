"""Around every view by which somebody could guess: it counts what is posted, and answers by a page (or to programs by a
problem) where nobody may try for now, where Redis cannot count, where mail cannot be sent, and where no key of the
settings opens a second factor.
"""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from . import lock_out
from .addresses import network_of
from .lock_out import Limit, LockedOutError
from .sealing import SealedError

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]
_RETRY_AFTER_S: Final = 5
_MAIL_RETRY_AFTER_S: Final = 120
_SEALED_RETRY_AFTER_S: Final = 600  # an administrator has to do something


class MailUnavailableError(Exception):
    """The mail that somebody waits for could not be sent."""


def guarded(view: View, *limits: Limit) -> View:
    """`view`, with every POST counted by the address that it comes from."""

    @never_cache
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if limits and request.method == "POST":
                lock_out.claim(*((limit, network_of(request)) for limit in limits))
            return view(request, *args, **kwargs)
        except LockedOutError as error:
            return locked_out(request, error)
        except RedisError:
            # Without Redis no attempt can be counted, and an uncounted one would be a free guess.
            return _answer(
                request,
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Not just now",
                "Redis does not answer, and without it no attempt can be counted. Try again in a few seconds.",
                _RETRY_AFTER_S,
            )
        except MailUnavailableError:
            return _answer(
                request,
                HTTPStatus.SERVICE_UNAVAILABLE,
                "No mail just now",
                "The mail could not be sent. Try again in a few minutes. If you were signing up, your account may be "
                "there already: sign in with the name and password that you chose.",
                _MAIL_RETRY_AFTER_S,
            )
        except SealedError:
            logger.error(
                "a second factor is sealed by a secret key that is neither STRIKEWIRE_SECRET_KEY nor one of "
                "STRIKEWIRE_SECRET_KEY_FALLBACKS: put it back, then `manage.py seal_secrets`"
            )
            return _answer(
                request,
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The second factor cannot be read",
                "This site cannot read what it keeps of your second factor. Tell its administrators; a passkey still "
                "signs you in.",
                _SEALED_RETRY_AFTER_S,
            )

    return inner


def locked_out(request: HttpRequest, error: LockedOutError) -> HttpResponse:
    return _answer(request, HTTPStatus.TOO_MANY_REQUESTS, "Too many attempts", str(error), error.wait_s)


def _answer(request: HttpRequest, status: HTTPStatus, title: str, detail: str, retry_after_s: int) -> HttpResponse:
    headers = {"Retry-After": str(retry_after_s)}
    if "html" not in request.headers.get("Accept", "") and "json" in request.headers.get("Accept", ""):
        body = {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "detail": f"{title}. {detail}",
            "errors": [],
        }
        return JsonResponse(body, status=status, headers=headers, content_type="application/problem+json")
    response = render(request, "account/not_now.html", {"heading": title, "detail": detail}, status=status)
    response["Retry-After"] = str(retry_after_s)
    return response
