"""A service that sentinels watch, for tests: a master, replicas that have all of it, and the sentinels, all real processes
on ports of the loopback. A sentinel is told at its start what it would take seconds to find out.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.valkey import RunningValkey, free_port, spawn, start_valkey

SERVICE = "strikewire"
DOWN_AFTER_MS = 700
WAIT_S = 30.0
# A sentinel that stood still for 2 s, or whose clock jumped, does nothing for so long.
TILT_S = 30.0


def until(found: Callable[[], Any], what: str, timeout: float = WAIT_S) -> Any:
    """The first truthy value of `found()`; a server that does not answer counts as not yet."""
    deadline = time.monotonic() + timeout
    while True:
        with contextlib.suppress(RedisError, OSError):
            if value := found():
                return value
        assert time.monotonic() < deadline, f"{what}: not within {timeout:g} s"
        time.sleep(0.02)


def ask(url: str, *command: Any) -> Any:
    """The answer of one command to one server."""
    with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=None, protocol=2) as client:
        return client.execute_command(*command)


@dataclass
class WatchedValkey:
    """`url` names the service; `master` and `replicas` are as they were at the start, `servers` are both. `failed_over` is
    (monotonic) when the newest failover had ended."""

    url: str
    directory: Path
    master: RunningValkey
    replicas: list[RunningValkey]
    sentinels: list[RunningValkey] = field(default_factory=list)
    failed_over: float = 0.0

    @property
    def servers(self) -> list[RunningValkey]:
        return [self.master, *self.replicas]

    def now(self) -> RunningValkey:
        """The master by the sentinels' majority."""
        named = [ask(one.url, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1].decode() for one in self.sentinels]
        port = max(named, key=named.count)
        return next(one for one in self.servers if one.url.endswith(f":{port}/0"))

    def wait_for_failover(self, former: RunningValkey) -> RunningValkey:
        """The new master, once it is one and most sentinels say so."""

        def promoted() -> RunningValkey | None:
            present = self.now()
            return present if present is not former and ask(present.url, "ROLE")[0] == b"master" else None

        found: RunningValkey = until(promoted, "the failover", WAIT_S + TILT_S)
        self.failed_over = time.monotonic()
        return found

    def fail_over(self) -> RunningValkey:
        """Kills the master; returns the new one."""
        former = self.now()
        former.kill()
        return self.wait_for_failover(former)

    def wait_for_replica(self, server: RunningValkey) -> None:
        """Until the sentinels have made one that came back a replica that has all, and know it: they look every ten
        seconds."""
        until(lambda: ask(server.url, "ROLE")[0] == b"slave" and _has_all(server), "a replica", 2 * WAIT_S)
        until(partial(_all_know_all, self), "the sentinels", 2 * WAIT_S)

    def detach(self, replica: RunningValkey) -> None:
        """From now on it gets nothing of what is written. The sentinels would see to that after ten seconds, and choose it
        all the same where the master goes before."""
        ask(replica.url, "REPLICAOF", "127.0.0.1", "1")

    def start_again(self, server: RunningValkey) -> None:
        """One that was killed comes back, empty and as its own master, at its address."""
        port = _port(server)
        again = start_valkey(self.directory / str(port), *_OPTIONS, port=port)
        server.process = again.process

    def stop(self) -> None:
        for one in [*self.sentinels, *self.servers]:
            one.stop()


# A replica shall have all at once, and no failover shall wait for what a test does not need.
_OPTIONS = ("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0")


def _port(server: RunningValkey) -> int:
    return int(server.url.rpartition(":")[2].removesuffix("/0"))


@contextlib.contextmanager
def watched_valkey(
    directory: Path, replicas: int = 1, sentinels: int = 3, options: tuple[str, ...] = ()
) -> Iterator[WatchedValkey]:
    """All of it runs, every replica has what the master has, and every sentinel knows all, before this is entered."""
    ports = [free_port() for _ in range(1 + replicas)]
    master = start_valkey(directory / str(ports[0]), *_OPTIONS, *options, port=ports[0])
    service = WatchedValkey("", directory, master, [])
    try:
        for port in ports[1:]:
            of = ("--replicaof", "127.0.0.1", str(ports[0]))
            service.replicas.append(start_valkey(directory / str(port), *_OPTIONS, *options, *of, port=port))
        for replica in service.replicas:
            until(partial(_has_all, replica), "a replica")
        _start_sentinels(service, sentinels)
        addresses = ",".join(one.url.removeprefix("redis://").removesuffix("/0") for one in service.sentinels)
        service.url = f"redis+sentinel://{addresses}/{SERVICE}?db=0"
        yield service
    finally:
        service.stop()


def _has_all(replica: RunningValkey) -> bool:
    return bytes(ask(replica.url, "ROLE")[3]) == b"connected"


def _start_sentinels(service: WatchedValkey, count: int) -> None:
    ports = [free_port() for _ in range(count)]
    names = [secrets.token_hex(20) for _ in ports]
    for port, name in zip(ports, names, strict=True):
        folder = service.directory / f"sentinel-{port}"
        folder.mkdir(parents=True)
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {folder}",
            f"sentinel myid {name}",
            f"sentinel monitor {SERVICE} 127.0.0.1 {_port(service.master)} {count // 2 + 1}",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {SERVICE} 3000",
            *(f"sentinel known-replica {SERVICE} 127.0.0.1 {_port(one)}" for one in service.replicas),
            *(
                f"sentinel known-sentinel {SERVICE} 127.0.0.1 {other} {its_name}"
                for other, its_name in zip(ports, names, strict=True)
                if other != port
            ),
        ]
        config = folder / "sentinel.conf"
        config.write_text("\n".join(lines) + "\n")
        process = spawn([str(config), "--sentinel"], folder / "sentinel.log")
        service.sentinels.append(RunningValkey(f"redis://127.0.0.1:{port}/0", process))

    until(partial(_all_know_all, service), "the sentinels")


def _all_know_all(service: WatchedValkey) -> bool:
    """Whether every sentinel takes each server for what it is, and reaches it."""
    for one in service.sentinels:
        state = ask(one.url, "SENTINEL", "MASTER", SERVICE)
        told = dict(zip(state[::2], state[1::2], strict=True))
        if told[b"flags"] != b"master" or int(told[b"num-slaves"]) < len(service.replicas):
            return False
        for replica in ask(one.url, "SENTINEL", "REPLICAS", SERVICE):
            its = dict(zip(replica[::2], replica[1::2], strict=True))
            if its[b"flags"] != b"slave" or its[b"master-link-status"] != b"ok":
                return False
    return True
