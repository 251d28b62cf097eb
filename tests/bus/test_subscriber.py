"""The subscriber keeps what is wanted subscribed, over everything that can happen to its connection."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis

from marketdata.bus import subscriber as module
from marketdata.bus.connection import Connection, RedisDownError
from marketdata.bus.subscriber import Subscriber
from tests.valkey import RunningValkey, start_valkey

from .waiting import CONTRACT_S, within


class Heard:
    """A subscriber and all that it was told."""

    def __init__(self, url: str) -> None:
        self.messages: list[tuple[bytes, bytes]] = []
        self.restored = 0
        self.subscriber = Subscriber(url, "test-subscriber", self._message, lambda: None, self._restored)

    def _message(self, channel: bytes, payload: bytes) -> None:
        self.messages.append((channel, payload))

    def _restored(self) -> None:
        self.restored += 1


@pytest.fixture
async def heard(server: RunningValkey) -> AsyncIterator[Heard]:
    heard = Heard(server.url)
    yield heard
    async with asyncio.timeout(5):
        await heard.subscriber.close()


@pytest.fixture
async def admin(server: RunningValkey) -> AsyncIterator[Redis]:
    with Redis.from_url(server.url, socket_timeout=5) as admin:
        yield admin


async def test_what_is_published_right_after_an_add_arrives(heard: Heard, admin: Redis) -> None:
    for number in range(50):
        await heard.subscriber.add([f"channel-{number}"])
        assert admin.publish(f"channel-{number}", str(number)) == 1
    await within(10, lambda: len(heard.messages) == 50)
    assert heard.messages == [(f"channel-{n}".encode(), str(n).encode()) for n in range(50)]


async def test_an_add_waits_for_a_subscription_that_another_add_has_asked_for(
    heard: Heard, server: RunningValkey
) -> None:
    await heard.subscriber.add(["first"])
    os.kill(server.pid, signal.SIGSTOP)
    adds = [asyncio.create_task(heard.subscriber.add(["same"])) for _ in range(2)]
    await asyncio.sleep(0.1)
    assert [add.done() for add in adds] == [False, False]
    os.kill(server.pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        await asyncio.gather(*adds)


async def test_adding_what_is_subscribed_asks_redis_nothing(heard: Heard, admin: Redis) -> None:
    await heard.subscriber.add(["a", "b"])
    admin.config_resetstat()
    await heard.subscriber.add(["b", "a"])
    assert not {"cmdstat_subscribe", "cmdstat_ping"} & set(admin.info("commandstats"))


async def test_two_thousand_names_go_in_two_commands(heard: Heard, admin: Redis) -> None:
    await heard.subscriber.add(["first"])
    admin.config_resetstat()
    names = [f"channel-{number}" for number in range(2_000)]
    await heard.subscriber.add(names)
    assert len(admin.pubsub_channels("channel-*")) == 2_000
    assert admin.info("commandstats")["cmdstat_subscribe"]["calls"] == 2
    assert admin.publish("channel-0", "x") == admin.publish("channel-1999", "x") == 1


async def test_a_discard_leaves_nothing(heard: Heard, admin: Redis) -> None:
    await heard.subscriber.add(["a", "b", "c"])
    heard.subscriber.discard(["a", "c", "never added"])
    await within(10, lambda: admin.pubsub_numsub("a", "b", "c") == [(b"a", 0), (b"b", 1), (b"c", 0)])
    assert heard.subscriber.subscribed == {"b"}


async def test_an_add_right_after_a_discard_subscribes_again(heard: Heard, admin: Redis) -> None:
    await heard.subscriber.add(["a"])
    heard.subscriber.discard(["a"])
    await heard.subscriber.add(["a"])
    assert admin.publish("a", "x") == 1


async def test_a_killed_connection_is_made_again_with_all_that_was_wanted(heard: Heard, admin: Redis) -> None:
    await heard.subscriber.add(["a", "b"])
    admin.client_kill_filter(_type="pubsub")
    await within(CONTRACT_S, lambda: heard.restored == 1)
    assert admin.pubsub_numsub("a", "b") == [(b"a", 1), (b"b", 1)]
    assert heard.subscriber.breaks == 1
    assert heard.subscriber.is_connected


async def test_a_restarted_server_gets_all_that_was_wanted(
    heard: Heard, server: RunningValkey, short_path: Path
) -> None:
    names = [f"channel-{number}" for number in range(1_500)]
    await heard.subscriber.add(names)
    server.kill()
    await within(10, lambda: not heard.subscriber.is_connected)
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: heard.restored == 1)
        with Redis.from_url(again.url) as admin:
            assert len(admin.pubsub_channels("channel-*")) == 1_500
    finally:
        await heard.subscriber.close()
        again.stop()


async def test_what_is_added_and_discarded_during_an_outage_holds_afterwards(
    heard: Heard, server: RunningValkey, short_path: Path
) -> None:
    await heard.subscriber.add(["kept", "dropped"])
    server.kill()
    await within(10, lambda: not heard.subscriber.is_connected)
    heard.subscriber.discard(["dropped"])
    with pytest.raises(RedisDownError, match="in time"):
        await heard.subscriber.add(["new"], timeout=0.1)
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: heard.restored == 1)
        with Redis.from_url(again.url) as admin:
            assert set(admin.pubsub_channels()) == {b"kept", b"new"}
    finally:
        await heard.subscriber.close()
        again.stop()


async def test_a_name_that_goes_and_comes_while_the_subscriptions_are_made_again_is_subscribed(
    heard: Heard, admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await heard.subscriber.add(["a", "b"])
    adding: list[asyncio.Task[None]] = []
    original = Connection.tell

    def tell(connection: Connection, *arguments: str) -> None:
        original(connection, *arguments)
        if arguments[0] == "SUBSCRIBE" and not adding:
            asyncio.get_running_loop().call_soon(go_and_come)

    def go_and_come() -> None:
        heard.subscriber.discard(["a"])
        adding.append(asyncio.create_task(heard.subscriber.add(["a"])))

    monkeypatch.setattr(Connection, "tell", tell)
    admin.client_kill_filter(_type="pubsub")
    await within(CONTRACT_S, lambda: adding)
    async with asyncio.timeout(10):
        await adding[0]
    assert admin.pubsub_numsub("a", "b") == [(b"a", 1), (b"b", 1)]


async def test_what_is_discarded_while_its_add_waits_is_not_subscribed(
    heard: Heard, server: RunningValkey, admin: Redis
) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    adding = asyncio.create_task(heard.subscriber.add(["gone", "kept"]))
    await asyncio.sleep(0.05)
    heard.subscriber.discard(["gone"])
    os.kill(server.pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        await adding
    assert admin.pubsub_channels() == [b"kept"]


async def test_an_add_that_is_cancelled_does_not_cancel_another(heard: Heard, server: RunningValkey) -> None:
    await heard.subscriber.add(["first"])
    os.kill(server.pid, signal.SIGSTOP)
    cancelled, kept = [asyncio.create_task(heard.subscriber.add(["same"])) for _ in range(2)]
    await asyncio.sleep(0.05)
    cancelled.cancel()
    await asyncio.sleep(0.05)
    os.kill(server.pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        await kept
    assert cancelled.cancelled()


async def test_a_first_connection_that_had_to_wait_is_told_as_restored(
    heard: Heard, server: RunningValkey, short_path: Path
) -> None:
    server.kill()
    with pytest.raises(RedisDownError):
        await heard.subscriber.add(["a"], timeout=0.1)
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: heard.restored == 1)
    finally:
        await heard.subscriber.close()
        again.stop()


async def test_a_first_connection_at_once_restores_nothing(heard: Heard) -> None:
    await heard.subscriber.add(["a"])
    assert (heard.restored, heard.subscriber.breaks) == (0, 0)


async def test_a_server_that_hangs_is_noticed_and_taken_again(
    heard: Heard, server: RunningValkey, admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.1)
    await heard.subscriber.add(["a"])
    os.kill(server.pid, signal.SIGSTOP)
    await within(10, lambda: not heard.subscriber.is_connected)
    os.kill(server.pid, signal.SIGCONT)
    await within(CONTRACT_S, lambda: heard.restored == 1)
    await within(10, lambda: admin.pubsub_numsub("a") == [(b"a", 1)])


async def test_a_quiet_server_is_not_taken_for_a_dead_one(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.05)
    await heard.subscriber.add(["a"])
    await asyncio.sleep(0.5)
    assert (heard.subscriber.breaks, heard.subscriber.is_connected) == (0, True)


async def test_close_ends_its_connection_and_a_later_add_starts_anew(heard: Heard, admin: Redis) -> None:
    await heard.subscriber.add(["a"])
    await heard.subscriber.close()
    await within(10, lambda: admin.pubsub_channels() == [])
    assert heard.subscriber.subscribed == frozenset()
    await heard.subscriber.add(["b"])
    assert admin.pubsub_channels() == [b"b"]


async def test_close_while_connecting_to_a_server_that_hangs_leaves_nothing(
    heard: Heard, server: RunningValkey, admin: Redis
) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(RedisDownError):
        await heard.subscriber.add(["a"], timeout=0.1)
    async with asyncio.timeout(10):
        await heard.subscriber.close()
    os.kill(server.pid, signal.SIGCONT)
    await within(10, lambda: all(client["name"] != "test-subscriber" for client in admin.client_list()))
