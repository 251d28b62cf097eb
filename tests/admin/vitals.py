"""What a leader says of its work, with defaults."""

from typing import Any

import msgspec

from marketdata.bus.vitals import Hop, Vitals
from marketdata.feeds.base import FeedLimits


def make_vitals(**changes: Any) -> Vitals:
    vitals = Vitals(
        feed="simulated",
        term=1,
        leader="abc",
        host="here",
        pid=1,
        since_ms=0,
        at_ms=0,
        standbys=0,
        quotes_per_second=1,
        accepted=1,
        flushes=1,
        merged=0,
        waiting=0,
        silence_ms=1,
        venue_to_ingest=Hop(),
        ingest_to_redis=Hop(),
        listed=1,
        covered=1,
        withheld=0,
        listed_at_ms=None,
        limits=FeedLimits(),
        connections=[],
        complaints=[],
        notices=[],
    )
    return msgspec.structs.replace(vitals, **changes)
