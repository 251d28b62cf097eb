"""How a feed is, from its beacons and from their absence; and when last values have to be read again."""

from typing import Any

import msgspec
import pytest

from marketdata.bus.beacon import Beacon
from marketdata.stream.feed_watch import MISSING_S, FeedWatch


def beacon(n: int, term: int = 5, **changes: Any) -> bytes:
    values = {"feed": "f", "kind": "replay", "flushes": n, "health": "ok", "age_ms": 10, **changes}
    return msgspec.json.encode(Beacon(term=term, n=n, **values))


def test_beacons_in_order_ask_for_nothing() -> None:
    watch = FeedWatch()
    assert watch.take(beacon(1), 100.0) == ("f", "a feed is heard for the first time")
    assert [watch.take(beacon(n), 100.0 + n)[1] for n in range(2, 6)] == [None] * 4


@pytest.mark.parametrize(
    ("payload", "at"),
    [
        (beacon(4), 102.0),  # one was missed
        (beacon(1), 101.0),  # it began anew
        (beacon(2, term=6), 101.0),
        (beacon(3), 101.0 + MISSING_S + 0.1),  # late
    ],
)
def test_a_missing_jumping_or_late_beacon_asks_for_last_values(payload: bytes, at: float) -> None:
    watch = FeedWatch()
    watch.take(beacon(1), 100.0)
    watch.take(beacon(2), 101.0)
    assert watch.take(payload, at)[1]


def test_a_deposed_leaders_last_word_counts_for_nothing() -> None:
    watch = FeedWatch()
    watch.take(beacon(1, term=6), 100.0)
    assert watch.take(beacon(9, term=5, health="stale"), 101.0) == ("f", None)
    assert watch.health("f", 100.5, True)[0] == "ok"
    # Nor does it keep a feed alive whose leader is silent.
    assert watch.health("f", 100.0 + MISSING_S + 0.1, True)[0] == "down"


def test_silence_and_a_lost_connection_are_down_with_a_reason() -> None:
    watch = FeedWatch()
    watch.take(beacon(1, health="stale", reason="weekend"), 100.0)
    assert watch.health("f", 101.0, True) == ("stale", "weekend", 1_010)
    health, reason, age = watch.health("f", 101.0, False)
    assert (health, age) == ("down", 1_010)
    assert reason
    assert "Redis" in reason
    health, reason, age = watch.health("f", 104.0, True)
    assert (health, age) == ("down", 4_010)
    assert watch.health("other", 100.0, True)[0] == "down"


def test_a_change_of_health_is_said_once() -> None:
    watch = FeedWatch()
    watch.take(beacon(1), 100.0)
    assert watch.changed(100.1, True) == ["f"]
    assert watch.changed(100.2, True) == []
    assert watch.changed(104.0, True) == ["f"]
    assert watch.changed(105.0, True) == []
    watch.take(beacon(2), 105.5)
    assert watch.changed(105.6, True) == ["f"]


def test_what_is_no_beacon_raises() -> None:
    with pytest.raises(msgspec.DecodeError):
        FeedWatch().take(b"{}", 100.0)


# ── A feed that is split ──────────────────────────────────────────────────────────────────────────────────────────────


def heard_of_two() -> FeedWatch:
    """Both shares at 100 s, each with a term of its own."""
    watch = FeedWatch()
    watch.take(beacon(4, term=5, share=1, shares=2), 100.0)
    watch.take(beacon(9, term=6, share=2, shares=2), 100.1)
    return watch


def test_each_share_counts_its_own_beacons() -> None:
    watch = heard_of_two()
    assert watch.take(beacon(5, term=5, share=1, shares=2), 101.0) == ("f", None)
    assert watch.take(beacon(10, term=6, share=2, shares=2), 101.1) == ("f", None)
    _, why = watch.take(beacon(12, term=6, share=2, shares=2), 102.1)
    assert why == "beacon 12 came after 10"
    assert watch.take(beacon(1, term=7, share=1, shares=2), 102.0)[1] == "term 7 began"
    assert watch.take(beacon(6, term=5, share=1, shares=2), 102.5) == ("f", None)  # who led before


def test_a_share_that_falls_silent_takes_the_feed_down_and_is_named() -> None:
    watch = heard_of_two()
    assert watch.health("f", 100.2, True)[:2] == ("ok", None)
    watch.take(beacon(5, term=5, share=1, shares=2), 101.0)
    at = 100.1 + MISSING_S + 0.1
    health, reason, _ = watch.health("f", at, True)
    assert (health, reason) == ("down", "share 2 of 2: its ingest has not been heard for 2 s")
    assert watch.take(beacon(10, term=6, share=2, shares=2), at + 1)[1] == "no beacon for 3.3 s"


def test_a_share_that_was_never_heard_is_waited_for_a_while() -> None:
    watch = FeedWatch()
    watch.take(beacon(4, share=1, shares=3), 100.0)
    watch.take(beacon(4, share=3, shares=3), 100.5)
    assert watch.health("f", 101.0, True)[0] == "taking_over"
    watch.take(beacon(6, share=1, shares=3), 102.0)
    watch.take(beacon(6, share=3, shares=3), 102.0)
    assert watch.health("f", 102.3, True)[:2] == ("down", "share 2 of 3: its ingest is not heard")
    assert watch.take(beacon(1, term=9, share=2, shares=3), 103.0)[1] == "share 2 is heard for the first time"


def test_another_number_of_shares_is_taken_from_later_terms_alone() -> None:
    watch = heard_of_two()
    assert watch.take(beacon(1, term=7, share=3, shares=3), 104.0)[1] == "it has 3 leaders now"
    assert watch.take(beacon(5, term=6, share=1, shares=2), 104.1) == ("f", None)  # the last word of one of the two
    watch.take(beacon(1, term=8, share=1, shares=3), 104.1)
    assert watch.health("f", 104.2, True)[0] == "taking_over"
    watch.take(beacon(1, term=9, share=2, shares=3), 104.3)
    assert watch.health("f", 104.4, True)[0] == "ok"
    watch.take(beacon(1, term=10), 110.0)  # and to one leader again
    assert watch.health("f", 110.1, True)[0] == "ok"


def test_the_oldest_silence_is_the_feeds_and_the_catalogue_the_newest() -> None:
    watch = FeedWatch()
    watch.take(beacon(1, share=1, shares=2, age_ms=900, catalogue=7), 100.0)
    watch.take(beacon(1, share=2, shares=2, age_ms=20, catalogue=5), 100.0)
    assert watch.health("f", 100.5, True)[2] == 1400
    assert watch.states["f"].catalogue == 7


def test_a_change_of_the_share_that_is_ill_is_said() -> None:
    watch = heard_of_two()
    assert watch.changed(100.2, True) == ["f"]
    watch.take(beacon(5, term=5, share=1, shares=2, health="stale", reason="silent"), 101.0)
    assert watch.changed(101.0, True) == ["f"]
    watch.take(beacon(6, term=5, share=1, shares=2), 102.0)
    watch.take(beacon(10, term=6, share=2, shares=2, health="stale", reason="silent"), 102.0)
    assert watch.changed(102.0, True) == ["f"]
    assert watch.changed(102.1, True) == []
