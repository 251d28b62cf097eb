"""How often each instrument quotes, as measured by the leader for the preview."""

import asyncio
import time
from typing import cast

import msgspec
import pytest

from marketdata.bus import keys
from marketdata.feeds.base import Batch
from tests.builders import make_quote
from tests.ingest.told_feed import FEED

from .conftest import Room


async def test_rates_are_measured_by_instrument_and_kept(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "marketdata.ingest.vital_signs"
    monkeypatch.setattr(f"{module}.EVERY_S", 0.1)
    monkeypatch.setattr(f"{module}.RATES_EVERY", 5)
    monkeypatch.setattr(f"{module}.RATES_FROM", 0)

    def rates() -> dict[int, float]:
        payload = cast(bytes | None, room.redis.get(keys.rates(FEED)))
        return {} if payload is None else msgspec.json.decode(payload, type=dict[int, float])

    async with room.leading():
        ids = {facts.symbol: facts.id for facts in room.leader.offer.instruments}
        busy, idle = "ACME-2026-01-16-100", "ACME-2026-02-20-80"
        said, began = 0, time.monotonic()

        async def quote() -> None:
            nonlocal said
            while True:
                room.feed.say(Batch([make_quote(busy)]))
                said += 1
                await asyncio.sleep(0.02)

        def pace() -> float:
            """Quotes a second that were said, whatever the machine made of the pauses between them."""
            return said / (time.monotonic() - began)

        quoting = asyncio.create_task(quote())
        try:
            await room.until(lambda: rates().get(ids[busy], 0) > 0.7 * pace())
            # Over some more rounds, so that what was counted before would show if it were counted again. A round does not
            # end with a flush, and the newest weighs most: a half more is noise, twice as much is not.
            for _ in range(4):
                await asyncio.sleep(0.5)
                assert 0.5 * pace() < rates()[ids[busy]] < 1.5 * pace()
            assert rates()[ids[idle]] < 5
        finally:
            quoting.cancel()
