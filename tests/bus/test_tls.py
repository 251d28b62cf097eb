"""One server, a cluster and a service under sentinels, each spoken to by TLS; and what is said where that fails."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings
from redis.exceptions import RedisError

from marketdata.bus import keys, sharded_reading
from marketdata.bus.blocking import open_client
from marketdata.bus.client import Client
from marketdata.bus.cluster import Cluster
from marketdata.bus.cluster_client import Command
from marketdata.bus.connection import RedisDownError
from marketdata.bus.shard_connection import ShardConnection
from marketdata.bus.topology import slot_of
from project import environment
from tests.sentinels import SERVICE, ask, until, watched_valkey
from tests.tls import Certificates, Door, doors, make_certificates
from tests.valkey import start_valkey
from tests.valkey_cluster import start_cluster

UNDERLYINGS = ("DELTA", "ALPHA", "GAMMA")
NOT_TRUSTED = r"certificate is not trusted \(self-signed certificate\): look at ssl_ca_certs in "


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    valkey = start_valkey(tmp_path_factory.mktemp("valkey"), port=0)
    with doors(certificates, [_port(valkey.url)]) as (door,):
        yield door
    valkey.stop()


@pytest.fixture(scope="module")
def nodes(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Door]]:
    """The doors of a cluster of three, which names its nodes by them."""
    cluster = start_cluster(tmp_path_factory.mktemp("cluster"))
    with doors(certificates, cluster.ports) as found:
        for index, door in enumerate(found):
            cluster.ask(index, "CONFIG", "SET", "cluster-announce-port", door.port)
        named = {door.port for door in found}
        for index in range(len(found)):
            until(lambda index=index: {one[2][1] for one in cluster.ask(index, "CLUSTER", "SLOTS")} == named, "names")  # type: ignore[misc]
        yield found
    cluster.stop()


@pytest.fixture(scope="module")
def sentinels(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Door]]:
    """The doors of three sentinels, which name the master by its door."""
    with watched_valkey(tmp_path_factory.mktemp("watched"), replicas=0) as service:
        watchers = [_port(one.url) for one in service.sentinels]
        with doors(certificates, [_port(service.master.url), *watchers]) as found:
            for one in service.sentinels:
                ask(one.url, "SENTINEL", "REMOVE", SERVICE)
                ask(one.url, "SENTINEL", "MONITOR", SERVICE, "127.0.0.1", found[0].port, 2)
            yield found


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].removesuffix("/0"))


def _addresses(some: list[Door]) -> str:
    return ",".join(f"127.0.0.1:{door.port}" for door in some)


# ── One server ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_server_is_spoken_to_by_tls(server: Door, certificates: Certificates) -> None:
    url = f"rediss://127.0.0.1:{server.port}/0?ssl_ca_certs={certificates.authority}"
    before = server.opened
    client = Client(url, "test")
    assert await client.call("SET", "a", 1) == b"OK"
    client.close()
    with open_client(url, socket_timeout=2) as blocking:
        assert await asyncio.to_thread(blocking.get, "a") == b"1"
    assert server.opened == before + 2


@pytest.mark.parametrize("setting", ["REDIS_URL", "HISTORY_REDIS_URL"])
async def test_a_certificate_that_nobody_vouches_for_is_refused_and_the_setting_named(
    setting: str, server: Door, certificates: Certificates, settings: Settings
) -> None:
    url = f"rediss://:the-secret@127.0.0.1:{server.port}/0?ssl_ca_certs={certificates.stranger}"
    setattr(settings, setting, url)
    with pytest.raises(RedisDownError, match=f"{NOT_TRUSTED}{setting},") as raised:
        await Client(url, "test").call("PING")
    assert "the-secret" not in str(raised.value)
    with (
        open_client(url, socket_timeout=2, retry=None) as blocking,
        pytest.raises(RedisError, match=f"{NOT_TRUSTED}{setting},"),
    ):
        await asyncio.to_thread(blocking.ping)


async def test_a_certificate_for_another_name_is_refused_unless_names_do_not_count(
    server: Door, certificates: Certificates
) -> None:
    url = f"rediss://localhost:{server.port}/0?ssl_ca_certs={certificates.authority}"
    with pytest.raises(RedisDownError, match="certificate is not valid for 'localhost'"):
        await Client(url, "test").call("PING")
    for ending in ("&ssl_check_hostname=false", "&ssl_cert_reqs=none"):
        client = Client(url + ending, "test")
        assert await client.call("PING") == b"PONG"
        client.close()


async def test_a_server_that_speaks_no_tls_is_told_apart(settings: Settings) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR Protocol error\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        settings.REDIS_URL = url = f"rediss://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        with pytest.raises(RedisDownError, match=r"TLS fails \(.*\): does the server in REDIS_URL speak it"):
            await Client(url, "test").call("PING")


# ── A cluster ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_node_of_a_cluster_is_spoken_to_by_tls(nodes: list[Door], certificates: Certificates) -> None:
    url = f"rediss+cluster://{_addresses(nodes[:1])}?ssl_ca_certs={certificates.authority}"
    cluster = Cluster(url, "test")
    before = [door.opened for door in nodes]
    try:
        hashes = [keys.shard("simulated", underlying) for underlying in UNDERLYINGS]
        commands = [Command(slot_of(name), "HSET", name, i, b"not a row") for i, name in enumerate(hashes)]
        await cluster.client.execute(commands)
        assert [command.answer for command in commands] == [1, 1, 1]
        assert all(door.opened > count for door, count in zip(nodes, before, strict=True))
        owner = cluster.topology.owner(slot_of(hashes[1]))
        assert owner is not None
        heard = await ShardConnection.open(cluster.topology.address.url(owner), "test")
        assert await heard.ask("SSUBSCRIBE", hashes[1]) is None
        heard.close()
        # From threads too.
        asked = {"simulated": {underlying: [100] for underlying in UNDERLYINGS}}
        assert await asyncio.to_thread(sharded_reading.read, url, asked) == {}
    finally:
        await cluster.close()


async def test_who_does_not_trust_the_nodes_is_told_which_setting_it_is(
    nodes: list[Door], certificates: Certificates, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"rediss+cluster://:the-secret@{_addresses(nodes)}?ssl_ca_certs={certificates.stranger}"
    settings.ROWS_REDIS_URL = url
    cluster = Cluster(url, "test")
    command = Command(slot_of("a"), "GET", "a")
    try:
        with caplog.at_level(logging.WARNING):
            await cluster.client.execute([command], 0.5)
        assert command.has_failed
        assert f"{NOT_TRUSTED}ROWS_REDIS_URL,".replace("\\", "") in caplog.text
        assert "the-secret" not in caplog.text
    finally:
        await cluster.close()


# ── Sentinels ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_sentinels_and_their_master_are_spoken_to_by_tls(
    sentinels: list[Door], certificates: Certificates
) -> None:
    url = f"rediss+sentinel://{_addresses(sentinels[1:])}/{SERVICE}?db=0&ssl_ca_certs={certificates.authority}"
    before = [door.opened for door in sentinels]
    client = Client(url, "test")
    assert await client.call("SET", "a", 1) == b"OK"
    client.close()
    with open_client(url, socket_timeout=2) as blocking:
        assert await asyncio.to_thread(blocking.get, "a") == b"1"
    gained = [door.opened - count for door, count in zip(sentinels, before, strict=True)]
    assert gained[0] == 2
    assert sum(gained[1:]) >= 4  # a majority, twice


async def test_who_does_not_trust_the_sentinels_is_told_which_setting_it_is(
    sentinels: list[Door], certificates: Certificates, settings: Settings
) -> None:
    address = f"rediss+sentinel://{_addresses(sentinels[1:])}/{SERVICE}?ssl_ca_certs={certificates.stranger}"
    settings.REDIS_URL = address
    said = f"no sentinel of {SERVICE} answers: the server's {NOT_TRUSTED}REDIS_URL,"
    with pytest.raises(RedisDownError, match=said):
        await Client(address, "test").call("PING")
    with open_client(address, socket_timeout=2, retry=None) as blocking, pytest.raises(RedisError, match=f"^{said}"):
        await asyncio.to_thread(blocking.ping)


# ── Settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs names /nowhere/ca.pem, which cannot be read: No such file"),
        ("ssl_ca_certs={key}", "ssl_ca_certs names .*, which holds no certificate"),
        ("ssl_certfile={ca}&ssl_keyfile=/nowhere/key", "ssl_keyfile names /nowhere/key, which cannot be read"),
        ("ssl_certfile={ca}", "are no certificate and its key"),
        ("ssl_keyfile={key}", "ssl_keyfile is of no use without ssl_certfile"),
        ("ssl_cert_reqs=some", "ssl_cert_reqs takes one of none, optional, required"),
    ],
)
@pytest.mark.parametrize(
    "address", ["rediss://:the-secret@a/0?", "rediss+sentinel://:the-secret@a/desk?", "rediss+cluster://:the-secret@a?"]
)
def test_an_option_that_cannot_be_is_told_of_at_the_start(
    address: str, options: str, said: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = options.format(ca=certificates.authority, key=certificates.key)
    monkeypatch.setenv("THE_URL", address + read)
    with pytest.raises(ImproperlyConfigured, match=f"THE_URL: .*{said}") as raised:
        _read("THE_URL", address)
    assert "the-secret" not in str(raised.value)


def _read(name: str, address: str) -> str:
    if "+cluster" in address:
        return environment.cluster(name, "REDIS_URL", "redis://localhost")
    return environment.redis(name, "redis://localhost")


def test_a_certificate_of_ones_own_is_taken(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    own = f"ssl_certfile={certificates.authority}&ssl_keyfile={certificates.key}"
    for value in (f"rediss://a/0?{own}", f"rediss+sentinel://a/desk?{own}", f"rediss+cluster://a?{own}"):
        monkeypatch.setenv("THE_URL", value)
        assert _read("THE_URL", value) == value
