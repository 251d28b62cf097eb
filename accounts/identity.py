"""Who stands at the other end: an identity from a session cookie, an API token or a ticket. The sockets and the ticket
view ask here; nothing is written but a token's last use, and no session is ever ended by asking.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
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
from .access import Access, rights_of_all
from .asked_together import AskedTogether
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
    """The signed-in user whose session cookie is in `cookies`; None for any other. At most three queries for all who
    ask at once."""
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return await _by_session.ask(key) if _SESSION_COOKIE.match(key) else None


async def from_token(token: str) -> Identity | None:
    """The user of an API token; None where it is unknown, expired, or its user inactive. Two queries for all who ask at
    once, and one a token that writes its last use, once a minute."""
    return await _by_token.ask(token) if _TOKEN.match(token) else None


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


def _used(found: Collection[ApiToken]) -> dict[str, Identity]:
    """By the token's primary key."""
    for token in found:
        tokens.used(token)
    rights = rights_of_all({token.user_id: token.user for token in found}.values())
    return {token.pk: _with_rights(of_token(token), rights) for token in found}


def _with_rights(who: Identity, rights: Mapping[int, tuple[Access, Limits]]) -> Identity:
    access, limits = rights[who.user_id]
    return msgspec.structs.replace(who, access=access, limits=limits)


def identity_of_session(session_key: str) -> Identity | None:
    return identities_of_sessions([session_key]).get(session_key)


def identities_of_sessions(session_keys: Collection[str]) -> dict[str, Identity]:
    """By session key, of those that stand: as Django's own middleware decides it, the former secret keys included; but
    where that one would end a session, it is only left out. At most three queries."""
    stored = Session.objects.filter(session_key__in=session_keys, expire_date__gt=_now())
    claims: dict[str, tuple[int, str]] = {}
    for session in stored:
        data = SessionStore().decode(session.session_data)
        user_id, backend = str(data.get(SESSION_KEY)), data.get(BACKEND_SESSION_KEY)
        # Longer than any user's: a database refuses a number that its column does not hold.
        if user_id.isdecimal() and len(user_id) < 19 and backend in settings.AUTHENTICATION_BACKENDS:
            claims[session.session_key] = (int(user_id), str(data.get(HASH_SESSION_KEY, "")))
    users = {user.pk: user for user in _active_users({user_id for user_id, _ in claims.values()})}
    standing = {
        key: users[user_id]
        for key, (user_id, shown) in claims.items()
        if user_id in users and _is_of_now(users[user_id], shown)
    }
    rights = rights_of_all({user.pk: user for user in standing.values()}.values())
    return {key: _with_rights(of_session(user, key), rights) for key, user in standing.items()}


def _active_users(ids: Collection[int]) -> Iterable[User]:
    return User.objects.filter(pk__in=ids, is_active=True) if ids else ()


def _is_of_now(user: User, shown: str) -> bool:
    """Whether the password is still the one of the session's time."""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(shown, known) for known in hashes)


def identity_of_token(token: str) -> Identity | None:
    return identities_of_tokens([token]).get(token)


def identities_of_tokens(texts: Collection[str]) -> dict[str, Identity]:
    """By the token's text, of those that stand. Two queries, and one that writes for each last used a while ago."""
    found = find_tokens(texts)
    by_key = _used(found.values())
    return {text: by_key[token.pk] for text, token in found.items()}


def find_token(token: str) -> ApiToken | None:
    """The stored token, its user fetched with it. Anything that cannot be a token is refused without a query."""
    return find_tokens([token]).get(token)


def find_tokens(texts: Collection[str]) -> dict[str, ApiToken]:
    """The same of several, by their text. At most one query."""
    digests = {text: hash_token(text) for text in texts if _TOKEN.match(text)}
    if not digests:
        return {}
    by_key: dict[str, list[ApiToken]] = {}
    for stored in _standing_tokens().filter(token_key__in={text[: CONSTANTS.TOKEN_KEY_LENGTH] for text in digests}):
        by_key.setdefault(stored.token_key, []).append(stored)
    return {
        text: stored
        for text, digest in digests.items()
        for stored in by_key.get(text[: CONSTANTS.TOKEN_KEY_LENGTH], ())
        if constant_time_compare(stored.digest, digest)
    }


def standing(claimed: Identity, session_key: str = "") -> Identity | None:
    """The identity as it is now, where what it was shown by still stands; else None. At most three queries, and for a token
    one that writes its last use: it is asked for while a socket by it is open."""
    kind, _, digest = claimed.credential.partition(":")
    if kind == "session":
        found = identity_of_session(session_key)
        return found if found is not None and found.user_id == claimed.user_id else None
    token = _standing_tokens().filter(user_id=claimed.user_id, digest__startswith=digest).first()
    return None if token is None else _used([token])[token.pk]


_by_session = AskedTogether(identities_of_sessions)
_by_token = AskedTogether(identities_of_tokens)


def _standing_tokens() -> QuerySet[ApiToken]:
    in_time = Q(expiry=None) | Q(expiry__gt=_now())
    return ApiToken.objects.filter(in_time, user__is_active=True).select_related("user")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
