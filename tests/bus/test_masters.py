"""Connections to a service that real sentinels watch: each finds the present master, before a failover and after it."""

import asyncio
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from django.core.cache.backends.redis import RedisCache
from redis.connection import SSLConnection
from redis.exceptions import RedisError

from marketdata.bus import keys
from marketdata.bus import lease as lease_module
from marketdata.bus.blocking import Pool, master_of, open_client
from marketdata.bus.client import Client
from marketdata.bus.connection import Connection, RedisDownError
from marketdata.bus.lease import Lease
from marketdata.bus.masters import Search
from marketdata.bus.servers import NoMasterError, watched
from marketdata.bus.subscriber import Subscriber
from tests import given_time
from tests.sentinels import SERVICE, WatchedValkey, ask, until, watched_valkey

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedValkey]:
    with watched_valkey(tmp_path_factory.mktemp("watched"), replicas=2) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def client(service: WatchedValkey) -> AsyncIterator[Client]:
    made = Client(service.url, "test-masters")
    yield made
    made.close()


async def answer(client: Client, *command: object, timeout: float = 10.0) -> object:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return await client.call(*command)
        except RedisDownError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


async def test_a_service_that_sentinels_do_not_know_is_refused(service: WatchedValkey) -> None:
    with pytest.raises(RedisDownError, match="knows no service another"):
        await Connection.open(service.url.replace("/strikewire", "/another"), "test")


async def test_what_is_no_sentinel_is_refused(service: WatchedValkey) -> None:
    address = service.master.url.removeprefix("redis://").removesuffix("/0")
    with pytest.raises(RedisDownError, match="unknown command 'SENTINEL'"):
        await Connection.open(f"redis+sentinel://{address}/strikewire", "test")


async def test_sentinels_that_stand_still_or_are_gone_cost_little(service: WatchedValkey) -> None:
    url = service.url.replace("sentinel://", "sentinel://127.0.0.1:1,")
    search = Search(found) if (found := watched(url)) else None
    assert search is not None
    service.sentinels[0].process.send_signal(signal.SIGSTOP)
    try:
        began = given_time.now()
        client = Client(url, "test")  # two of four are no majority: all that answer in time are heard
        assert await client.call("PING") == b"PONG"
        client.close()
        assert search.find().epoch == 0
        first = given_time.now() - began
        assert search.find().epoch == 0
        assert first < 3
    finally:
        service.sentinels[0].process.send_signal(signal.SIGCONT)


async def test_servers_and_sentinels_have_passwords_of_their_own(service: WatchedValkey) -> None:
    present = service.now()
    ask(present.url, "ACL", "SETUSER", "desk", "on", ">p@ss/word", "~*", "&*", "+@all")
    for one in service.sentinels:
        ask(one.url, "ACL", "SETUSER", "default", "resetpass", ">watch")
    url = service.url.replace("sentinel://", "sentinel://desk:p%40ss%2Fword@")
    try:
        with pytest.raises(RedisDownError, match="NOAUTH"):
            await Client(url, "test").call("PING")
        client = Client(f"{url}&sentinel_password=watch", "test")
        assert await client.call("ACL", "WHOAMI") == b"desk"
        client.close()
        with open_client(f"{url}&sentinel_password=watch", socket_timeout=1) as blocking:
            assert blocking.acl_whoami() == "desk"
    finally:
        for one in service.sentinels:
            ask(one.url.replace("://", "://:watch@"), "ACL", "SETUSER", "default", "nopass")
        ask(present.url, "ACL", "DELUSER", "desk")


async def test_with_tls_all_is_asked_by_it() -> None:
    pool = Pool.from_url("rediss+sentinel://127.0.0.1:1/desk?db=2&ssl_cert_reqs=none", socket_timeout=1)
    connection = pool.make_connection()
    assert isinstance(connection, SSLConnection)
    assert (connection.db, connection.socket_timeout, int(connection.cert_reqs)) == (2, 1, ssl.CERT_NONE)
    with pytest.raises(RedisError, match="no sentinel of desk answers"):
        connection.connect()  # type: ignore[no-untyped-call]


async def test_a_failover_is_followed_by_every_kind_of_connection(service: WatchedValkey, client: Client) -> None:
    heard: list[bytes] = []
    restored: list[bool] = []
    subscriber = Subscriber(
        service.url, "test", lambda _, payload: heard.append(payload), lambda: None, lambda: restored.append(True)
    )
    await subscriber.add(["news"])
    blocking = open_client(service.url, socket_timeout=1, socket_connect_timeout=1)
    options = {"socket_timeout": 1, "socket_connect_timeout": 1, "pool_class": "marketdata.bus.blocking.Pool"}
    cache = RedisCache([service.url], {"OPTIONS": options})
    fixed = Client(service.now().url, "test-control")
    try:
        await client.call("SET", "who", "kept")
        await fixed.call("PING")
        cache.set("a", 1)
        first = master_of(blocking), blocking.set("b", 1), master_of(blocking)
        assert first[0] is None
        assert await client.call("WAIT", len(service.replicas), 2_000) == len(service.replicas)

        await asyncio.to_thread(service.fail_over)
        assert await answer(client, "GET", "who") == b"kept"
        assert await answer(client, "ROLE") != b"slave"
        assert until(lambda: blocking.get("b"), "a blocking client") == b"1"
        moved = master_of(blocking)
        assert moved is not None
        assert first[2] is not None
        assert moved.epoch > first[2].epoch
        assert until(lambda: cache.get("a"), "Django's cache") == 1
        for number in range(500):
            await answer(client, "PUBLISH", "news", number)
            if heard and restored:
                break
            await asyncio.sleep(0.02)
        assert heard
        assert restored
        # The control: who was told one server's address has nobody to ask.
        with pytest.raises(RedisDownError):
            await fixed.call("PING")

    finally:
        await subscriber.close()
        fixed.close()
        blocking.close()
        cache.close()


async def test_a_lease_that_outlives_a_failover_counts_as_lost(
    service: WatchedValkey, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its leader begins a new term, and tells all it knows again. A master that an ordered failover leaves behind
    lives on, and takes for seconds what nobody will ever read: it is left within the next look."""
    await client.call("PING")
    ended: list[bool] = []
    client.on_lost = lambda: ended.append(True)
    monkeypatch.setattr(lease_module, "DURATION_S", 60.0)
    lost: list[bool] = []
    lease = Lease("simulated", service.url, lambda: lost.append(True))
    former = service.now()
    try:
        assert await asyncio.to_thread(lease.acquire)
        term = lease.term
        # Not before a replica has it: a term that is forgotten could be given a second time.
        assert ask(former.url, "INFO", "commandstats")["cmdstat_wait"]["calls"] == 1
        until(lambda: ask(service.sentinels[0].url, "SENTINEL", "FAILOVER", SERVICE), "an ordered failover")
        present = await asyncio.to_thread(service.wait_for_failover, former)
        assert ask(present.url, "GET", keys.lease("simulated")) == lease.token.encode()
        await asyncio.to_thread(until, lambda: lost and ended, "the loss", 3.0)
        assert ask(former.url, "ROLE")[0] == b"master"
        assert lease.remaining() == 0
        assert await asyncio.to_thread(lease.acquire)
        assert lease.term > term
        assert lease.led_last
    finally:
        await asyncio.to_thread(lease.release)


@pytest.mark.slow  # the sentinels take ten seconds
async def test_a_former_master_that_comes_back_is_no_master_to_anybody(service: WatchedValkey, client: Client) -> None:
    former = service.now()
    await asyncio.to_thread(service.fail_over)
    service.start_again(former)
    blocking = open_client(service.url, socket_timeout=1, socket_connect_timeout=1)
    try:
        # It says that it is a master, and has nothing.
        assert ask(former.url, "ROLE")[0] == b"master"
        assert await answer(client, "SET", "who", "new") == b"OK"
        assert blocking.set("b", 2)
        assert ask(former.url, "DBSIZE") == 0
        until(lambda: ask(former.url, "GET", "who") == b"new", "its copy")
        assert ask(former.url, "ROLE")[0] == b"slave"
    finally:
        blocking.close()


async def test_a_server_that_became_a_replica_is_left(service: WatchedValkey, client: Client) -> None:
    """By who writes to it, at once: nobody else closes the connections."""
    present = service.now()
    other = next(one for one in service.servers if one is not present)
    blocking = open_client(service.url, socket_timeout=1, socket_connect_timeout=1, retry=None)
    try:
        await client.call("PING")
        blocking.ping()
        port = other.url.rpartition(":")[2].removesuffix("/0")
        ask(present.url, "REPLICAOF", "127.0.0.1", port)
        with pytest.raises(RedisDownError, match="READONLY"):
            await client.call("SET", "a", 1)
        with pytest.raises(RedisError, match="no master any more"):
            blocking.set("a", 1)
        # The sentinels name it still, and it says itself that it is none.
        with pytest.raises(RedisDownError, match="no master any more"):
            await client.call("PING")
        with pytest.raises(RedisError, match="no master any more"):
            blocking.ping()
    finally:
        ask(present.url, "REPLICAOF", "NO", "ONE")
        blocking.close()
    assert await answer(client, "SET", "a", 1) == b"OK"


@pytest.mark.slow
async def test_a_master_that_stands_still_is_left_by_all_as_soon_as_one_finds_the_next(
    service: WatchedValkey, client: Client
) -> None:
    """Its connections stay open: nobody closes them."""
    silent = Client(service.url, "test-silent")
    lost: list[float] = []
    silent.on_lost = lambda: lost.append(time.monotonic())
    former = service.now()
    try:
        await client.call("PING")
        await silent.call("PING")
        former.process.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(service.wait_for_failover, former)
        assert await answer(client, "SET", "a", 2) == b"OK"
        await asyncio.sleep(0)
        assert lost
        assert await silent.call("GET", "a") == b"2"
    finally:
        former.process.send_signal(signal.SIGCONT)
        silent.close()


async def test_without_sentinels_nothing_is_guessed(service: WatchedValkey) -> None:
    client, found = Client(service.url, "test"), watched(service.url)
    assert found is not None
    for one in service.sentinels:
        one.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(RedisDownError, match="no sentinel of strikewire answers: no answer in"):
            await client.call("PING")
        with pytest.raises(NoMasterError, match="no sentinel of strikewire answers"):
            Search(found).find()
    finally:
        for one in service.sentinels:
            one.process.send_signal(signal.SIGCONT)
