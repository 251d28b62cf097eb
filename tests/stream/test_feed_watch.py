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
