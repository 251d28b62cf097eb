"""The address of a cluster, in which any of its nodes may be named: `redis+cluster://user:password@host:port,host:port`, or
`rediss+cluster://` for TLS. Pure.
"""

import re
from typing import Final, NamedTuple

SCHEMES: Final = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
# More than anybody names; the others are found by asking these.
MOST_NODES: Final = 16
_NODE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_CREDENTIALS: Final = re.compile(r"[^:/@#\s]*:[^/@#\s]+")
_TLS_OPTIONS: Final = frozenset(("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"))


class Node(NamedTuple):
    """One server of a cluster; an IPv6 address without its brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ClusterAddress(NamedTuple):
    """`credentials` end with an @ where there are any, `options` begin with a ?; both are as they were written."""

    scheme: str
    credentials: str
    nodes: tuple[Node, ...]
    options: str

    def url(self, node: Node) -> str:
        """The address of one node, for whoever opens a connection to it."""
        return f"{self.scheme}://{self.credentials}{node}/0{self.options}"

    def is_of(self, url: str) -> bool:
        """Whether `url` may be that of one of its nodes."""
        return url.startswith(f"{self.scheme}://{self.credentials}") and url.endswith(f"/0{self.options}")


def is_cluster(url: str) -> bool:
    return url.partition("://")[0] in SCHEMES


def parse(url: str) -> ClusterAddress:
    """Raises ValueError with what is wrong, without repeating the address: it may hold a password."""
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        raise ValueError(f"it has to start with one of {', '.join(s + '://' for s in SCHEMES)}")
    rest, mark, options = rest.partition("?")
    credentials, at, hosts = rest.rpartition("@")
    hosts, _, path = hosts.partition("/")
    if path not in ("", "0"):
        raise ValueError("a cluster has no databases: nothing may stand behind its nodes")
    if at and not _CREDENTIALS.fullmatch(credentials):
        raise ValueError("before the @ it takes user:password, in which / is written %2F, @ %40 and # %23")
    if {pair.partition("=")[0] for pair in options.split("&") if mark} - _TLS_OPTIONS:
        raise ValueError(f"it takes no options but {', '.join(sorted(_TLS_OPTIONS))}")
    if mark and scheme == "redis+cluster":
        raise ValueError("options are for rediss+cluster:// alone")
    nodes = tuple(dict.fromkeys(_node(one.strip()) for one in hosts.split(",")))
    if len(nodes) > MOST_NODES:
        raise ValueError(f"it names more than {MOST_NODES} nodes; a few are enough")
    return ClusterAddress(SCHEMES[scheme], credentials + at, nodes, mark + options)


def _node(text: str) -> Node:
    match = _NODE.fullmatch(text)
    port = int(match[2] or 6379) if match else 0
    if match is None or not 0 < port < 65_536:
        raise ValueError("it takes nodes by commas, each host:port")
    return Node(match[1].strip("[]"), port)
