"""A split feed read as one: from the feed's own key, and where that says so from those of its shares."""

from typing import Any

import msgspec
import pytest
from django.conf import settings
from redis import Redis

from marketdata.admin.live import beacons_of, vitals_of
from marketdata.bus import beacon as beacons
from marketdata.bus import keys, newest, said
from marketdata.bus import vitals as vital
from marketdata.bus.beacon import Beacon
from marketdata.bus.client import Client
from marketdata.bus.vitals import Hop, Vitals
from marketdata.shares import WHOLE, Share
from tests.admin.vitals import make_vitals

FEED = "simulated"


def make_beacon(share: int = 1, shares: int = 3, **changes: Any) -> Beacon:
    values: dict[str, Any] = {"feed": FEED, "kind": "simulated", "term": 5, "n": 9, "flushes": 2, "health": "ok"}
    return Beacon(**{**values, "share": share, "shares": shares, **changes})


def say(client: Redis, one: Beacon | Vitals) -> None:
    """As a leader does: under its own key and the feed's."""
    key = keys.status if isinstance(one, Beacon) else keys.vitals
    share = Share(one.share, one.shares)
    for name in {key(FEED, share), key(FEED)}:
        client.set(name, msgspec.json.encode(one))


def test_a_feed_that_is_not_split_is_one_answer(redis_client: Redis) -> None:
    one = make_beacon(1, 1, reason="as it is")
    say(redis_client, one)
    assert newest.read({FEED: {}}).beacons == {FEED: one}
    assert redis_client.keys(f"{settings.INSTALLATION}:status*") == [keys.status(FEED).encode()]
    assert keys.status(FEED) == keys.status(FEED, WHOLE)


async def test_a_feed_is_as_its_worst_share_and_says_the_sum(redis_client: Redis) -> None:
    for one in (
        make_beacon(1, quotes_per_second=10.5, accepted=7, age_ms=50, catalogue=3, lag_ms=2.0),
        make_beacon(2, quotes_per_second=20, accepted=1, age_ms=900, health="stale", reason="silent", catalogue=8),
        make_beacon(3, quotes_per_second=1, accepted=2, age_ms=10),
    ):
        say(redis_client, one)
    client = Client(settings.REDIS_URL, "test")
    merged = await said.read(client, said.BEACONS, FEED)
    assert len(await said.payloads(client, said.BEACONS, FEED)) == 3
    client.close()
    assert merged is not None
    assert (merged.health, merged.reason) == ("stale", "share 2 of 3: silent")
    assert (merged.quotes_per_second, merged.accepted, merged.age_ms, merged.catalogue) == (31.5, 10, 900, 8)
    assert newest.read({FEED: {}}).beacons == {FEED: merged} == beacons_of([FEED])


def test_a_share_that_is_not_heard_makes_the_feed_down(redis_client: Redis) -> None:
    say(redis_client, make_beacon(3))
    say(redis_client, make_beacon(1))
    found = newest.read({FEED: {}}).beacons[FEED]
    assert found is not None
    assert (found.health, found.reason) == ("down", "share 2 of 3: its ingest is not heard")


@pytest.mark.parametrize(
    ("healths", "worst"),
    [
        (["ok", "ok"], ("ok", None)),
        (["closed", "ok"], ("closed", "share 1 of 2: why")),
        (["stale", "closed"], ("stale", "share 1 of 2: why")),
        (["stale", "taking_over"], ("taking_over", "share 2 of 2: why")),
        (["down", "down"], ("down", "share 1 of 2: why")),
        (["down"], ("down", "why")),
    ],
)
def test_which_share_is_the_worst(healths: list[Any], worst: tuple[str, str | None]) -> None:
    assert beacons.worst_of([(health, None if health == "ok" else "why") for health in healths]) == worst


def test_vitals_are_sums_with_every_shares_leader(redis_client: Redis) -> None:
    say(
        redis_client,
        make_vitals(share=1, shares=2, term=7, host="one", standbys=1, covered=10, ingest_to_redis=Hop(1.0, 9.0)),
    )
    say(
        redis_client,
        make_vitals(share=2, shares=2, term=8, host="two", standbys=0, covered=5, notices=["so"], silence_ms=70_000),
    )
    merged = vitals_of([FEED])[FEED]
    assert merged is not None
    assert (merged.covered, merged.standbys, merged.silence_ms) == (15, 0, 70_000)
    assert merged.notices == ["share 2 of 2: so"]
    assert [(part.share, part.term, part.host, part.covered) for part in merged.parts] == [
        (1, 7, "one", 10),
        (2, 8, "two", 5),
    ]


def test_a_share_without_a_leader_is_among_the_parts() -> None:
    merged = vital.merged([make_vitals(share=1, shares=2, standbys=4), None])
    assert merged is not None
    assert [part.term > 0 for part in merged.parts] == [True, False]
    assert merged.standbys == 0
    assert vital.merged([None, None]) is None
    assert beacons.merged([None, None]) is None
