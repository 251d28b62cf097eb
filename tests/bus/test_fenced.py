"""The flush: all of it in order while the lease holds its term, and none of it after."""

from collections.abc import AsyncIterator

import pytest
from redis import Redis
from redis.client import PubSub

from marketdata.bus import fenced, keys
from marketdata.bus.client import Client
from marketdata.bus.connection import RedisDownError
from marketdata.bus.fenced import MAX_ROWS, FencedWriter
from marketdata.bus.history_stream import join_rows
from marketdata.bus.lease import LeaseLostError
from tests.valkey import RunningValkey

from .rows_on_redis import FEED, group_channel, row

TOKEN = "7:owner"


@pytest.fixture
async def admin(server: RunningValkey) -> AsyncIterator[Redis]:
    with Redis.from_url(server.url, socket_timeout=5) as admin:
        admin.set(keys.lease(FEED), TOKEN)
        yield admin


@pytest.fixture
async def writer(server: RunningValkey) -> AsyncIterator[FencedWriter]:
    client = Client(server.url, "test")
    yield FencedWriter(client, FEED)
    client.close()


@pytest.fixture
def heard(admin: Redis) -> PubSub:
    """A subscriber to the first nine instruments' groups and to the beacons."""
    heard: PubSub = admin.pubsub()  # type: ignore[no-untyped-call]
    heard.subscribe(*map(group_channel, range(1, 10)), keys.beacons())
    for _ in range(10):
        assert heard.get_message(timeout=10)["type"] == "subscribe"
    return heard


def messages(heard: PubSub) -> list[tuple[str, bytes]]:
    """All that has come, up to a silence."""
    found = []
    while message := heard.get_message(timeout=0.2):
        found.append((message["channel"].decode(), message["data"]))
    return found


def flat(*seqs: tuple[int, int]) -> list[object]:
    return [part for i, seq in seqs for part in (i, group_channel(i), row(i, seq))]


async def test_a_flush_writes_down_tells_and_appends(writer: FencedWriter, admin: Redis, heard: PubSub) -> None:
    batch = [row(1, 4), row(1, 5), row(2, 9)]
    await writer.flush(TOKEN, 7, flat((1, 5), (2, 9)), len(batch), join_rows(batch))
    assert admin.hgetall(keys.last_values(FEED)) == {b"1": row(1, 5), b"2": row(2, 9)}
    assert messages(heard) == [(group_channel(1), row(1, 5)), (group_channel(2), row(2, 9))]
    entries = [entry for _, entry in admin.xrange(keys.history_stream()) or ()]
    assert entries == [{b"feed": FEED.encode(), b"term": b"7", b"count": b"3", b"rows": join_rows(batch)}]


async def test_a_joined_batch_is_a_json_row_a_line(writer: FencedWriter) -> None:
    lines = join_rows([row(1, 4), row(2, 9)]).split(b"\n")
    assert [line[:5] for line in lines] == [b"[1,4,", b"[2,9,"]


async def test_without_history_nothing_is_appended(writer: FencedWriter, admin: Redis) -> None:
    await writer.flush(TOKEN, 7, flat((1, 5)), 1)
    assert not admin.exists(keys.history_stream())


async def test_what_happens_in_a_flush_happens_in_order(
    writer: FencedWriter, admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with admin.monitor() as monitor:  # type: ignore[no-untyped-call]
        await writer.flush(TOKEN, 7, flat((1, 5), (2, 9)), 2, b"rows")
        seen: list[str] = []
        while len(seen) < 6:
            command = monitor.next_command()
            if command["client_type"] == "lua":
                seen.append(command["command"].split()[0])
    assert seen == ["GET", "XADD", "INCRBY", "HSET", "PUBLISH", "PUBLISH"]


@pytest.mark.parametrize("held", [None, "8:owner", "7:another", "7:owne", ""])
async def test_under_any_other_lease_nothing_at_all_happens(
    writer: FencedWriter, admin: Redis, heard: PubSub, held: str | None
) -> None:
    if held is None:
        admin.delete(keys.lease(FEED))
    else:
        admin.set(keys.lease(FEED), held)
    with pytest.raises(LeaseLostError):
        await writer.flush(TOKEN, 7, flat((1, 5)), 1, b"rows")
    with pytest.raises(LeaseLostError):
        await writer.beacon(TOKEN, b"{}")
    assert admin.exists(keys.last_values(FEED), keys.history_stream(), keys.status(FEED)) == 0
    assert messages(heard) == []


async def test_the_fullest_flush_passes(writer: FencedWriter, admin: Redis) -> None:
    seqs = [(i, i) for i in range(1, MAX_ROWS + 1)]
    await writer.flush(TOKEN, 7, flat(*seqs), MAX_ROWS, join_rows([row(*each) for each in seqs]))
    assert admin.hlen(keys.last_values(FEED)) == MAX_ROWS


async def test_telling_again_may_take_three_times_as_many_rows(writer: FencedWriter, admin: Redis) -> None:
    await writer.flush(TOKEN, 7, flat(*((i, i) for i in range(1, 3 * MAX_ROWS + 1))))
    assert admin.hlen(keys.last_values(FEED)) == 3 * MAX_ROWS


async def test_a_flush_without_rows_only_asks_for_the_lease(writer: FencedWriter, admin: Redis) -> None:
    await writer.flush(TOKEN, 7, [])
    assert not admin.exists(keys.last_values(FEED))
    admin.delete(keys.lease(FEED))
    with pytest.raises(LeaseLostError):
        await writer.flush(TOKEN, 7, [])


async def test_a_beacon_is_told_and_kept_for_a_while(writer: FencedWriter, admin: Redis, heard: PubSub) -> None:
    await writer.beacon(TOKEN, b'{"feed":"simulated"}')
    assert messages(heard) == [(keys.beacons(), b'{"feed":"simulated"}')]
    assert admin.get(keys.status(FEED)) == b'{"feed":"simulated"}'
    assert 1_000 < admin.pttl(keys.status(FEED)) <= 5_000


async def test_a_server_that_forgot_the_function_is_sent_it_again(writer: FencedWriter, admin: Redis) -> None:
    await writer.flush(TOKEN, 7, flat((1, 5)))
    admin.script_flush()
    await writer.flush(TOKEN, 7, flat((1, 6)))
    assert admin.hgetall(keys.last_values(FEED)) == {b"1": row(1, 6)}


async def test_a_full_server_counts_as_away(writer: FencedWriter, admin: Redis) -> None:
    admin.config_set("maxmemory", "1")
    with pytest.raises(RedisDownError, match="OOM"):
        await writer.flush(TOKEN, 7, flat((1, 5)))
    admin.config_set("maxmemory", "0")
    await writer.flush(TOKEN, 7, flat((1, 5)))
    assert admin.hgetall(keys.last_values(FEED)) == {b"1": row(1, 5)}


async def test_a_server_that_is_gone_is_said_so(writer: FencedWriter, server: RunningValkey, admin: Redis) -> None:
    server.kill()
    with pytest.raises(RedisDownError):
        await writer.flush(TOKEN, 7, flat((1, 5)))


def test_a_flush_fits_into_what_lua_unpacks() -> None:
    assert 2 * 3 * fenced.MAX_ROWS < 7_900
