"""The limit of REST requests for pages that ask of the server what REST does, and are not of the API."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request

from .problems import CONTENT_TYPE, problem
from .throttle import UserThrottle, headers


def throttled(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A signed-in user's `view`, whose requests count among the user's REST requests."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        asked, throttle = Request(request), UserThrottle()
        asked.user = request.user
        if throttle.allow_request(asked, view):
            answer = view(request)
        else:
            status, wait = HTTPStatus.TOO_MANY_REQUESTS, f"{throttle.wait():g}"
            said = problem(status, f"Too many requests. Try again in {wait} s.")
            answer = JsonResponse(said, status=status, headers={"Retry-After": wait}, content_type=CONTENT_TYPE)
        for name, value in headers(asked).items():
            answer.headers[name] = value
        return answer

    return inner
