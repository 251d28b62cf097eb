"""What a leader leaves to history besides its rows: trades, how terms ended, and what one before it could not hand on."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus.history_stream import HistoryOptions
from marketdata.bus.spill import HistoryBatch, Spill
from marketdata.feeds.base import Batch
from marketdata.quotes import Trade
from tests.builders import NOON_MS
from tests.bus.waiting import CONTRACT_S, within
from tests.valkey import RunningValkey, start_valkey

from .leading import Leading
from .told_feed import FEED, SYMBOLS, quotes

pytestmark = pytest.mark.django_db(transaction=True)

LISTED_S = 10.0


def stream(url: str) -> list[dict[bytes, bytes]]:
    with Redis.from_url(url, socket_timeout=5) as admin:
        return [entry for _, entry in admin.xrange(keys.history_stream()) or []]


def ends(url: str) -> dict[int, dict[int, list[float]]]:
    """{term: {instrument: [seq, received ms]}}."""
    return {
        int(entry[b"term"]): msgspec.json.decode(entry[b"ends"], type=dict[int, list[float]])
        for entry in stream(url)
        if b"ends" in entry
    }


def trades(url: str) -> list[list[Any]]:
    """The trades of all entries."""
    lines = b"\n".join(entry[b"trades"] for entry in stream(url) if b"trades" in entry)
    return [msgspec.json.decode(line) for line in lines.split(b"\n") if line]


async def test_trades_go_to_history_beside_the_rows(server: RunningValkey, tmp_path: Path) -> None:
    leading = Leading(server.url, HistoryOptions(server.url, tmp_path))
    async with leading.running():
        first = Trade(SYMBOLS[0], NOON_MS + 5.25, NOON_MS, 2.5, 3, "T1")
        unnamed = Trade(SYMBOLS[1], NOON_MS + 6, NOON_MS, 2.25, 1)
        leading.feed.say(Batch(quotes(SYMBOLS[0]), [first]))
        leading.feed.say(Batch((), [unnamed, Trade("UNKNOWN", NOON_MS, NOON_MS, 1, 1)]))
        await within(LISTED_S, lambda: len(trades(server.url)) == 2)
        lines = trades(server.url)
        ids = sorted(leading.last_values())
        assert lines[0] == [ids[0], NOON_MS + 5.25, NOON_MS, 2.5, 3, "T1"]
        assert lines[1][1:5] == [NOON_MS + 6, NOON_MS, 2.25, 1]
        assert lines[1][5] == f"#{leading.term}-2"
        # The flush without a quote accepted none; the loop counts after the server has answered.
        await within(LISTED_S, lambda: leading.accepted > 0)
        assert leading.accepted == 1


async def test_a_new_term_says_how_the_one_before_it_ended(server: RunningValkey, tmp_path: Path) -> None:
    leading = Leading(server.url, HistoryOptions(server.url, tmp_path))
    async with leading.running():
        leading.feed.quote(SYMBOLS[0], SYMBOLS[0], SYMBOLS[1])
        await within(LISTED_S, lambda: leading.accepted == 3)
        former, ids = leading.term, sorted(leading.last_values())
        leading.redis.flushall()
        await within(CONTRACT_S + 5, lambda: former in ends(server.url))
        assert {i: seq for i, (seq, _) in ends(server.url)[former].items()} == {
            ids[0]: rows.seq_of(former, 2),
            ids[1]: rows.seq_of(former, 1),
        }
        assert leading.term > former


async def test_a_fresh_leader_says_what_the_last_one_published_last(server: RunningValkey, tmp_path: Path) -> None:
    first = Leading(server.url, HistoryOptions(server.url, tmp_path))
    async with first.running():
        first.feed.quote(SYMBOLS[0], SYMBOLS[0], SYMBOLS[1])
        await within(LISTED_S, lambda: first.accepted == 3)
        values, term = first.last_values(), first.term
    second = Leading(server.url, HistoryOptions(server.url, tmp_path))
    async with second.running():
        await within(LISTED_S, lambda: term in ends(server.url))
        assert {i: seq for i, (seq, _) in ends(server.url)[term].items()} == {i: seq for i, (seq, _) in values.items()}


async def test_what_a_killed_leader_kept_is_brought_to_history_before_its_end_is_told(
    server: RunningValkey, short_path: Path
) -> None:
    apart = start_valkey(short_path / "history")
    options = HistoryOptions(apart.url, short_path / "spill")
    try:
        first = Leading(server.url, options)
        async with first.running():
            first.feed.quote(SYMBOLS[0])
            await within(LISTED_S, lambda: first.accepted == 1)
            term = first.term
        # As a process leaves it that is killed: the file, and nobody who holds it.
        spill = Spill.create(short_path / "spill", FEED)
        spill.add(HistoryBatch(term, 2, b"[1,2,3,4]\n[1,3,3,4]"), 1_000)
        spill.close()
        second = Leading(server.url, options)
        async with second.running():
            await within(LISTED_S, lambda: term in ends(apart.url))
            order = [b"ends" in entry for entry in stream(apart.url) if int(entry[b"term"]) == term]
            assert order == [False, False, True]
            assert not list((short_path / "spill").iterdir())
            # It came late, and past the fence.
            assert [entry[b"count"] for entry in stream(apart.url)[:2]] == [b"1", b"2"]
    finally:
        apart.stop()
