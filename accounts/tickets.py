"""Tickets: what a program shows once as the first message of a socket, so that no lasting secret is sent there. The
ticket view issues them, `identity.from_ticket` redeems them; between the two they are in Redis for a minute.
"""

import hashlib
from functools import cache
from typing import Final

import hiredis
import msgspec
from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from marketdata.bus.blocking import TIMEOUTS, open_client
from marketdata.bus.client import Client
from marketdata.bus.connection import RedisDownError

from . import random_keys
from .identity import Identity

LIFETIME_S: Final = 60


class TicketsUnavailableError(Exception):
    """Redis does not answer, and so no ticket can be made or redeemed."""


class Ticket(msgspec.Struct, frozen=True):
    """`ticket` is for one use within `expires_in_s` seconds."""

    ticket: str
    expires_in_s: int


class Claim(msgspec.Struct, frozen=True):
    """Whom a ticket was made for. `session_key` is empty for one made from a token."""

    identity: Identity
    session_key: str


class _Stored(msgspec.Struct, frozen=True):
    identity: Identity
    veiled_key: bytes


def issue(identity: Identity, session_key: str = "") -> Ticket:
    """A new ticket for `identity`. One that stands on a session needs the session's key, to be checked at redemption.

    Raises TicketsUnavailableError, and ValueError for a session without its key.
    """
    if identity.credential.startswith("session:") and not session_key:
        raise ValueError("a ticket made from a session needs the session's key")
    ticket = random_keys.make()
    value = msgspec.json.encode(_Stored(identity, _veil(ticket, session_key.encode())))
    try:
        _client(settings.REDIS_URL).set(_key(ticket), value, ex=LIFETIME_S)
    except RedisError as error:
        raise TicketsUnavailableError(str(error)) from error
    return Ticket(ticket, LIFETIME_S)


async def redeem(ticket: str) -> Claim | None:
    """Whom `ticket` was made for, once. Whether they may still come in is for the caller to check.

    Raises TicketsUnavailableError.
    """
    if not random_keys.is_key(ticket):
        return None
    # A client of its own for each: it belongs to the running loop, and a handshake is rare beside everything else.
    client = Client(settings.REDIS_URL, f"{settings.INSTALLATION}-ticket")
    try:
        value = await client.call("GETDEL", _key(ticket))
    except (RedisDownError, hiredis.ReplyError) as error:
        raise TicketsUnavailableError(str(error)) from error
    finally:
        client.close()
    if value is None:
        return None
    stored = msgspec.json.decode(value, type=_Stored)
    return Claim(stored.identity, _veil(ticket, stored.veiled_key).decode())


@cache
def _client(url: str) -> Redis:
    # A pooled connection may be dead since a restart: hence one retry.
    return open_client(url, retry=Retry(NoBackoff(), 1), **TIMEOUTS)


def _key(ticket: str) -> str:
    return f"{settings.INSTALLATION}:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"


def _veil(ticket: str, secret: bytes) -> bytes:
    """`secret` under a pad that only the ticket gives, and the other way round.

    A session's key outlives a ticket by weeks, and whoever reads Redis must not find it there. Each ticket is random and
    used once, as a one-time pad asks.
    """
    pad = hashlib.shake_256(b"strikewire ticket pad:" + ticket.encode()).digest(len(secret))
    return bytes(one ^ other for one, other in zip(secret, pad, strict=True))
