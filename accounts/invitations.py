"""Invitations: made by an administrator, each good for one account. Whoever opens the link has it in the session from then
on, so that the key stands in no further address.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from . import random_keys
from .models import Invitation, User

DEFAULT_DAYS: Final = 7
MOST_DAYS: Final = 365
_SESSION_KEY: Final = "invitation"


class InvitationError(Exception):
    """The invitation is good for nothing; the message says why, to whom holds it."""


def make(
    by: User | None = None, email: str = "", days: int = DEFAULT_DAYS, groups: Iterable[Group] = ()
) -> tuple[Invitation, str]:
    """A new invitation and its key, which is stored nowhere. Raises ValueError for days out of range."""
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"an invitation is good for 1 to {MOST_DAYS} days")
    key = random_keys.make()
    invitation = Invitation.objects.create(
        digest=_digest(key),
        email=email.strip().lower(),
        made_by=by,
        expires_at=timezone.now() + dt.timedelta(days=days),
    )
    invitation.groups.set(groups)
    return invitation, key


def path_of(key: str) -> str:
    return reverse("account_invitation", args=[key])


def find(key: str) -> Invitation:
    """The invitation that `key` is of, still good. Raises InvitationError."""
    found = Invitation.objects.filter(digest=_digest(key)).first() if random_keys.is_key(key) else None
    if found is None:
        raise InvitationError("This is not an invitation to this site, or it was withdrawn.")
    if found.used_at is not None:
        raise InvitationError("This invitation was used before. If it was you, sign in.")
    if found.expires_at <= timezone.now():
        raise InvitationError(f"This invitation expired on {found.expires_at:%Y-%m-%d}. Ask for a new one.")
    return found


def of_session(request: HttpRequest) -> Invitation | None:
    """The good invitation that this visitor opened the link of."""
    try:
        return find(str(request.session.get(_SESSION_KEY, "")))
    except InvitationError:
        return None


def redeem(invitation: Invitation, user: User) -> None:
    """Uses it up for `user`, within the transaction that makes the user. Raises InvitationError for one that somebody
    else used, or that expired, meanwhile."""
    now = timezone.now()
    unused = Invitation.objects.filter(pk=invitation.pk, used_at=None, expires_at__gt=now)
    if not unused.update(used_at=now, used_by=user):
        raise InvitationError("This invitation was used meanwhile.")
    user.groups.add(*invitation.groups.all())


@require_safe
def open_invitation(request: HttpRequest, key: str) -> HttpResponse:
    """The link's address: keeps the key in the session, and goes on to the form."""
    if settings.SIGN_UP == "closed":
        return HttpResponseRedirect(reverse("account_signup"))
    if request.user.is_authenticated:
        return _refused(request, "You are signed in. Sign out first to make another account.")
    try:
        find(key)
    except InvitationError as error:
        return _refused(request, str(error))
    request.session[_SESSION_KEY] = key
    return HttpResponseRedirect(reverse("account_signup"))


def leave(request: HttpRequest) -> None:
    """Once it was used, the session needs it no longer."""
    request.session.pop(_SESSION_KEY, None)


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    return render(request, "account/invitation_refused.html", {"why": why}, status=403)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
