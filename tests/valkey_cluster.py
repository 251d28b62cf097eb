"""Clusters for tests: real servers on ports of the loopback, each the embedded binary with `--cluster-enabled yes`."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError
from redis.retry import Retry

from .valkey import RunningValkey, free_port, start_valkey

SLOTS = 16_384
MEET_S = 20.0


@dataclass
class RunningCluster:
    """`nodes` are the masters by their order, then their replicas by the same. `url` names the masters."""

    nodes: list[RunningValkey]
    ports: list[int]
    bus_ports: list[int]
    masters: int
    directory: Path
    options: tuple[str, ...]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports[: self.masters])

    def client(self, index: int) -> Redis:
        """Of one node, which follows nothing; used with `with`."""
        return Redis(port=self.ports[index], socket_timeout=5, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))

    def ask(self, index: int, *command: Any) -> Any:
        """The answer of one node, as it comes."""
        with self.client(index) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def name_of(self, index: int) -> str:
        name: bytes = self.ask(index, "CLUSTER", "MYID")
        return name.decode()

    def owner(self, name: str) -> int:
        """Which node has the slot of a key or channel, as any that lives says."""
        slot = key_slot(name.encode())
        for index in range(len(self.nodes)):
            if self.nodes[index].is_stopped:
                continue
            with suppress(RedisError):
                for first, last, master, *_ in self.ask(index, "CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return self.ports.index(master[1])
        raise AssertionError(f"nobody has the slot of {name}")

    def holding(self, name: str) -> Redis:
        """A client of the node that has the slot of `name`; used with `with`."""
        return self.client(self.owner(name))

    def move_begins(self, name: str, to: int) -> int:
        """Takes the slot of a key half of the way to another master: its keys are there, and the slot is not. Returns
        whose it was."""
        slot, former = key_slot(name.encode()), self.owner(name)
        self.ask(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", self.name_of(former))
        self.ask(former, "CLUSTER", "SETSLOT", slot, "MIGRATING", self.name_of(to))
        with self.client(former) as client:
            client.response_callbacks.clear()
            while found := client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
                client.execute_command("MIGRATE", "127.0.0.1", self.ports[to], "", 0, 2000, "KEYS", *found)
        return former

    def move_ends(self, name: str, former: int, to: int) -> None:
        """The rest of the way."""
        slot, owner = key_slot(name.encode()), self.name_of(to)
        for index in (to, former, *range(self.masters)):
            with suppress(RedisError):
                self.ask(index, "CLUSTER", "SETSLOT", slot, "NODE", owner)

    def take_over(self, master: int) -> int:
        """Makes the replica of a master take its place without asking anybody; returns which node that is."""
        replica = self.masters + master
        self.ask(replica, "CLUSTER", "FAILOVER", "TAKEOVER")
        return replica

    def is_replica(self, index: int) -> bool:
        return bytes(self.ask(index, "ROLE")[0]) == b"slave"

    def start_again(self, index: int) -> None:
        """A node that was killed, at its former place and empty."""
        self.nodes[index] = self._start(index)

    def join(self) -> int:
        """One more master, which has no slots yet; returns which node that is."""
        index = len(self.ports)
        self.ports.append(free_port())
        self.bus_ports.append(free_port())
        self.nodes.append(self._start(index))
        self.ask(0, "CLUSTER", "MEET", "127.0.0.1", self.ports[index], self.bus_ports[index])
        _until(lambda: all(_knows_all(self, other) for other in (index, *range(self.masters))))
        return index

    def leave(self, index: int) -> None:
        """The one that joined last, and has no slots any more, goes."""
        name = self.name_of(index)
        self.nodes.pop(index).kill()
        del self.ports[index], self.bus_ports[index]
        for other in range(index):
            self.ask(other, "CLUSTER", "FORGET", name)

    def start(self) -> None:
        """All nodes, which do not know of each other."""
        for index in range(len(self.ports)):
            self.nodes.append(self._start(index))

    def _start(self, index: int) -> RunningValkey:
        own = ("--cluster-enabled", "yes", "--cluster-port", str(self.bus_ports[index]), *self.options)
        return start_valkey(self.directory / str(index), *own, port=self.ports[index])

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()  # nothing of it is kept


def start_cluster(directory: Path, masters: int = 3, replicas: int = 0, *options: str) -> RunningCluster:
    """Masters with all slots in equal parts, each with one replica where `replicas` is 1, which all know of each other
    before this returns."""
    ports, bus_ports = ([free_port() for _ in range(masters * (1 + replicas))] for _ in range(2))
    own = ("--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0", *options)
    cluster = RunningCluster([], ports, bus_ports, masters, directory, own)
    try:
        cluster.start()
        share = -(-SLOTS // masters)
        for index in range(masters):
            first = index * share
            cluster.ask(index, "CLUSTER", "ADDSLOTSRANGE", first, min(first + share, SLOTS) - 1)
            cluster.ask(index, "CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        # Each with each, since gossip would take its seconds.
        for index in range(1, len(ports)):
            for other in range(index):
                cluster.ask(other, "CLUSTER", "MEET", "127.0.0.1", ports[index], bus_ports[index])
        _until(lambda: all(_knows_all(cluster, index) for index in range(len(ports))))
        for index in range(masters, len(ports)):
            cluster.ask(index, "CLUSTER", "REPLICATE", cluster.name_of(index - masters))
        _until(lambda: all(_is_linked(cluster, index) for index in range(masters, len(ports))))
        return cluster
    except BaseException:
        cluster.stop()
        raise


def _knows_all(cluster: RunningCluster, index: int) -> bool:
    information = cluster.ask(index, "CLUSTER", "INFO").decode()
    known = f"cluster_known_nodes:{len(cluster.ports)}\r" in information
    return known and "cluster_state:ok" in information and "cluster_slots_ok:16384" in information


def _is_linked(cluster: RunningCluster, index: int) -> bool:
    return b"master_link_status:up" in cluster.ask(index, "INFO", "replication")


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MEET_S
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError("the nodes of the cluster do not find each other")
        time.sleep(0.02)
