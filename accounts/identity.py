"""Who stands at the other end: an identity from a session cookie, an API token or a ticket. The sockets and the ticket
view ask here; nothing is written but a token's last use, and no session is ever ended by asking.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.utils.crypto import constant_time_compare
from knox.crypto import hash_token
from knox.settings import CONSTANTS

from . import tokens
from .access import Access, rights_of
from .limits import Limits, of_site
from .models import SCOPES, ApiToken, User

_SESSION_COOKIE: Final = re.compile(r"[a-z0-9]{8,40}\Z")  # what Django makes: 32 of these
_TOKEN: Final = re.compile(r"[!-~]{20,128}\Z")


class Identity(msgspec.Struct, frozen=True):
    """A user who is active now, and by what they showed it: `session:<hash of the key>` or `token:<digest prefix>`.
    `scopes` are what that lets them do: a session all, a token what its maker said. `access` and `limits` are what they
    may see and use; by default nothing, and the site's."""

    user_id: int
    username: str
    is_staff: bool
    credential: str
    scopes: tuple[str, ...] = ()
    access: Access = Access()
    limits: Limits = msgspec.field(default_factory=of_site)


def session_credential(session_key: str) -> str:
    return f"session:{hashlib.sha256(session_key.encode()).hexdigest()[:32]}"


def token_credential(token: ApiToken) -> str:
    return f"token:{tokens.handle_of(token)}"


async def from_session(cookies: Mapping[str, str]) -> Identity | None:
    """The signed-in user whose session cookie is in `cookies`; None for any other. At most three queries."""
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    if not _SESSION_COOKIE.match(key):
        return None
    found: Identity | None = await database_sync_to_async(identity_of_session)(key)
    return found


async def from_token(token: str) -> Identity | None:
    """The user of an API token; None where it is unknown, expired, or its user inactive. Two queries, and one that
    writes its last use, once a minute."""
    found: Identity | None = await database_sync_to_async(identity_of_token)(token)
    return found


async def from_ticket(ticket: str) -> Identity | None:
    """The user for whom `ticket` was made; None where it is unknown, expired or used, or where the session or token that
    it was made from no longer stands. Raises tickets.TicketsUnavailableError when Redis does not answer."""
    found = await redeemed(ticket)
    return None if found is None else found[0]


async def redeemed(ticket: str) -> tuple[Identity, str] | None:
    """The same, with the key of the session that the ticket was made from, or an empty text."""
    from . import tickets  # it needs Identity

    claim = await tickets.redeem(ticket)
    if claim is None:
        return None
    found: Identity | None = await database_sync_to_async(standing)(claim.identity, claim.session_key)
    return None if found is None else (found, claim.session_key)


def of_session(user: User, session_key: str) -> Identity:
    return Identity(user.pk, user.get_username(), user.is_staff, session_credential(session_key), SCOPES)


def of_token(token: ApiToken) -> Identity:
    user = token.user
    return Identity(user.pk, user.get_username(), user.is_staff, token_credential(token), tokens.scopes_of(token))


def _used(token: ApiToken | None) -> Identity | None:
    if token is None:
        return None
    tokens.used(token)
    return _with_rights(of_token(token), token.user)


def _with_rights(who: Identity, user: User) -> Identity:
    access, limits = rights_of(user)
    return msgspec.structs.replace(who, access=access, limits=limits)


def identity_of_session(session_key: str) -> Identity | None:
    """As Django's own middleware decides it, the former secret keys included; but where that one would end the session,
    this only says None."""
    session = Session.objects.filter(session_key=session_key, expire_date__gt=_now()).first()
    if session is None:
        return None
    data = SessionStore().decode(session.session_data)
    user_id, backend = str(data.get(SESSION_KEY)), data.get(BACKEND_SESSION_KEY)
    if not user_id.isdecimal() or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return None
    shown = str(data.get(HASH_SESSION_KEY, ""))
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    if not any(constant_time_compare(shown, known) for known in hashes):
        return None  # the password changed since
    return _with_rights(of_session(user, session_key), user)


def identity_of_token(token: str) -> Identity | None:
    return _used(find_token(token))


def find_token(token: str) -> ApiToken | None:
    """The stored token, its user fetched with it. Anything that cannot be a token is refused without a query."""
    if not _TOKEN.match(token):
        return None
    digest = hash_token(token)
    candidates = _standing_tokens().filter(token_key=token[: CONSTANTS.TOKEN_KEY_LENGTH])
    return next((found for found in candidates if constant_time_compare(found.digest, digest)), None)


def standing(claimed: Identity, session_key: str = "") -> Identity | None:
    """The identity as it is now, where what it was shown by still stands; else None. At most three queries, and for a token
    one that writes its last use: it is asked for while a socket by it is open."""
    kind, _, digest = claimed.credential.partition(":")
    if kind == "session":
        found = identity_of_session(session_key)
        return found if found is not None and found.user_id == claimed.user_id else None
    return _used(_standing_tokens().filter(user_id=claimed.user_id, digest__startswith=digest).first())


def _standing_tokens() -> QuerySet[ApiToken]:
    in_time = Q(expiry=None) | Q(expiry__gt=_now())
    return ApiToken.objects.filter(in_time, user__is_active=True).select_related("user")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
