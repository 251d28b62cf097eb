"""Typed readers of environment variables, for `settings.py` alone. A bad value stops the start, naming its variable."""

import difflib
import math
import os
import re
import secrets
from collections.abc import Sequence
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Final, TypedDict
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from marketdata.bus import cluster_address, servers, tls

_PREFIX: Final = "STRIKEWIRE_"
# Read elsewhere: by scripts and tests, and between processes of ours.
_OTHERS: Final = re.compile(
    r"STRIKEWIRE_(TEST_.*|PROGRAM|SAMPLE_DATA|REQUIRE_ALL|DEADLINE_FACTOR|LISTENER|READY|URL|TOKEN)"
)
_read: set[str] = set()


def _given(name: str) -> str:
    _read.add(name)
    return os.environ.get(name, "").strip()


def unknown() -> list[str]:
    """A sentence for each variable that is named like a setting and is none, once the settings are read."""
    found = sorted(name for name in os.environ if name.startswith(_PREFIX) and name not in _read)
    return [_unknown(name) for name in found if not _OTHERS.fullmatch(name)]


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _read, 1, 0.8)
    return f"{name} is no setting, and has no effect{f'; there is {near[0]}' if near else ''}."


def text(name: str, default: str) -> str:
    return _given(name) or default


def flag(name: str, default: bool) -> bool:
    value = _given(name).lower()
    if value in ("", "1", "true", "yes", "on", "0", "false", "no", "off"):
        return value in ("1", "true", "yes", "on") if value else default
    raise ImproperlyConfigured(f"{name} is {value!r}; it takes 1, true, yes, on, or 0, false, no, off.")


def whole(name: str, default: int, least: int, most: int) -> int:
    value = _given(name)
    try:
        number = int(value) if value else default
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a whole number from {least} to {most}.")
    return number


def number(name: str, default: float, least: float, most: float) -> float:
    value = _given(name)
    try:
        amount = float(value) if value else default
    except ValueError:
        amount = math.nan
    if not least <= amount <= most:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a number from {least:g} to {most:g}.")
    return amount


def choice(name: str, default: str, legal: Sequence[str]) -> str:
    value = text(name, default)
    if value not in legal:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes one of {', '.join(legal)}.")
    return value


def listed(name: str, default: Sequence[str] = ()) -> list[str]:
    return [part.strip() for part in _given(name).split(",") if part.strip()] or list(default)


def names(name: str, default: Sequence[str]) -> list[str]:
    """Names of feeds, by commas; `none` is none of them."""
    found = listed(name, default)
    if found == ["none"]:
        return []
    for one in found:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", one) or one == "none":
            raise ImproperlyConfigured(
                f"{name} has {one!r}; it takes names by commas, each of up to 32 letters, digits, _ and -, or none."
            )
    return found


def label(name: str, default: str) -> str:
    """What keys and groups in Redis begin with: nothing that a pattern, a slot or an access rule would read otherwise."""
    value = text(name, default)
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes 1 to 64 letters, digits, ., _ and -.")
    return value


_HOST = r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])"


def hosts(name: str, default: Sequence[str]) -> list[str]:
    """Names of a site, by commas: with a scheme, a port or a path in them they would never be met."""
    found = listed(name, default)
    for one in found:
        if one != "*" and not re.fullmatch(rf"\.?{_HOST}\.?", one):
            raise ImproperlyConfigured(
                f"{name} has {one!r}; it takes names by commas, without a scheme, a port or a path: desk.example.org, "
                "127.0.0.1 or [::1]; .example.org is that and all names under it."
            )
    return found


def origins(name: str) -> list[str]:
    """Origins as browsers write them, by commas: scheme, host and port alone."""
    found = [one.lower() for one in listed(name)]
    for one in found:
        if not re.fullmatch(rf"https?://{_HOST}(:\d{{1,5}})?", one):
            raise ImproperlyConfigured(
                f"{name} has {one!r}; it takes origins by commas, each a scheme, a host and nothing but a port after it: "
                "https://desk.example.org, or http://10.0.0.5:8080."
            )
    return found


def url(name: str, default: str, schemes: Sequence[str]) -> str:
    value = text(name, default)
    try:
        scheme = urlsplit(value).scheme
    except ValueError:
        raise ImproperlyConfigured(f"{name} is no address: its host has a bracket too few.") from None
    if scheme not in schemes:
        raise ImproperlyConfigured(f"{name} has to start with one of {', '.join(s + '://' for s in schemes)}.")
    return value


def socket_url(name: str, default: str) -> str:
    """Where a provider's WebSocket is."""
    value = url(name, default, ("wss", "ws"))
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or not parts.hostname:
        raise ImproperlyConfigured(f"{name} lacks a host, or has a port that is none; it takes wss://host:port/path.")
    return value


def redis(name: str, default: str) -> str:
    """Where a Redis is, in one of the ways of `marketdata.bus.servers`. An error never repeats the value, which may hold a
    password."""
    value = url(name, default, servers.SCHEMES) if "+sentinel://" not in text(name, default) else text(name, default)
    try:
        found = servers.watched(value)
    except servers.AddressError as error:
        raise ImproperlyConfigured(f"{name} {error}.") from None
    if found is None:
        _check_server(name, value)
    if value.startswith("rediss"):
        _check_tls(name, value if found is None else found.url(servers.Master("localhost", 6379, 0)))
    return value


def _check_server(name: str, value: str) -> None:
    """What redis-py would pass over, such as a database that is no number, or say with half of the password in it."""
    parts = urlsplit(value)
    if parts.scheme == "unix":
        if not parts.path.strip("/") or parts.fragment:
            raise ImproperlyConfigured(f"{name} names no socket; it takes unix:///run/redis.sock, with %23 for #.")
        return
    legal = f"it takes {parts.scheme}://user:password@host:port/0; in a password, / is %2F, @ is %40 and # is %23"
    try:
        port = parts.port
    except ValueError:  # which repeats what it took for the port
        port = 0
    if port == 0:
        raise ImproperlyConfigured(f"{name} has a port that is none, from 1 to 65535; {legal}.")
    if not parts.hostname:
        raise ImproperlyConfigured(f"{name} names no host; {legal}.")
    if not re.fullmatch(r"/?|/\d{1,4}", parts.path) or parts.fragment:
        raise ImproperlyConfigured(f"{name} has something else than the number of a database after its host; {legal}.")


def cluster(name: str, first_name: str, first: str) -> str:
    """Where a cluster is, as `marketdata.bus.cluster_address` has it; nothing where the one server named first is to do. An
    error never repeats the value."""
    value = text(name, "")
    if value in ("", first):
        return ""
    try:
        address = cluster_address.parse(value)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} cannot be used: {error}. It takes redis+cluster://host:port,host:port, or is left out: then "
            f"{first_name} does."
        ) from None
    if address.scheme == "rediss":
        _check_tls(name, address.url(address.nodes[0]))
    return value


def _check_tls(name: str, address: str) -> None:
    """Files that are not there are told of at once, and not by every connection to a server's `address`."""
    options = dict(parse_qsl(urlsplit(address).query))
    try:
        tls.context(options)
    except tls.TlsOptionError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


class Mail(TypedDict):
    """Django's settings of one way to send mail."""

    backend: str
    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


def mail(name: str, default: str) -> Mail:
    """How mail is sent, from `console://`, `smtp://user:password@host:587` (STARTTLS) or `smtps://…` (TLS from the start).
    `smtp://host:25?starttls=no` is for a relay on one's own machine, and takes no password. An error never repeats the
    value, which may hold one."""
    value = url(name, default, ("console", "smtp", "smtps"))
    parts = urlsplit(value)
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if parts.scheme == "console":
        if value != "console://":
            raise ImproperlyConfigured(f"{name} says more than console://, which takes nothing else.")
        backend = "django.core.mail.backends.console.EmailBackend"
        return Mail(backend=backend, host="", port=0, user="", password="", starttls=False, tls=False)
    legal = f"it takes {parts.scheme}://user:password@host:port; in a password, / is %2F, @ is %40 and # is %23"
    try:
        port = parts.port or {"smtp": 587, "smtps": 465}[parts.scheme]
        host = parts.hostname or ""
    except ValueError:  # which repeats what it took for the port, and that may be half a password
        raise ImproperlyConfigured(f"{name} has a port that is none, up to 65535; {legal}.") from None
    if not host:
        raise ImproperlyConfigured(f"{name} names no host; {legal}.")
    if parts.path not in ("", "/") or parts.fragment:
        raise ImproperlyConfigured(f"{name} goes on after the host; {legal}.")
    if parts.query not in ("", "starttls=no") or (parts.query and parts.scheme == "smtps"):
        raise ImproperlyConfigured(f"{name} has an option that is unknown; smtp:// takes ?starttls=no, smtps:// none.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ImproperlyConfigured(f"{name} has a user without a password, or the reverse; {legal}.")
    if password and parts.query:
        raise ImproperlyConfigured(f"{name} would send its password in clear; leave ?starttls=no away.")
    starttls = parts.scheme == "smtp" and not parts.query
    return Mail(
        backend=backend,
        host=host,
        port=port,
        user=user,
        password=password,
        starttls=starttls,
        tls=parts.scheme == "smtps",
    )


def sender(name: str, default: str) -> str:
    """Whom mail comes from: `name@example.org`, or `Words <name@example.org>`."""
    value = text(name, default)
    words, address = parseaddr(value) if "," not in value else ("", "")
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    if not address or not value.isprintable():
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes name@example.org, or Words <name@example.org>.")
    return formataddr((words, address)) if words else address


def kept(path: Path, length: int) -> str:
    """A random text made once and kept in a file that only its owner may read."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            with open(fresh, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(secrets.token_urlsafe(length) + "\n")
            try:
                # Whole or not at all: a process that starts at the same time must not read half of it.
                os.link(fresh, path)
            except FileExistsError:
                pass  # that other process was first, and its text holds
            finally:
                fresh.unlink()
        kept_text = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} can be neither read nor made ({error.strerror}); see STRIKEWIRE_VAR."
        ) from error
    if not kept_text:  # a disk that was full, or a machine that lost its power
        raise ImproperlyConfigured(f"{path} is empty: bring it back from a copy, or delete it to have a new one made.")
    return kept_text


def database_url(name: str, default: str) -> str:
    """A URL that `database` can take apart, whole."""
    database(name, default)
    return text(name, default)


def database(name: str, default: str) -> dict[str, object]:
    """A Django database from `sqlite:///path` or `postgresql://user:password@host:port/name?option=value`."""
    value = url(name, default, ("sqlite", "postgresql", "postgres"))
    parts = urlsplit(value)
    try:
        port = str(parts.port or "")
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a port that is none; it takes a number up to 65535.") from None
    if not parts.path[1:]:
        raise ImproperlyConfigured(f"{name} names no database; it takes sqlite:///path or postgresql://host/name.")
    if parts.fragment:
        raise ImproperlyConfigured(f"{name} has a #, which ends an address; in a password or a name it is %23.")
    if parts.scheme == "sqlite":
        if parts.netloc:
            raise ImproperlyConfigured(
                f"{name} has two slashes before its path; it takes sqlite:///path, and sqlite:////path from the root."
            )
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]),
            "OPTIONS": {
                # IMMEDIATE takes the write lock at BEGIN: a transaction that reads and then writes waits its turn
                # for `timeout` seconds, where a deferred one would fail at once with "database is locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
            # A file for tests too: in a database in memory, threads meet table locks that no timeout waits for.
            "TEST": {"NAME": f"{unquote(parts.path[1:])}.test"},
        }
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    _check_postgresql(name, options)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or options.pop("host", "")),
        "PORT": port or options.pop("port", ""),
        # Under ASGI a connection per thread would never be given back: the pool is the one keeper of connections.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"pool": True, **options},
    }


def _check_postgresql(name: str, options: dict[str, str]) -> None:
    """An option that libpq does not know would be told of by every connection, and by none that a person sees."""
    if not options:
        return
    import psycopg

    for option in options:
        try:
            psycopg.conninfo.make_conninfo("", **{option: ""})
        except psycopg.ProgrammingError:
            raise ImproperlyConfigured(
                f"{name} has the option {option!r}, which PostgreSQL does not know; after the ? it takes such as "
                "sslmode=require, sslrootcert=/path, host=/run/postgresql."
            ) from None
