"""Leases of a feed that is split: a leader for each share, one term for all, and never two numbers of shares at once."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from redis import Redis

from marketdata.bus import keys
from marketdata.bus import lease as module
from marketdata.bus.lease import Lease
from marketdata.shares import WHOLE, Share, shares_of

FEED = "simulated"
Make = Callable[[Share], Lease]


@pytest.fixture
def make_lease(redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(module, "DURATION_S", 1.0)
    monkeypatch.setattr(module, "RENEWAL_S", 0.1)
    made: list[Lease] = []

    def make(share: Share) -> Lease:
        made.append(Lease(FEED, settings.REDIS_URL, lambda: None, share))
        return made[-1]

    yield make
    for lease in made:
        lease.release()


def acquired(lease: Lease, seconds: float = 4.0) -> bool:
    deadline = time.monotonic() + seconds
    while not lease.acquire():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_shares_are_led_at_once_under_terms_of_one_row(make_lease: Make, redis_client: Redis) -> None:
    first, second, third = (make_lease(share) for share in shares_of(3))
    assert [lease.acquire() for lease in (second, first, third)] == [True] * 3
    assert second.term < first.term < third.term
    assert int(redis_client.get(keys.term(FEED)) or 0) == third.term
    assert redis_client.get(keys.lease(FEED, Share(2, 3))) == second.token.encode()
    again = make_lease(Share(2, 3))
    assert not again.acquire()
    assert again.holder == second.token
    assert first.advance() == third.term + 1


@pytest.mark.parametrize(
    ("alive", "asked"),
    [(Share(1, 2), Share(2, 3)), (Share(2, 2), Share(2, 3)), (WHOLE, Share(1, 2)), (Share(2, 2), WHOLE)],
    ids=str,
)
def test_none_is_given_while_one_of_another_number_is_alive(make_lease: Make, alive: Share, asked: Share) -> None:
    holder, other = make_lease(alive), make_lease(asked)
    assert holder.acquire()
    time.sleep(1.3)  # it is renewed all the time, and so is what says how the feed is split
    assert not other.acquire()
    assert (other.holder, other.split_otherwise) == ("", alive.of)
    holder.release()
    assert acquired(other)
    assert other.term > holder.term
    assert not holder.acquire()
    assert holder.split_otherwise == asked.of


def test_one_that_is_left_alone_keeps_the_others_out(make_lease: Make) -> None:
    """The number in force outlives each lease that it is true of, also where another share was given back."""
    first, second, other = make_lease(Share(1, 2)), make_lease(Share(2, 2)), make_lease(WHOLE)
    assert first.acquire()
    assert second.acquire()
    first.release()
    assert not acquired(other, 1.5)
    assert other.split_otherwise == 2


def test_who_gives_the_last_one_back_keeps_nobody_waiting(make_lease: Make) -> None:
    first, second, other = make_lease(Share(1, 2)), make_lease(Share(2, 2)), make_lease(Share(1, 3))
    assert first.acquire()
    assert second.acquire()
    first.release()
    assert not other.acquire()
    second.release()
    assert other.acquire()


def test_every_leader_leads_again_after_redis_was_emptied(make_lease: Make, redis_client: Redis) -> None:
    """Each knows rows that nobody else does: that another share's leader was first does not depose it."""
    leases = [make_lease(share) for share in shares_of(3)]
    terms = [lease.acquire() and lease.term for lease in leases]
    standby = make_lease(Share(3, 3))
    redis_client.delete(*redis_client.keys(f"{settings.INSTALLATION}:*"))
    assert leases[0].acquire()
    assert leases[0].led_last
    assert not standby.acquire(unless_forgotten=True)
    assert leases[2].acquire()
    assert leases[2].led_last
    assert leases[1].acquire()
    assert leases[1].led_last
    assert all(lease.term > former for lease, former in zip(leases, terms, strict=True))


def test_one_that_another_number_has_led_after_does_not_lead_on(make_lease: Make, redis_client: Redis) -> None:
    """It slept, and what it knows is older than what others told meanwhile."""
    old = make_lease(Share(1, 2))
    assert old.acquire()
    old._stop.set()
    assert old._thread is not None
    old._thread.join(2)
    between = make_lease(Share(1, 3))
    assert acquired(between)
    between.release()
    assert acquired(old)
    assert not old.led_last


def test_one_that_slept_while_the_number_changed_and_changed_back_does_not_lead_on(make_lease: Make) -> None:
    old = make_lease(Share(1, 2))
    assert old.acquire()
    old._stop.set()
    assert old._thread is not None
    old._thread.join(2)
    for share in (Share(2, 3), Share(2, 2)):
        between = make_lease(share)
        assert acquired(between)
        between.release()
    assert acquired(old)
    assert not old.led_last


def test_one_that_nobody_has_led_after_leads_on(make_lease: Make, redis_client: Redis) -> None:
    lease, other = make_lease(Share(1, 2)), make_lease(Share(2, 2))
    assert lease.acquire()
    assert other.acquire()
    redis_client.delete(keys.lease(FEED, Share(1, 2)))
    assert acquired(lease)
    assert lease.led_last


def test_of_the_whole_feed_the_names_are_what_they_were(make_lease: Make, redis_client: Redis) -> None:
    lease = make_lease(WHOLE)
    assert lease.acquire()
    assert sorted(redis_client.keys(f"{settings.INSTALLATION}:*")) == [
        keys.lease(FEED).encode(),
        keys.term(FEED).encode(),
    ]
    assert keys.lease(FEED) == f"{settings.INSTALLATION}:lease:{FEED}"
