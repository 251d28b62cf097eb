"""Where a Redis is: at the address that its URL names, or, with `redis+sentinel://`, wherever the sentinels that watch a
service say its master is now. Pure: `masters` asks them, for `connection` (on a loop) and for `blocking`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

import hiredis

SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
# More than anybody runs; each is asked whenever a connection is opened.
MOST_SENTINELS: Final = 9
SENTINEL_PORT: Final = 26379
# As the sentinels themselves limit a service's name.
_SERVICE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_URL: Final = re.compile(r"(rediss?)\+sentinel://(?:([^@/?#]*)@)?([^@/?#]*)(?:/([^/?#]*))?(?:\?([^#]*))?")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")
_DOWN: Final = (b"s_down", b"o_down")


class AddressError(ValueError):
    """A URL that cannot be used. What it says never repeats the URL, which may hold a password."""


class NoMasterError(ConnectionError):
    """The sentinels name no master that could be used now."""


class Master(NamedTuple):
    """Where it is. `epoch` rises with every failover, so that also a former master that leads again is another one."""

    host: str
    port: int
    epoch: int


class Answer(NamedTuple):
    """What one sentinel says; `down` where it does not reach that master itself."""

    master: Master
    down: bool


@dataclass(frozen=True, repr=False)
class Watched:
    """A service and who watches it, which `address` names as it was written. `scheme`, `login` and `options` are those of
    the master's own URL; `tls` are the options of connections to sentinels, None where these are in clear."""

    address: str
    service: str
    sentinels: tuple[tuple[str, int], ...]
    scheme: str
    login: str
    options: str
    user: str
    password: str
    tls: tuple[tuple[str, str], ...] | None

    @property
    def majority(self) -> int:
        return len(self.sentinels) // 2 + 1

    def url(self, master: Master) -> str:
        """The URL of the master itself."""
        host = f"[{master.host}]" if ":" in master.host else master.host
        return f"{self.scheme}://{self.login}{host}:{master.port}{self.options}"


class Inquiry:
    """One question to one sentinel: `text` is to be sent; `take` gives the answer once all of it has come."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._reader = hiredis.Reader()
        self._address: tuple[str, int] | None = None
        name = watched.service
        # The address by its own command: who leads a failover names the new master there first. The rest from the other.
        commands: list[tuple[str, ...]] = [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), ("SENTINEL", "MASTER", name)]
        if watched.password:
            commands.insert(0, ("AUTH", *([watched.user] if watched.user else []), watched.password))
        self.text = b"".join(hiredis.pack_command(command) for command in commands)  # type: ignore[arg-type]

    def take(self, data: bytes) -> Answer | None:
        """None while more is to come. Raises NoMasterError where there is no answer."""
        if not data:
            raise NoMasterError("closed the connection")
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    raise NoMasterError(f"says {reply}")
                if reply is None:
                    raise NoMasterError(f"knows no service {self._watched.service}")
                if isinstance(reply, list):
                    if self._address is not None:
                        return self._answer(self._address, dict(zip(reply[::2], reply[1::2], strict=True)))
                    self._address = reply[0].decode(), int(reply[1])
        except (hiredis.ProtocolError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise NoMasterError("answers as no sentinel does") from error
        return None

    @staticmethod
    def _answer(address: tuple[str, int], state: dict[bytes, bytes]) -> Answer:
        master = Master(*address, int(state[b"config-epoch"]))
        # While it fails over, its state is still that of the master that is down, and the address that of the new one.
        same = (state[b"ip"].decode(), int(state[b"port"])) == address
        return Answer(master, same and any(flag in _DOWN for flag in state[b"flags"].split(b",")))


def newest(watched: Watched, answers: Sequence[Answer], errors: Sequence[str] = ()) -> Master:
    """The master of the latest failover that any of these knows of. Raises NoMasterError where none answered, or all that
    know of it say that it is down."""
    if not answers:
        raise NoMasterError(
            f"no sentinel of {watched.service} answers: {'; '.join(dict.fromkeys(errors)) or 'none was asked'}"
        )
    epoch = max(answer.master.epoch for answer in answers)
    named = [answer for answer in answers if answer.master.epoch == epoch]
    for answer in named:
        if not answer.down:
            return answer.master
    master = named[0].master
    raise NoMasterError(f"the master of {watched.service}, {master.host}:{master.port}, is down, say its sentinels")


@cache
def watched(url: str) -> Watched | None:
    """What a `redis+sentinel://` URL says; None for the URL of a single server. Raises AddressError."""
    scheme = url.partition("://")[0]
    if not scheme.endswith("+sentinel"):
        return None
    legal = (
        f"it takes {scheme}://user:password@host:port,host:port,host:port/service?db=0, with %2F for / and %40 for @"
    )
    match = _URL.fullmatch(url)
    if match is None:
        raise AddressError(f"cannot be read; {legal}")
    of_master, login, hosts, service, query = (part or "" for part in match.groups())
    if not _SERVICE.fullmatch(service):
        raise AddressError(f"names no service that sentinels could watch; {legal}")
    user, colon, password = login.partition(":")
    if login and not (colon and password):
        raise AddressError(f"has a user without a password; {legal}")
    options = _options(query, of_master == "rediss", legal)
    tls = tuple((name, options[name]) for name in _TLS if name in options) if of_master == "rediss" else None
    if bool(options.get("sentinel_user")) and not options.get("sentinel_password"):
        raise AddressError(f"has a sentinel_user without a sentinel_password; {legal}")
    return Watched(
        address=url,
        service=service,
        sentinels=_sentinels(hosts, legal),
        scheme=of_master,
        login=f"{quote(unquote(user), safe='')}:{quote(unquote(password), safe='')}@" if login else "",
        options=f"/{options.get('db', '0')}" + (f"?{urlencode(tls)}" if tls else ""),
        user=options.get("sentinel_user", ""),
        password=options.get("sentinel_password", ""),
        tls=tls,
    )


def _sentinels(hosts: str, legal: str) -> tuple[tuple[str, int], ...]:
    found = []
    for one in hosts.split(","):
        match = _HOST.fullmatch(one)
        if match is None:
            raise AddressError(f"has a sentinel that is no host:port; {legal}")
        port = int(match[2] or SENTINEL_PORT)
        if not 0 < port < 65536:
            raise AddressError(f"has a port that is none, up to 65535; {legal}")
        found.append((match[1].strip("[]"), port))
    if len(set(found)) != len(found):
        raise AddressError(f"names a sentinel twice; {legal}")
    if len(found) > MOST_SENTINELS:
        raise AddressError(f"names more than {MOST_SENTINELS} sentinels; {legal}")
    return tuple(found)


def _options(query: str, is_tls: bool, legal: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    known = ["db", "sentinel_user", "sentinel_password", *(_TLS if is_tls else ())]
    if any(name not in known for name in options):
        raise AddressError(f"has an option that is unknown; it takes {', '.join(known)}; {legal}")
    if not re.fullmatch(r"\d{1,4}", options.get("db", "0")):
        raise AddressError(f"has a db that is no whole number; {legal}")
    return options
