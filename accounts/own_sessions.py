"""A user's own sessions: where one is signed in, when each was last seen, and the way to end them. What ends here is gone
from the database, and `revocation` sends its sockets away.
"""

import datetime as dt
import logging
import re
import time
from typing import Any, ClassVar, Final, NamedTuple

from allauth.account.signals import user_logged_in
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from .addresses import address_of

logger = logging.getLogger(__name__)

# A write a request would be the price of more; nobody needs to know it better than to some minutes.
SEEN_EVERY_S: Final = 120.0
# More than anybody has devices. At the limit the one seen longest ago ends, as where a program signs in each time.
MOST_SESSIONS: Final = 100
_REMEMBERED: Final = 20_000
# One sign-in in so many takes away what ran out, and so many at most: more than comes in between.
_PRUNE_EVERY: Final = 50
_PRUNED: Final = 500

# In this order: browsers name each other, and Android names Linux.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_PROGRAM: Final = re.compile(r"[\w.-]{1,40}(?=/|\Z| )")


class LastSeenMiddleware(MiddlewareMixin):
    """Notes now and then when a session was last seen, and from where. Also makes the note of one that has none."""

    _noted: ClassVar[dict[str, float]] = {}

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # Only where the view asked who is there: a page that does not care needs no query for this.
        session = getattr(request, "session", None)
        if session is not None and session.accessed and session.session_key and request.user.is_authenticated:
            self._note(request, str(session.session_key))
        return response

    def _note(self, request: HttpRequest, key: str) -> None:
        now = time.monotonic()
        if now - self._noted.get(key, -SEEN_EVERY_S) < SEEN_EVERY_S:
            return
        if len(self._noted) >= _REMEMBERED:
            self._noted.clear()
        self._noted[key] = now
        try:
            note(request)
        except DatabaseError as error:
            # The answer is there, and is worth more than the note.
            logger.warning("a session's last use could not be noted: %r", error)


def note(request: HttpRequest) -> None:
    """That the request's session is there, from its address and browser, now."""
    if not request.session.exists(str(request.session.session_key)):
        return  # it was ended while the view ran
    agent = request.META.get("HTTP_USER_AGENT", "")[: UserSession._meta.get_field("user_agent").max_length]
    UserSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": request.user,
            "ip": address_of(request),
            "user_agent": agent.replace("\x00", ""),
            "last_seen_at": timezone.now(),
        },
    )


@receiver(user_logged_in)
def bounded(request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    """Ends what is beyond MOST_SESSIONS of the user's sessions, those seen longest ago first; and prunes now and then."""
    noted = UserSession.objects.filter(session_key=request.session.session_key or "").first()
    if noted is not None and noted.pk % _PRUNE_EVERY == 0:
        prune()
    own = UserSession.objects.filter(user_id=user.pk).exclude(session_key=request.session.session_key or "")
    for one in own.order_by("-last_seen_at", "-pk")[MOST_SESSIONS - 1 :]:
        one.end()


def prune() -> None:
    """Takes away what ran out, and notes of what is gone; some at a time, as somebody waits to be signed in."""
    over = Session.objects.filter(expire_date__lt=timezone.now()).order_by("expire_date").values("pk")[:_PRUNED]
    Session.objects.filter(pk__in=[one["pk"] for one in over]).delete()
    gone = UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).values("pk")[:_PRUNED]
    UserSession.objects.filter(pk__in=[one["pk"] for one in gone]).delete()


class Shown(NamedTuple):
    """One line of the list."""

    id: int
    device: str
    address: str
    since: dt.datetime
    seen: dt.datetime
    current: bool


def device_in_words(agent: str) -> str:
    """`Firefox on Linux`; of a program its name; never the whole text, which anybody may write."""
    browser = next((words for mark, words in _BROWSERS if mark in agent), "")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    program = _PROGRAM.match(agent)
    return browser or system or (program.group() if program else "An unknown program")


def sessions_of(request: HttpRequest) -> list[Shown]:
    """The user's, this one first, then as they were last seen."""
    assert request.user.is_authenticated
    found = UserSession.objects.purge_and_list(request.user)
    shown = [
        Shown(
            one.pk,
            device_in_words(one.user_agent),
            one.ip,
            one.created_at,
            one.last_seen_at,
            one.session_key == request.session.session_key,
        )
        for one in found
    ]
    return sorted(shown, key=lambda one: (not one.current, -one.seen.timestamp()))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def own_sessions(request: HttpRequest) -> HttpResponse:
    """The list; posted, ends one of them (`end`, its id) or all others (`others`)."""
    note(request)
    if request.method == "POST":
        own = UserSession.objects.filter(user=request.user).exclude(session_key=request.session.session_key)
        if "others" not in request.POST:
            wanted = request.POST.get("end", "")
            own = (
                own.filter(pk=int(wanted)) if wanted.isascii() and wanted.isdigit() and len(wanted) < 16 else own.none()
            )
        ended = list(own)
        for one in ended:
            one.end()
        count = len(ended)
        said = (
            f"{count} session{' was' if count == 1 else 's were'} ended."
            if count
            else "That session had ended already."
        )
        messages.info(request, said)
        return HttpResponseRedirect(request.path)
    return render(request, "usersessions/usersession_list.html", {"sessions": sessions_of(request)})
