"""An administrator at the admin, a listed board of the simulated feed, and what that feed's ingest would hear."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client
from redis import Redis
from redis.client import PubSub

from accounts.models import User
from marketdata import rows
from marketdata.bus import keys
from marketdata.models import Instrument
from tests.builders import make_quote
from tests.coverage.board import board

FEED = "simulated"


class Ears:
    """Stands where a feed's leader would: every order given is heard here."""

    def __init__(self, channel: PubSub) -> None:
        self._channel = channel
        self._channel.subscribe(keys.orders(FEED))
        assert self._channel.get_message(timeout=5) is not None

    def heard(self) -> list[dict[str, Any]]:
        """The orders since the last asking."""
        found = []
        while (message := self._channel.get_message(timeout=0.2)) is not None:
            found.append(json.loads(message["data"]))
        return found


@pytest.fixture
def ears(redis_client: Redis) -> Iterator[Ears]:
    with redis_client.pubsub() as channel:  # type: ignore[no-untyped-call]
        yield Ears(channel)


@pytest.fixture
def listed(transactional_db: None, redis_client: Redis) -> dict[str, Instrument]:
    """ACME and its options, by symbol; the stock is at 100. Far ahead, so that nothing expires on the wall clock."""
    made = {}
    for facts in board():
        year_on = None if facts.expires_ms is None else facts.expires_ms + 20 * 365 * 86_400_000
        day = None if facts.expiry is None else facts.expiry.replace("2026", "2045")
        facts = msgspec.structs.replace(facts, expires_ms=year_on, expiry=day)
        made[facts.symbol] = Instrument.objects.create(
            feed=FEED,
            symbol=facts.symbol,
            kind=facts.kind,
            underlying=facts.underlying,
            expiry=facts.expiry,
            expires_at=None if year_on is None else f"{day}T21:00Z",
            strike=facts.strike,
            right=facts.right or "",
        )
    stock = made["ACME"]
    row = rows.encode(stock.pk, rows.seq_of(1, 1), make_quote("ACME", bid=99.9, ask=100.1, last=100.0))
    redis_client.hset(keys.last_values(FEED), str(stock.pk), row)
    return made


@pytest.fixture
def admin(client: Client, staff: User, redis_client: Redis) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture(autouse=True)
def no_layer(settings: Any) -> None:
    """The pages under test post to no socket."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def built(settings: Any, tmp_path: Path) -> None:
    """A finished build of the feed page, whether or not npm has run."""
    manifest = {"src/admin/feeds.ts": {"file": "feeds.0123456789ab.js", "src": "src/admin/feeds.ts", "isEntry": True}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    settings.FRONTEND_BUILD = tmp_path
