"""Tickets, on a real Redis: from issue to redemption."""

import datetime as dt
import time
from collections.abc import Callable

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from accounts import tickets, tokens
from accounts.identity import Identity, from_ticket, identity_of_session, identity_of_token
from accounts.models import ApiToken, User

redeemed: Callable[[str], Identity | None] = async_to_sync(from_ticket)


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis) -> None:
    """Every test here needs it, and finds it empty."""


def by_token(user: User) -> tuple[ApiToken, Identity]:
    record, text = tokens.issue(user)
    identity = identity_of_token(text)
    assert identity is not None
    return record, identity


def by_session(user: User) -> tuple[Client, str, Identity]:
    client = Client()
    client.force_login(user)
    key = str(client.session.session_key)
    identity = identity_of_session(key)
    assert identity is not None
    return client, key, identity


def test_a_ticket_gives_back_whom_it_was_made_for(owner: User) -> None:
    _, identity = by_token(owner)
    assert redeemed(tickets.issue(identity).ticket) == identity


def test_a_ticket_works_once(owner: User) -> None:
    _, identity = by_token(owner)
    ticket = tickets.issue(identity).ticket
    assert redeemed(ticket) is not None
    assert redeemed(ticket) is None


def test_a_ticket_made_from_a_session_works_once(owner: User) -> None:
    _, key, identity = by_session(owner)
    ticket = tickets.issue(identity, key).ticket
    assert redeemed(ticket) == identity
    assert redeemed(ticket) is None


def test_a_ticket_lives_for_a_minute(owner: User, redis_client: Redis) -> None:
    ticket = tickets.issue(by_token(owner)[1])
    assert ticket.expires_in_s == 60
    (key,) = redis_client.keys(f"{settings.INSTALLATION}:ticket:*")
    assert 55 <= redis_client.ttl(key) <= 60


def test_an_expired_ticket_is_refused(owner: User, redis_client: Redis) -> None:
    ticket = tickets.issue(by_token(owner)[1]).ticket
    (key,) = redis_client.keys(f"{settings.INSTALLATION}:ticket:*")
    redis_client.pexpire(key, 1)
    deadline = time.monotonic() + 5
    while redis_client.exists(key) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert redeemed(ticket) is None


def test_redis_holds_neither_the_ticket_nor_the_session_key(owner: User, redis_client: Redis) -> None:
    _, key, identity = by_session(owner)
    ticket = tickets.issue(identity, key).ticket
    (stored,) = redis_client.keys(f"{settings.INSTALLATION}:ticket:*")
    everything = f"{stored!r} {redis_client.get(stored)!r}"
    assert ticket not in everything
    assert key not in everything


def test_two_tickets_differ_and_have_256_bits(owner: User) -> None:
    _, identity = by_token(owner)
    first, second = tickets.issue(identity).ticket, tickets.issue(identity).ticket
    assert first != second
    assert len(first) == len(second) == 43  # base64 of 32 bytes


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "A" * 1_000_000, "é" * 43, "*" * 43, "\0" * 43])
def test_what_is_no_ticket_is_nobody(text: str, db: None) -> None:
    assert redeemed(text) is None


def test_a_ticket_dies_with_the_token_it_was_made_from(owner: User) -> None:
    record, identity = by_token(owner)
    ticket = tickets.issue(identity).ticket
    tokens.issue(owner)  # another token of the same user is no help
    record.delete()
    assert redeemed(ticket) is None


def test_a_ticket_dies_when_its_token_expires(owner: User) -> None:
    record, identity = by_token(owner)
    ticket = tickets.issue(identity).ticket
    record.expiry = timezone.now() - dt.timedelta(seconds=1)
    record.save()
    assert redeemed(ticket) is None


def test_a_ticket_dies_with_the_session_it_was_made_from(owner: User) -> None:
    client, key, identity = by_session(owner)
    ticket = tickets.issue(identity, key).ticket
    client.logout()
    assert redeemed(ticket) is None


def test_a_ticket_dies_when_its_user_becomes_inactive(owner: User) -> None:
    _, identity = by_token(owner)
    ticket = tickets.issue(identity).ticket
    owner.is_active = False
    owner.save()
    assert redeemed(ticket) is None


def test_a_ticket_shows_what_the_user_is_now(owner: User) -> None:
    _, identity = by_token(owner)
    ticket = tickets.issue(identity).ticket
    owner.is_staff = True
    owner.save()
    found = redeemed(ticket)
    assert found is not None
    assert found.is_staff


def test_a_session_without_its_key_gets_no_ticket(owner: User) -> None:
    _, _, identity = by_session(owner)
    with pytest.raises(ValueError, match="session's key"):
        tickets.issue(identity)


def test_without_redis_there_is_one_error_soon(owner: User, settings: Settings) -> None:
    _, identity = by_token(owner)
    ticket = tickets.issue(identity).ticket
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    began = time.monotonic()
    with pytest.raises(tickets.TicketsUnavailableError):
        tickets.issue(identity)
    with pytest.raises(tickets.TicketsUnavailableError):
        redeemed(ticket)
    assert time.monotonic() - began < 6
