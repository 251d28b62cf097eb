"""The lease: one leader at a time, a term that only rises, and no claim that is not true."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from django.conf import settings
from redis import Redis

from marketdata.bus import keys
from marketdata.bus import lease as module
from marketdata.bus.lease import EPOCH_S, Lease, LeaseLostError
from tests.valkey import RunningValkey

FEED = "simulated"
Make = Callable[..., Lease]


@pytest.fixture
def make_lease(redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Leases that are given back at the end. `losses` of each counts how often it was told to be lost."""
    monkeypatch.setattr(module, "DURATION_S", 0.8)
    monkeypatch.setattr(module, "RENEWAL_S", 0.1)
    made: list[Lease] = []

    def make(url: str = settings.REDIS_URL) -> Lease:
        losses: list[float] = []
        lease = Lease(FEED, url, lambda: losses.append(time.monotonic()))
        lease.losses = losses  # type: ignore[attr-defined]
        made.append(lease)
        return lease

    yield make
    for lease in made:
        lease.release()


def losses(lease: Lease) -> int:
    return len(lease.losses)  # type: ignore[attr-defined]


def wait_for(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def stall(lease: Lease) -> None:
    """Keeps the lease's thread from renewing, as a stopped process would be kept."""
    lease._stop.set()
    assert lease._thread is not None
    lease._thread.join(2)


def resume(lease: Lease) -> None:
    lease._stop.clear()
    lease._thread = threading.Thread(target=lease._keep, daemon=True)
    lease._thread.start()


# ── One leader ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_leads_and_the_other_is_told_who(make_lease: Make) -> None:
    leader, standby = make_lease(), make_lease()
    assert leader.acquire()
    assert not standby.acquire()
    assert standby.holder == leader.token == f"{leader.term}:{leader.owner}"
    assert standby.remaining() == 0


def test_it_is_renewed_without_being_asked(make_lease: Make, redis_client: Redis) -> None:
    leader, standby = make_lease(), make_lease()
    leader.acquire()
    until = time.monotonic() + 2 * module.DURATION_S
    while time.monotonic() < until:
        assert 0 < leader.remaining() <= module.DURATION_S
        assert not standby.acquire()
        time.sleep(0.02)
    assert losses(leader) == 0
    assert redis_client.get(keys.lease(FEED)) == leader.token.encode()


def test_what_remains_never_says_more_than_redis_does(make_lease: Make, redis_client: Redis) -> None:
    leader = make_lease()
    leader.acquire()
    time.sleep(1.5 * module.RENEWAL_S)
    stall(leader)  # so that no renewal comes between the two readings
    for _ in range(30):
        in_redis = redis_client.pttl(keys.lease(FEED))
        assert leader.remaining() * 1000 <= max(0, in_redis) + 2  # a millisecond's rounding each way
        time.sleep(0.01)


def test_a_released_lease_is_free_at_once(make_lease: Make, redis_client: Redis) -> None:
    leader, standby = make_lease(), make_lease()
    leader.acquire()
    leader.release()
    assert leader.remaining() == 0
    assert redis_client.get(keys.lease(FEED)) is None
    assert standby.acquire()
    assert standby.term > leader.term
    assert losses(leader) == 0


def test_releasing_does_not_take_the_lease_from_another(make_lease: Make, redis_client: Redis) -> None:
    leader = make_lease()
    leader.acquire()
    redis_client.set(keys.lease(FEED), "99:somebody")
    leader.release()
    assert redis_client.get(keys.lease(FEED)) == b"99:somebody"


def test_releasing_what_was_never_held_is_quiet(make_lease: Make) -> None:
    make_lease().release()


# ── Losing it ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "take_away",
    [
        lambda client: client.delete(keys.lease(FEED)),
        lambda client: client.set(keys.lease(FEED), "99:somebody"),
        lambda client: client.flushall(),
    ],
    ids=["deleted", "taken", "flushed"],
)
def test_a_lease_that_is_gone_is_told_once(
    make_lease: Make, redis_client: Redis, take_away: Callable[[Redis], object]
) -> None:
    leader = make_lease()
    leader.acquire()
    take_away(redis_client)
    wait_for(lambda: losses(leader) == 1)
    assert leader.remaining() == 0
    time.sleep(3 * module.RENEWAL_S)
    assert losses(leader) == 1


def test_a_stalled_leader_says_itself_that_nothing_remains(make_lease: Make) -> None:
    leader, standby = make_lease(), make_lease()
    leader.acquire()
    stall(leader)
    wait_for(lambda: leader.remaining() == 0)
    wait_for(standby.acquire)
    resume(leader)
    wait_for(lambda: losses(leader) == 1)
    assert not leader.acquire()


def test_a_redis_that_is_away_is_waited_for_until_the_lease_runs_out(make_lease: Make, server: RunningValkey) -> None:
    leader = make_lease(server.url)
    leader.acquire()
    server.kill()
    assert leader.remaining() > 0
    wait_for(lambda: leader.remaining() == 0)
    assert losses(leader) == 0  # nobody has said so; a flush simply does not start any more
    with pytest.raises(redis.RedisError):
        leader.acquire()


# ── Terms ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_term_is_the_seconds_since_2026(make_lease: Make) -> None:
    leader = make_lease()
    before = int(time.time()) - EPOCH_S
    leader.acquire()
    assert before <= leader.term <= int(time.time()) - EPOCH_S
    assert time.gmtime(EPOCH_S)[:6] == (2026, 1, 1, 0, 0, 0)


def test_a_term_is_above_the_last_known_one(make_lease: Make, redis_client: Redis) -> None:
    ahead = int(time.time()) - EPOCH_S + 1_000
    redis_client.set(keys.term(FEED), ahead)
    leader = make_lease()
    leader.acquire()
    assert leader.term == ahead + 1


def test_a_term_is_above_every_one_that_was_seen_also_where_redis_forgot_them(
    make_lease: Make, redis_client: Redis
) -> None:
    ahead = int(time.time()) - EPOCH_S + 1_000
    redis_client.set(keys.term(FEED), ahead)
    leader, standby = make_lease(), make_lease()
    leader.acquire()
    assert not standby.acquire()
    redis_client.flushall()
    assert standby.acquire()
    assert standby.term > leader.term == ahead + 1


def test_a_standby_may_leave_a_forgotten_term_to_the_former_leader(make_lease: Make, redis_client: Redis) -> None:
    leader, standby = make_lease(), make_lease()
    leader.acquire()
    assert not standby.acquire(unless_forgotten=True)
    assert standby.holder == leader.token
    redis_client.flushall()
    assert not standby.acquire(unless_forgotten=True)
    assert standby.holder == ""
    wait_for(lambda: losses(leader) == 1)
    assert leader.acquire()
    assert leader.led_last


def test_every_new_leader_has_a_higher_term_also_within_a_second(make_lease: Make) -> None:
    terms = []
    for _ in range(5):
        lease = make_lease()
        lease.acquire()
        terms.append(lease.term)
        lease.release()
    assert terms == sorted(set(terms))


def test_the_same_leader_has_a_higher_term_after_a_flush_within_the_second(
    make_lease: Make, redis_client: Redis
) -> None:
    leader = make_lease()
    terms = []
    for _ in range(4):
        assert leader.acquire()
        terms.append(leader.term)
        redis_client.flushall()
        wait_for(lambda: leader.remaining() == 0)
    assert terms == sorted(set(terms))


def test_advancing_keeps_the_lease_under_a_higher_term(make_lease: Make, redis_client: Redis) -> None:
    leader, standby = make_lease(), make_lease()
    leader.acquire()
    terms = [leader.term, *(leader.advance() for _ in range(4))]
    assert terms == sorted(set(terms))
    assert redis_client.get(keys.lease(FEED)) == f"{terms[-1]}:{leader.owner}".encode()
    assert not standby.acquire()
    time.sleep(2 * module.RENEWAL_S)
    assert (losses(leader), leader.remaining() > 0) == (0, True)


def test_a_lost_lease_cannot_be_advanced(make_lease: Make, redis_client: Redis) -> None:
    leader = make_lease()
    leader.acquire()
    redis_client.set(keys.lease(FEED), "99:somebody")
    with pytest.raises(LeaseLostError):
        leader.advance()
    assert leader.remaining() == 0


def test_a_huge_term_is_written_out_in_full(make_lease: Make, redis_client: Redis) -> None:
    redis_client.set(keys.term(FEED), 2**29 - 2)
    leader = make_lease()
    leader.acquire()
    assert redis_client.get(keys.term(FEED)) == str(2**29 - 1).encode()
    assert redis_client.get(keys.lease(FEED)) == f"{2**29 - 1}:{leader.owner}".encode()


# ── Whether another can have led ──────────────────────────────────────────────────────────────────────────────────────


def lose(lease: Lease, redis_client: Redis, *, forget_the_term: bool) -> None:
    if forget_the_term:
        redis_client.flushall()
    else:
        redis_client.delete(keys.lease(FEED))
    wait_for(lambda: losses(lease) == 1)


@pytest.mark.parametrize("forget_the_term", [True, False])
def test_who_was_awake_and_finds_no_other_led_last(
    make_lease: Make, redis_client: Redis, forget_the_term: bool
) -> None:
    leader = make_lease()
    leader.acquire()
    lose(leader, redis_client, forget_the_term=forget_the_term)
    assert leader.acquire()
    assert leader.led_last


def test_who_finds_another_term_did_not_lead_last(make_lease: Make, redis_client: Redis) -> None:
    leader, other = make_lease(), make_lease()
    leader.acquire()
    redis_client.delete(keys.lease(FEED))
    assert other.acquire()
    wait_for(lambda: losses(leader) == 1)
    other.release()
    assert leader.acquire()
    assert not leader.led_last


def test_who_was_stalled_cannot_say_that_nobody_led(make_lease: Make, redis_client: Redis) -> None:
    leader = make_lease()
    leader.acquire()
    stall(leader)
    time.sleep(module.DURATION_S * 1.2)
    redis_client.flushall()  # and with it any trace of who led meanwhile
    resume(leader)
    wait_for(lambda: losses(leader) == 1)
    assert leader.acquire()
    assert not leader.led_last


def test_who_was_stalled_and_asks_before_its_thread_wakes_cannot_say_so_either(
    make_lease: Make, redis_client: Redis
) -> None:
    leader = make_lease()
    leader.acquire()
    stall(leader)
    time.sleep(module.DURATION_S * 1.2)
    redis_client.flushall()
    assert leader.acquire()
    assert not leader.led_last


def test_who_was_stalled_but_finds_its_own_term_led_last(make_lease: Make) -> None:
    leader = make_lease()
    leader.acquire()
    stall(leader)
    time.sleep(module.DURATION_S * 1.2)
    assert leader.acquire()
    assert leader.led_last


def test_a_stall_is_forgotten_once_there_is_a_new_term(make_lease: Make, redis_client: Redis) -> None:
    leader = make_lease()
    leader.acquire()
    stall(leader)
    time.sleep(module.DURATION_S * 1.2)
    resume(leader)
    wait_for(lambda: losses(leader) == 1)
    assert leader.acquire()
    redis_client.flushall()
    wait_for(lambda: losses(leader) == 2)
    assert leader.acquire()
    assert leader.led_last


def test_an_outage_is_not_a_stall(make_lease: Make, server: RunningValkey) -> None:
    """Who asks in vain is awake: another that led meanwhile would be known to the server that comes back."""
    leader = make_lease(server.url)
    leader.acquire()
    with Redis.from_url(server.url) as admin:
        admin.flushall()
    wait_for(lambda: losses(leader) == 1)
    original = leader._redis
    leader._redis = redis.Redis.from_url("unix:///tmp/strikewire-no-such-server.sock", retry=None)
    until = time.monotonic() + module.DURATION_S * 1.5
    while time.monotonic() < until:
        with pytest.raises(redis.RedisError):
            leader.acquire()
        time.sleep(0.05)
    leader._redis.close()
    leader._redis = original
    assert leader.acquire()
    assert leader.led_last


def test_a_lease_that_is_still_ours_is_taken_anew(make_lease: Make, redis_client: Redis) -> None:
    """The answer to an earlier asking may have been lost: nobody else stands in the way."""
    leader = make_lease()
    leader.acquire()
    former = leader.term
    assert leader.acquire()
    assert leader.term > former
    assert leader.led_last
    assert redis_client.get(keys.lease(FEED)) == leader.token.encode()


def test_a_lease_won_by_an_asking_whose_answer_was_lost_makes_no_claim(make_lease: Make, redis_client: Redis) -> None:
    leader = make_lease()
    leader.acquire()
    redis_client.set(keys.term(FEED), leader.term + 7)
    redis_client.set(keys.lease(FEED), f"{leader.term + 7}:{leader.owner}")
    assert leader.acquire()
    assert redis_client.get(keys.lease(FEED)) == leader.token.encode()
    assert not leader.led_last
