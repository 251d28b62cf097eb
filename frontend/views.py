"""The page itself. Everything on it that changes comes by the stream and by REST."""

import json
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from accounts import first_list, look, preferences
from accounts.models import User
from marketdata.feeds.registry import TRADING_DAYS
from marketdata.rest.throttled_page import throttled

from .vite_manifest import NotBuiltError, built

_MOST_FEEDS = 50


@require_safe
@never_cache
@login_required
@ensure_csrf_cookie
def desk(request: HttpRequest) -> HttpResponse:
    """The signed-in user's watchlists. 503 with what to do where the front end is not built."""
    try:
        built("src/main.tsx")
    except NotBuiltError as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    user = request.user
    assert isinstance(user, User)
    display = preferences.display_of(user)
    response = render(request, "frontend/app.html", {"account": _account(user, display)})
    look.remember_theme(request, response, display["theme"])
    return response


@require_POST
@never_cache
@login_required
@throttled
def give_first_list(request: HttpRequest) -> HttpResponse:
    """Makes a new user's first watchlist, of the feeds that the page hears. Asked again while `settled` is false."""
    assert isinstance(request.user, User)
    feeds = request.POST.getlist("feed")[:_MOST_FEEDS]
    return JsonResponse({"settled": first_list.give(request.user, [one for one in feeds if "\0" not in one])})


def _account(user: User, display: dict[str, Any]) -> str:
    """What the page is drawn by as JSON, so that it need not ask first."""
    told = {
        "id": user.pk,
        "has_begun": user.has_begun,
        "time_zone": user.time_zone,
        "display": display,
        "exchange_zones": _exchange_zones(),
    }
    return json.dumps(told)


@cache
def _exchange_zones() -> dict[str, str]:
    """The zone that each feed's exchange tells times in; a feed that is not named keeps UTC."""
    found = {}
    for feed, trading in TRADING_DAYS.items():
        if trading == "us_options":
            found[feed] = "America/New_York"
        elif isinstance(zone := trading.tzinfo, ZoneInfo):
            found[feed] = zone.key
    return found
