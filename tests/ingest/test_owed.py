"""What a node of the rows' cluster is owed is told as it was numbered, beside the flushes and never in their way."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from marketdata import rows
from marketdata.bus.lease import MARGIN_S
from marketdata.ingest.complaints import Complaints
from marketdata.ingest.flush import OWED_LONG_S, OWED_S, Flush
from marketdata.ingest.numbering import Numbering
from tests import given_time
from tests.builders import make_facts, make_quote
from tests.bus.waiting import within

from .scripted_bus import FEED, HeldLease, ScriptedWriter

TERM = 1_000
BASE = rows.seq_of(TERM, 0)


class OwingWriter(ScriptedWriter):
    """`debts` are owed until `is_back`; `told` is what was told whole: when, and which seqs by underlying."""

    def __init__(self) -> None:
        super().__init__()
        self.debts: set[str] = set()
        self.is_back = False
        self.told: list[tuple[float, dict[str, list[tuple[int, int]]]]] = []

    @property
    def owed(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(self.debts)

    def forget(self, underlyings: frozenset[str]) -> None:
        self.debts -= underlyings

    async def tell_whole(self, token: str, term: int, rows_by: Mapping[str, list[Any]]) -> None:
        headers = {one: [rows.header(framed) for framed in flat[2::3]] for one, flat in rows_by.items()}
        self.told.append((given_time.now(), headers))
        if self.is_back:
            self.debts.clear()


class Bench:
    def __init__(self) -> None:
        self.writer = OwingWriter()
        self.lease = HeldLease(TERM)
        self.numbering = Numbering(FEED, str, Complaints(FEED), sharded=True)
        self.numbering.know(make_facts(f"S{i}", id=i, underlying="ACME" if i % 2 else "ZEPH") for i in range(1, 7))
        self.numbering.begin(TERM)
        self.flush = Flush(self.writer, self.lease, self.numbering)

    async def put(self, *numbers: int) -> None:
        await self.flush.put([make_quote(f"S{i}", bid=1.0, ask=2.0) for i in numbers])
        async with asyncio.timeout(5):
            await self.flush.drained()


@pytest.fixture
async def bench() -> Any:
    bench = Bench()
    task = asyncio.create_task(bench.flush.run())
    yield bench
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_is_told_under_the_numbers_that_it_had(bench: Bench) -> None:
    await bench.put(1, 2, 3, 1)
    bench.writer.is_back, bench.writer.debts = True, {"ACME"}
    bench.flush.look_at_nodes()
    await within(10, lambda: bench.writer.told)
    assert bench.writer.told[0][1] == {"ACME": [(1, BASE + 2), (3, BASE + 1)]}
    assert bench.flush.accepted == 4


async def test_flushes_go_on_meanwhile(bench: Bench) -> None:
    bench.writer.debts = {"ACME"}
    for _ in range(5):
        await bench.put(1, 2)
    assert bench.flush.accepted == 10
    assert bench.writer.debts == {"ACME"}


async def test_it_is_tried_less_and_less_often_and_at_once_when_something_changed(bench: Bench) -> None:
    bench.writer.debts = {"ACME"}
    await bench.put(1)
    at: list[float] = []

    def rests() -> bool:
        at[:] = [when for when, _ in bench.writer.told]
        return len(at) > 2 and at[-1] - at[-2] > 4 * OWED_S

    await within(10, rests)
    assert len(at) <= 8  # without resting there would be no such gap
    await asyncio.sleep(OWED_LONG_S / 5)
    bench.writer.is_back = True
    changed = given_time.now()
    bench.flush.look_at_nodes()
    await within(10, lambda: not bench.writer.debts)
    assert bench.writer.told[-1][0] - changed < 3 * OWED_S


async def test_of_what_nothing_is_known_nothing_is_owed(bench: Bench) -> None:
    await bench.put(1)
    bench.writer.debts = {"GONE"}
    bench.flush.look_at_nodes()
    await within(10, lambda: not bench.writer.debts)


async def test_without_a_sure_lease_nothing_is_told(bench: Bench) -> None:
    await bench.put(1)
    bench.lease.left = MARGIN_S / 2
    bench.writer.is_back, bench.writer.debts = True, {"ACME"}
    bench.flush.look_at_nodes()
    await asyncio.sleep(3 * OWED_S)
    assert not bench.writer.told
    bench.lease.left = 10.0
    await within(10, lambda: bench.writer.told)


async def test_rows_on_a_cluster_name_their_underlying(bench: Bench) -> None:
    await bench.put(1, 2)
    channels = [channel for _, _, flat, _, _ in bench.writer.flushes for channel in flat[1::3]]
    assert [channel.partition(":")[2] for channel in channels] == [
        f"rows:{{{FEED}.ACME}}:S1",
        f"rows:{{{FEED}.ZEPH}}:S2",
    ]
