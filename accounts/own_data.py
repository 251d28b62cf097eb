"""All that is kept of a user, as one file for them to take away: without what proves who they are."""

import datetime as dt
from typing import Any, Final

import msgspec
from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from . import preferences, tokens
from .models import FeedUse, Invitation, RollingEntry, SignInAttempt, User, Watchlist

VERSION: Final = 1
MOST_CHANGES: Final = 10_000  # of an administrator's, the newest; all else is bounded where it is written
_INVITATION: Final = ("email", "made_at", "expires_at", "used_at")


def export(user: User) -> dict[str, Any]:
    """Some megabytes at most. Fifteen queries or so, however much there is."""
    return {
        "strikewire_account": VERSION,
        "written_at": timezone.now(),
        "account": {
            "username": user.username,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "joined_at": user.date_joined,
            "last_sign_in_at": user.last_login,
            "is_staff": user.is_staff,
            "is_superuser": user.is_superuser,
            "groups": list(user.groups.order_by("name").values_list("name", flat=True)),
            "permissions": [
                f"{app}.{codename}"
                for app, codename in user.user_permissions.order_by("pk").values_list(
                    "content_type__app_label", "codename"
                )
            ],
        },
        "emails": list(EmailAddress.objects.filter(user=user).order_by("email").values("email", "verified", "primary")),
        "settings": {"time_zone": user.time_zone, "display": preferences.display_of(user)},
        "second_factors": list(
            Authenticator.objects.filter(user=user).order_by("pk").values("type", "created_at", "last_used_at")
        ),
        "watchlists": [_watchlist(one) for one in _watchlists(user)],
        "tokens": [
            {
                "name": one.name,
                "begins": one.token_key[: tokens.SHOWN_LENGTH],
                "scopes": tokens.scopes_of(one),
                "created_at": one.created,
                "expires_at": one.expiry,
                "last_used_at": one.last_used_at,
            }
            for one in tokens.of(user)
        ],
        "sessions": [
            {"address": address, "browser": agent, "began_at": began_at, "last_seen_at": seen_at}
            for address, agent, began_at, seen_at in UserSession.objects.filter(user=user)
            .order_by("-last_seen_at")
            .values_list("ip", "user_agent", "created_at", "last_seen_at")
        ],
        "sign_in_attempts": list(
            SignInAttempt.objects.filter(user=user).order_by("-at").values("at", "name", "address", "outcome")
        ),
        "invitation": Invitation.objects.filter(used_by=user).values(*_INVITATION).first(),
        "invitations_made": list(Invitation.objects.filter(made_by=user).order_by("-pk").values(*_INVITATION)),
        "changes_made": [
            {"at": at, "kind": kind, "of": name, "said": said}
            for at, kind, name, said in LogEntry.objects.filter(user=user)
            .order_by("-pk")
            .values_list("action_time", "content_type__model", "object_repr", "change_message")[:MOST_CHANGES]
        ],
        "feed_use": list(
            FeedUse.objects.filter(user=user.pk).order_by("month", "feed").values("month", "feed", "first_at")
        ),
    }


def _watchlists(user: User) -> Any:
    return Watchlist.objects.filter(owner=user).prefetch_related(
        "entries__instrument", "sections", "rolling__underlying"
    )


def _watchlist(one: Watchlist) -> dict[str, Any]:
    items = [
        *({"kind": "section", "position": it.position, "name": it.name} for it in one.sections.all()),
        *({"kind": "instrument", "position": it.position, **_named(it.instrument)} for it in one.entries.all()),
        *({"kind": "rolling", "position": it.position, **_rolling(it)} for it in one.rolling.all()),
    ]
    return {
        "name": one.name,
        "created_at": one.created_at,
        "changed_at": one.updated_at,
        "shared": one.share_key is not None,
        "items": sorted(items, key=lambda item: int(item.pop("position"))),
    }


def _rolling(one: RollingEntry) -> dict[str, Any]:
    return {**_named(one.underlying), "rule": one.rule, "strikes": one.strikes, "rights": one.rights}


def _named(instrument: Any) -> dict[str, str]:
    return {"feed": instrument.feed, "symbol": instrument.symbol}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
def own_data_page(request: HttpRequest) -> HttpResponse:
    """What the file has; posted, the file."""
    user = request.user
    assert isinstance(user, User)
    if request.method != "POST":
        return render(request, "accounts/own_data.html")
    body = msgspec.json.format(msgspec.json.encode(export(user)), indent=2)
    # No name of the user's choosing in a header.
    name = f"strikewire-account-{dt.datetime.now(dt.UTC):%Y-%m-%d}.json"
    return HttpResponse(
        body + b"\n",
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
