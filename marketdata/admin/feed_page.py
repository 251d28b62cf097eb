"""The page that shows administrators how each feed's ingest works: a client of the stream like any other. Its buttons ask
first. `urls` are those of /admin/feeds/.
"""

from typing import Final, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from frontend.vite_manifest import NotBuiltError, built

from ..bus.orders import Deed, Order
from ..feeds import registry
from ..models import FeedSettings
from . import orders, trail
from .live import vitals_of
from .overview import standings

ENTRY: Final = "src/admin/feeds.ts"
MAY: Final = "marketdata.change_feedsettings"


class Button(NamedTuple):
    """What a button of the feed page asks, and what it orders."""

    do: Deed
    name: str
    question: str
    explanation: str
    said: str


BUTTONS: Final = {
    "reconnect": Button(
        "reconnect",
        "Reconnect",
        "Reconnect {feed}?",
        "Every connection to the provider is closed and opened again. Quotes pause for a moment; nothing else changes.",
        "told to reconnect",
    ),
    "hand-over": Button(
        "hand_over",
        "Hand over",
        "Hand {feed} over to a standby?",
        "The leading process gives the feed up and stands by; another takes over within a second or so.",
        "told to hand over",
    ),
}


def live(request: HttpRequest) -> HttpResponse:
    """The page; what moves on it comes by the stream."""
    try:
        built(ENTRY)
    except NotBuiltError as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    context = {
        **admin.site.each_context(request),
        "title": "Feeds, live",
        "feeds": [one.feed for one in standings()],
        "buttons": list(BUTTONS.items()) if request.user.has_perm(MAY) else [],
        "entry": ENTRY,
    }
    return TemplateResponse(request, "admin/marketdata/feeds/live.html", context)


def press(request: HttpRequest, feed: str, button: str) -> HttpResponse:
    """Asks, and once that is confirmed orders."""
    if feed not in registry.FEEDS or button not in BUTTONS:
        raise Http404
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    asked = BUTTONS[button]
    vitals = vitals_of([feed])[feed]
    # Of a split feed one share is handed over: all at once would leave more of them than there are standbys.
    shares = vitals.parts if vitals is not None and asked.do == "hand_over" else []
    share = _chosen(request, len(shares)) if shares else None
    standbys = vitals.standbys if vitals is not None else 0
    if share is not None:
        standbys = shares[share - 1].standbys
    alone = asked.do == "hand_over" and not standbys
    force = request.POST.get("force") == "yes"
    if request.method == "POST" and alone and not force:
        what = feed if share is None else f"Share {share} of {feed}"
        messages.error(request, f"{what} was not handed over: no standby of it is known, and you did not confirm that.")
    elif request.method == "POST":
        if orders.give(request, feed, Order(asked.do, request.user.get_username(), force, share)):
            messages.success(request, f"{feed}{f', share {share},' if share else ''} was {asked.said}.")
            of = FeedSettings.objects.filter(feed=feed).first() or FeedSettings(feed=feed)
            assert request.user.pk is not None
            said = asked.said + (f", share {share}" if share else "") + (" without a standby" if alone else "")
            trail.enter(int(request.user.pk), [(of, CHANGE, said)])
        return HttpResponseRedirect(reverse("feeds_live"))
    context = {
        **admin.site.each_context(request),
        "title": asked.question.format(feed=feed),
        "explanation": asked.explanation,
        "alone": alone,
        "shares": shares,
        "button": asked.name,
        "back": reverse("feeds_live"),
    }
    return TemplateResponse(request, "admin/marketdata/feeds/ask.html", context)


def _chosen(request: HttpRequest, count: int) -> int:
    """The number of the share that was chosen; of who only asks, the first."""
    given = request.POST.get("share", "1")
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= count:
        raise Http404
    return int(given)


urls: Final = [
    path("", admin.site.admin_view(live), name="feeds_live"),
    path("<slug:feed>/<slug:button>/", admin.site.admin_view(press), name="feeds_press"),
]
