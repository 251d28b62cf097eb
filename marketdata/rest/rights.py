"""What the user who asks may see and how much they may use, asked of the database once a request; the refusal of what they
may not see; and the note that a feed was used.
"""

from typing import Final

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts import access, feed_use
from accounts.access import Access
from accounts.limits import Limits

from .. import lookup
from ..models import Instrument

_KEPT: Final = "strikewire_rights"


class ForbiddenError(ValidationError):
    """It is there, and this user may not see it. Said as a wrong field is."""

    status_code = 403


def access_of(request: Request) -> Access:
    return _of(request)[0]


def limits_of(request: Request) -> Limits:
    return _of(request)[1]


def _of(request: Request) -> tuple[Access, Limits]:
    # With the user: who it is may change within a request only where a test makes it.
    kept: tuple[int, tuple[Access, Limits]] | None = getattr(request._request, _KEPT, None)
    assert request.user.is_authenticated  # the permission class saw to it
    if kept is None or kept[0] != request.user.pk:
        kept = (request.user.pk, access.rights_of(request.user))
        setattr(request._request, _KEPT, kept)
    return kept[1]


def refuse_forbidden(found: Instrument | lookup.NotFound, field: str) -> None:
    """Raises ForbiddenError where `found` says so, naming the field."""
    if isinstance(found, lookup.NotFound) and found.code == lookup.FORBIDDEN:
        raise ForbiddenError({field: [ErrorDetail(found.message, found.code)]})


def used(request: Request, *feeds: str) -> None:
    """Values or history of these feeds are about to be told."""
    assert request.user.is_authenticated
    feed_use.note(request.user.pk, request.user.get_username(), feeds)
