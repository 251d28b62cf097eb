"""When beats stretch, and come back, each client that has one of them is told its own."""

import asyncio
import contextlib

import pytest

from marketdata.stream import hub as hub_module
from marketdata.stream.phases import Phases
from tests.path.client import stream_client
from tests.path.stack import User

from .in_process import House


async def test_all_are_told_of_their_beats_a_few_at_a_time(
    house: House, resident: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 2)
    phases = (await house.hub()).phases
    monkeypatch.setattr(phases, "measure", lambda: None)  # the hub's own, which would find nothing to do

    def measure(share: float) -> None:
        phases._measured_at = asyncio.get_running_loop().time() - 1
        phases._busy_s = share
        Phases.measure(phases)

    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for beat in (10, 10, 50, 250, 10):
            client = await stack.enter_async_context(stream_client(house, resident))
            await client.ask("configure", "configured", interval_ms=beat)
            clients.append((beat, client))
        for share, factors in ((0.3, {10: 2}), (0.7, {10: 10, 50: 2, 250: 2}), (0.1, {10: 5, 50: 1, 250: 1})):
            measure(share)
            for beat, client in clients:
                if beat in factors:
                    told = await client.message("configured")
                    interval = beat * factors[beat]
                    assert (told["interval_ms"], told["requested_ms"]) == (interval, beat)
                    assert told["reason"] == ("load" if interval > beat else "recovered")
        assert [message for _, client in clients for message in client.messages if message["op"] == "configured"] == []
