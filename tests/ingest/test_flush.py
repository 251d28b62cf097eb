"""The flush: what was put is accepted once, in order, over every outage, in bounded memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from marketdata import rows
from marketdata.bus.connection import RedisDownError
from marketdata.bus.fenced import MAX_ROWS
from marketdata.bus.history_stream import join_rows
from marketdata.bus.lease import MARGIN_S, LeaseLostError
from marketdata.ingest import flush as module
from marketdata.ingest.complaints import Complaints
from marketdata.ingest.flush import Flush
from marketdata.ingest.numbering import Numbering
from marketdata.quotes import Quote
from tests.builders import make_facts, make_quote
from tests.bus.waiting import within

from .scripted_bus import FEED, HeldLease, ScriptedHistory, ScriptedWriter

TERM = 1_000
BASE = rows.seq_of(TERM, 0)


class Bench:
    """A flush and all around it."""

    def __init__(self, instruments: int = 20, history: ScriptedHistory | None = None, in_flush: bool = False) -> None:
        self.writer = ScriptedWriter()
        self.lease = HeldLease(TERM)
        self.numbering = Numbering(FEED, lambda group: group, Complaints(FEED))
        self.numbering.know([make_facts(f"S{i}", id=i) for i in range(1, instruments + 1)])
        self.numbering.begin(TERM)
        self.flush = Flush(self.writer, self.lease, self.numbering, history, in_flush)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.flush.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def drained(self) -> None:
        async with asyncio.timeout(5):
            await self.flush.drained()


def quotes(*numbers: int, bid: float = 1.0) -> list[Quote]:
    return [make_quote(f"S{number}", bid=bid, ask=bid + 1) for number in numbers]


@pytest.fixture
async def bench() -> Bench:
    return Bench()


def lost_answer() -> RedisDownError:
    error = RedisDownError("the connection went away")
    error.accepted = True  # type: ignore[attr-defined]
    return error


# ── When all is well ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_put_is_flushed_under_the_lease_and_counted(bench: Bench) -> None:
    async with bench.running():
        await bench.flush.put(quotes(1, 2, 1))
        await bench.drained()
    ((token, term, flat, count, history),) = bench.writer.flushes
    assert (token, term, count, history) == (bench.lease.token, TERM, 3, b"")
    assert [rows.header(framed) for framed in flat[2::3]] == [(1, BASE + 2), (2, BASE + 1)]
    assert (bench.flush.flushes, bench.flush.accepted, bench.flush.waiting) == (1, 3, 0)


async def test_what_comes_during_a_flush_goes_with_the_next(bench: Bench) -> None:
    async with bench.running():
        bench.writer.open.clear()
        await bench.flush.put(quotes(1))
        await within(10, lambda: bench.writer.tries == 1)
        for number in (2, 3, 4):
            await bench.flush.put(quotes(number))
        bench.writer.open.set()
        await bench.drained()
    assert [flat[::3] for _, _, flat, _, _ in bench.writer.flushes] == [[1], [2, 3, 4]]


async def test_no_flush_has_more_rows_than_it_may(bench: Bench) -> None:
    async with bench.running():
        await bench.flush.put(quotes(*[1 + n % 20 for n in range(2 * MAX_ROWS + 5)]))
        await bench.drained()
    assert [count for _, _, _, count, _ in bench.writer.flushes] == [MAX_ROWS, MAX_ROWS, 5]


async def test_quotes_of_nobody_cost_no_flush(bench: Bench) -> None:
    async with bench.running():
        await bench.flush.put([make_quote("NOBODY")])
        await bench.drained()
    assert (bench.writer.flushes, bench.flush.accepted) == ([], 0)


async def test_drained_waits_for_the_acknowledgement(bench: Bench) -> None:
    async with bench.running():
        bench.writer.open.clear()
        await bench.flush.put(quotes(1))
        draining = asyncio.create_task(bench.flush.drained())
        await within(10, lambda: bench.writer.tries == 1)
        await asyncio.sleep(0.02)
        assert not draining.done()
        bench.writer.open.set()
        async with asyncio.timeout(10):
            await draining


async def test_drained_waits_for_what_is_told_again(bench: Bench) -> None:
    async with bench.running():
        await bench.flush.put(quotes(1))
        await bench.drained()
    bench.numbering.begin(TERM + 1)
    bench.writer.open.clear()
    telling = asyncio.create_task(bench.flush.tell_again())
    await within(10, lambda: bench.writer.tries == 2)
    draining = asyncio.create_task(bench.flush.drained())
    await asyncio.sleep(0.02)
    assert not draining.done()
    bench.writer.open.set()
    async with asyncio.timeout(10), bench.running():
        await telling
        await draining


# ── History ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_history_on_the_same_server_goes_with_the_flush() -> None:
    bench = Bench(in_flush=True)
    async with bench.running():
        await bench.flush.put(quotes(1, 1, 2))
        await bench.drained()
    ((_, _, _, count, history),) = bench.writer.flushes
    assert count == 3
    lines = history.split(b"\n")
    assert [line.split(b",")[:2] for line in lines] == [
        [f"[{i}".encode(), str(BASE + k).encode()] for i, k in ((1, 1), (1, 2), (2, 1))
    ]


async def test_history_on_a_second_server_goes_there_first_and_not_with_the_flush() -> None:
    history = ScriptedHistory()
    bench = Bench(history=history)
    async with bench.running():
        bench.writer.open.clear()
        await bench.flush.put(quotes(1, 2))
        await within(10, lambda: bench.writer.tries == 1)
        ((term, count, blob),) = history.batches
        bench.writer.open.set()
        await bench.drained()
    assert (term, count, blob.count(b"\n")) == (TERM, 2, 1)
    assert [batch for *_, batch in bench.writer.flushes] == [b""]


async def test_a_flush_that_is_tried_again_is_one_batch_of_history() -> None:
    history = ScriptedHistory()
    bench = Bench(history=history)
    bench.writer.errors = [RedisDownError("away"), RedisDownError("away")]
    async with bench.running():
        await bench.flush.put(quotes(1))
        await bench.drained()
    assert len(history.batches) == 1


async def test_what_is_told_again_is_no_history() -> None:
    history = ScriptedHistory()
    bench = Bench(history=history)
    async with bench.running():
        await bench.flush.put(quotes(1))
        await bench.drained()
    bench.numbering.begin(TERM + 1)
    await bench.flush.tell_again()
    assert len(history.batches) == 1
    assert bench.flush.accepted == 1
    assert bench.writer.headers[-1] == (1, rows.seq_of(TERM + 1, 0))


async def test_a_later_term_on_the_history_server_ends_the_flush() -> None:
    history = ScriptedHistory()
    history.errors = [LeaseLostError()]
    bench = Bench(history=history)
    async with bench.running() as task:
        await bench.flush.put(quotes(1))
        with pytest.raises(LeaseLostError):
            async with asyncio.timeout(10):
                await task
    assert (bench.writer.flushes, bench.flush.accepted, bench.flush.waiting) == ([], 0, 1)


def test_a_batch_of_history_is_its_rows_without_headers() -> None:
    framed = [rows.encode(1, 5, make_quote()), rows.encode(2, 6, make_quote())]
    assert join_rows(framed) == rows.body(framed[0]) + b"\n" + rows.body(framed[1])


# ── Outages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_outage_loses_nothing_and_keeps_the_order(bench: Bench) -> None:
    bench.writer.errors = [None, *[RedisDownError("away")] * 3]
    async with bench.running():
        for number in range(30):
            await bench.flush.put(quotes(1, bid=float(number)))
            await asyncio.sleep(0)
        await bench.drained()
    counts = [count for _, _, _, count, _ in bench.writer.flushes]
    assert sum(counts) == bench.flush.accepted == 30
    assert bench.writer.headers == sorted(bench.writer.headers)
    assert bench.writer.headers[-1] == (1, BASE + 30)


async def test_a_flush_whose_answer_was_lost_is_repeated_under_the_same_numbers(bench: Bench) -> None:
    bench.writer.errors = [lost_answer(), lost_answer()]
    async with bench.running():
        await bench.flush.put(quotes(1, 2))
        await bench.drained()
        await bench.flush.put(quotes(1))
        await bench.drained()
    first, second, third, fourth = [flat for _, _, flat, _, _ in bench.writer.flushes]
    assert first == second == third
    assert rows.header(fourth[2]) == (1, BASE + 2)
    assert (bench.flush.accepted, bench.flush.flushes) == (3, 2)


async def test_no_flush_starts_with_too_little_of_the_lease_left(bench: Bench) -> None:
    bench.lease.left = MARGIN_S - 0.01
    async with bench.running():
        await bench.flush.put(quotes(1))
        await asyncio.sleep(0.1)
        assert bench.writer.tries == 0
        bench.lease.left = MARGIN_S + 0.01
        await bench.drained()
    assert bench.flush.accepted == 1


async def test_a_lost_lease_is_raised_and_what_was_not_accepted_waits(bench: Bench) -> None:
    bench.writer.errors = [None, LeaseLostError()]
    async with bench.running() as task:
        await bench.flush.put(quotes(1, 2))
        await bench.drained()
        await bench.flush.put(quotes(1, 3))
        with pytest.raises(LeaseLostError):
            async with asyncio.timeout(10):
                await task
    assert (bench.flush.accepted, bench.flush.waiting) == (2, 2)
    bench.numbering.begin(TERM + 1)
    async with bench.running():
        await bench.drained()
    new = rows.seq_of(TERM + 1, 0)
    assert bench.writer.headers[2:] == [(1, new + 1), (3, new + 1)]
    assert bench.flush.accepted == 4


async def test_a_quote_of_a_flush_whose_answer_was_lost_with_the_lease_is_not_accepted_twice() -> None:
    """It may be in history, so it stays there under its number; under the new term it is told, and not counted."""
    bench = Bench(in_flush=True)
    bench.writer.errors = [lost_answer(), LeaseLostError()]
    async with bench.running() as task:
        await bench.flush.put(quotes(1, 1, 2))
        with pytest.raises(LeaseLostError):
            async with asyncio.timeout(10):
                await task
    await bench.flush.put(quotes(1, bid=7.0))
    bench.numbering.begin(TERM + 1)
    new = rows.seq_of(TERM + 1, 0)
    await bench.flush.tell_again()
    async with bench.running():
        await bench.drained()
    applied, told, next_one = bench.writer.flushes
    assert (told[1], *told[3:]) == (TERM, *applied[3:]) == (TERM, 3, applied[4])
    assert bench.writer.headers[2:] == [(1, new), (2, new), (1, new + 1)]
    assert (next_one[1], next_one[3]) == (TERM + 1, 1)
    assert (bench.flush.accepted, bench.flush.waiting) == (4, 0)


async def test_what_the_history_server_refused_gets_new_numbers() -> None:
    history = ScriptedHistory()
    history.errors = [LeaseLostError()]
    bench = Bench(history=history)
    async with bench.running() as task:
        await bench.flush.put(quotes(1))
        with pytest.raises(LeaseLostError):
            async with asyncio.timeout(10):
                await task
    bench.numbering.begin(TERM + 1)
    await bench.flush.tell_again()
    async with bench.running():
        await bench.drained()
    assert [term for term, _, _ in history.batches] == [TERM + 1]
    assert bench.flush.accepted == 1


async def test_a_cancelled_flush_takes_nothing_off(bench: Bench) -> None:
    bench.writer.open.clear()
    async with bench.running():
        await bench.flush.put(quotes(1, 2))
        await within(10, lambda: bench.writer.tries == 1)
    assert (bench.flush.waiting, bench.flush.accepted) == (2, 0)


async def test_an_outage_is_logged_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.writer.errors = [RedisDownError("refused")] * 4
    async with bench.running():
        await bench.flush.put(quotes(1))
        await bench.drained()
    assert [record.message for record in caplog.records] == ["Redis is away, quotes wait: refused", "Redis is back"]


# ── Bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_feed_that_is_far_ahead_waits_and_goes_on_when_there_is_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AHEAD", 100)
    async with bench.running():
        bench.writer.open.clear()
        await bench.flush.put(quotes(*[1] * 99))  # not far yet
        putting = asyncio.create_task(bench.flush.put(quotes(1)))
        await asyncio.sleep(0.05)
        assert not putting.done()
        bench.writer.open.set()
        async with asyncio.timeout(10):
            await putting
        await bench.drained()
    assert bench.flush.accepted == 100


async def test_a_feed_does_not_wait_for_a_redis_that_is_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 100)
    bench.writer.errors = [RedisDownError("away")] * 1_000
    async with bench.running(), asyncio.timeout(10):
        await bench.flush.put(quotes(1))
        await within(10, lambda: bench.flush._away)
        for _ in range(10):
            await bench.flush.put(quotes(*[1] * 100))
    assert bench.flush.waiting == 1_001


async def test_a_feed_that_waits_is_let_go_when_redis_goes_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 100)
    async with bench.running():
        bench.writer.open.clear()
        putting = asyncio.create_task(bench.flush.put(quotes(*[1] * 200)))
        await within(10, lambda: bench.writer.tries == 1)
        assert not putting.done()
        bench.writer.errors = [RedisDownError("away")] * 1_000
        bench.writer.open.set()
        async with asyncio.timeout(10):
            await putting


async def test_above_the_bound_only_the_newest_of_each_is_kept_and_the_rest_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AHEAD", 100)
    monkeypatch.setattr(module, "WAITING", MAX_ROWS + 500)
    bench.writer.errors = [RedisDownError("away")] * 1_000
    put = 0
    async with bench.running():
        await bench.flush.put(quotes(1))
        put += 1
        await within(10, lambda: bench.flush._away)
        for turn in range(300):
            await bench.flush.put(quotes(*range(1, 21), bid=float(turn)))
            put += 20
            assert bench.flush.waiting <= MAX_ROWS + 500
        assert bench.flush.conflated > 0
        assert bench.flush.waiting + bench.flush.conflated == put
        bench.writer.errors.clear()
        await bench.drained()
    assert bench.flush.accepted + bench.flush.conflated == put
    newest = {rows.header(framed)[0]: framed for _, _, flat, _, _ in bench.writer.flushes for framed in flat[2::3]}
    assert {i: rows.decode(rows.body(framed))["bid"] for i, framed in newest.items()} == dict.fromkeys(
        range(1, 21), 299.0
    )


async def test_what_is_under_way_keeps_its_numbers_when_the_rest_is_merged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AHEAD", 100)
    monkeypatch.setattr(module, "WAITING", 2 * MAX_ROWS)
    bench.writer.errors = [RedisDownError("away")] * 1_000
    async with bench.running():
        await bench.flush.put(quotes(1, 1, 1))  # under way as three rows
        await within(10, lambda: bench.flush._away)
        for _ in range(5):
            await bench.flush.put(quotes(*[1] * MAX_ROWS))
        bench.writer.errors.clear()
        await bench.drained()
    counts = [count for _, _, _, count, _ in bench.writer.flushes]
    assert counts[0] == 3
    assert sum(counts) == bench.flush.accepted == 3 + 5 * MAX_ROWS - bench.flush.conflated
    # No number is missing: the last row's is the number of rows accepted.
    assert bench.writer.headers[-1] == (1, BASE + bench.flush.accepted)
