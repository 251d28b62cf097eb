"""The page that shows administrators every open socket, whichever web process it is in, and sends one away. Its figures
come from Redis, where each web process says them every two seconds. `urls` are those of /admin/connections/.
"""

import datetime as dt
import time
from typing import Any, Final, NamedTuple

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.models import User

from ..bus import presence
from ..bus.connection import RedisDownError
from ..bus.presence import Said, Socket
from ..stream import protocol
from ..stream.presence import dismissal
from . import trail
from .live import client

VIEW: Final = "accounts.view_user"
MAY: Final = "accounts.change_user"
# What a page can show; a name narrows it.
SHOWN: Final = 500
REASON: Final = "disconnected by an administrator"


class Row(NamedTuple):
    """One socket, written for people. `process` is the web process that has it."""

    name: str
    user: str
    by: str
    address: str
    since: str
    symbols: int
    interval: str
    unanswered: str
    ping: str
    rows: int
    merged: int
    process: str


def listed(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    said = _said()
    text = request.GET.get("user", "").strip()[:150]
    found = [
        (one, process.process)
        for process in said or ()
        for one in process.sockets
        if text.lower() in one.username.lower()
    ]
    found.sort(key=lambda pair: (pair[0].username, pair[0].since))
    context = {
        **admin.site.each_context(request),
        "title": "Live connections",
        "away": said is None,
        "total": sum(process.total for process in said or ()),
        "processes": len(said or ()),
        "untold": sum(process.total - len(process.sockets) for process in said or ()),
        "text": text,
        "found": len(found),
        "rows": [_row(one, process) for one, process in found[:SHOWN]],
        "may": request.user.has_perm(MAY),
        "most": SHOWN,
    }
    return TemplateResponse(request, "admin/marketdata/connections/list.html", context)


def disconnect(request: HttpRequest, name: str) -> HttpResponse:
    """Asks, and once that is confirmed sends the socket away."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    found = next((one for process in _said() or () for one in process.sockets if one.name == name), None)
    if found is None and request.method != "POST":
        raise Http404
    back = HttpResponseRedirect(reverse("connections"))
    if found is None:
        messages.warning(request, "That connection has ended meanwhile.")
        return back
    called = f"connection {found.name} of {found.username} from {found.address}"
    if request.method == "POST":
        try:
            async_to_sync(get_channel_layer().send)(found.channel, dismissal(protocol.NOT_ALLOWED, REASON))
        except (RedisDownError, redis.RedisError) as error:
            messages.error(request, f"The {called} could not be told: Redis does not answer ({error}).")
            return back
        messages.success(request, f"The {called} was sent away.")
        assert request.user.pk is not None
        of = User.objects.filter(pk=found.user_id).first() or User(username=found.username)
        trail.enter(int(request.user.pk), [(of, CHANGE, f"connection {found.name} from {found.address} disconnected")])
        return back
    context = {
        **admin.site.each_context(request),
        "title": f"Disconnect {found.username}, {found.address}?",
        "explanation": "The page or program is told that it is not allowed, and not to come back by itself (4403). Who may "
        "sign in can open another: to keep them out, deactivate the user, or revoke the token.",
        "button": "Disconnect",
        "back": reverse("connections"),
    }
    return TemplateResponse(request, "admin/marketdata/feeds/ask.html", context)


def _said() -> list[Said] | None:
    """None where Redis is away."""
    with client() as server:
        try:
            return presence.read_blocking(server)
        except redis.RedisError:
            return None


def _row(one: Socket, process: str) -> Row:
    since = dt.datetime.fromtimestamp(one.since, dt.UTC)
    return Row(
        one.name,
        one.username,
        one.by,
        one.address or "–",
        f"{since:%Y-%m-%d %H:%M:%S} UTC, {_long(time.time() - one.since)}",
        one.symbols,
        f"{one.interval_ms} ms" if one.interval_ms else "every change",
        f"{one.unanswered_bytes / 1024:,.0f} KiB",
        "–" if one.ping_age_s is None else f"{one.ping_age_s:.1f} s",
        one.rows,
        one.merged,
        process,
    )


def _long(seconds: float) -> str:
    """A length of time for people: `5 s`, `12 min`, `3.5 h`, `2.1 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{max(0.0, seconds):.0f} s"


urls: Final[list[Any]] = [
    path("", admin.site.admin_view(listed), name="connections"),
    path("<slug:name>/disconnect/", admin.site.admin_view(disconnect), name="connections_disconnect"),
]
