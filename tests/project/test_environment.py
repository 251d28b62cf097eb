"""The readers of environment variables: what they take, and what they say of what they do not take."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from frontend.checks import settings_are_known
from project import environment as env

NAME = "STRIKEWIRE_TEST_VALUE"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda value: monkeypatch.setenv(NAME, value)


@pytest.mark.parametrize(("value", "read"), [("1", True), (" Yes ", True), ("off", False), ("0", False), ("", True)])
def test_a_flag_takes_the_usual_words(value: str, read: bool, given: Callable[[str], None]) -> None:
    given(value)
    assert env.flag(NAME, default=True) is read


@pytest.mark.parametrize("value", ["7", " 7 "])
def test_a_whole_number_is_read(value: str, given: Callable[[str], None]) -> None:
    given(value)
    assert env.whole(NAME, 3, 1, 10) == 7


def test_what_is_not_set_has_its_default(given: Callable[[str], None]) -> None:
    given("  ")
    assert env.whole(NAME, 3, 1, 10) == 3
    assert env.number(NAME, 2.5, 0, 10) == 2.5
    assert env.text(NAME, "default") == "default"
    assert env.listed(NAME, ("a", "b")) == ["a", "b"]


def test_a_list_leaves_out_what_is_empty(given: Callable[[str], None]) -> None:
    given("a.example, ,b.example,")
    assert env.listed(NAME) == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("read", "value", "legal"),
    [
        (lambda: env.flag(NAME, default=False), "maybe", "1, true, yes, on, or 0, false, no, off"),
        (lambda: env.whole(NAME, 3, 1, 10), "11", "from 1 to 10"),
        (lambda: env.whole(NAME, 3, 1, 10), "0", "from 1 to 10"),
        (lambda: env.whole(NAME, 3, 1, 10), "two", "from 1 to 10"),
        (lambda: env.number(NAME, 3, 0, 10), "nan", "from 0 to 10"),
        (lambda: env.number(NAME, 3, 0, 10), "fast", "from 0 to 10"),
        (lambda: env.choice(NAME, "a", ("a", "b")), "c", "one of a, b"),
        (lambda: env.url(NAME, "redis://x", ("redis", "unix")), "http://x", "redis://, unix://"),
        (lambda: env.database(NAME, ""), "mysql://x/y", "sqlite://, postgresql://, postgres://"),
        (lambda: env.database(NAME, ""), "postgresql://host:123456/name", "up to 65535"),
        (lambda: env.database(NAME, ""), "postgresql://host", "postgresql://host/name"),
        (lambda: env.database(NAME, ""), "postgresql://host/name?ssl=on", "sslmode=require"),
        (lambda: env.database(NAME, ""), "sqlite://var/file", "sqlite:///path"),
        (lambda: env.socket_url(NAME, ""), "https://x", "wss://, ws://"),
        (lambda: env.socket_url(NAME, ""), "wss:///ws/api/v2", "lacks a host"),
        (lambda: env.socket_url(NAME, ""), "wss://x:0/", "lacks a host"),
        (lambda: env.socket_url(NAME, ""), "wss://x:port/", "lacks a host"),
        (lambda: env.database_url(NAME, ""), "sqlite:///", "sqlite:///path"),
        (lambda: env.label(NAME, ""), "the desk", "letters, digits, ., _ and -"),
        (lambda: env.label(NAME, ""), "desk{1}", "letters, digits, ., _ and -"),
        (lambda: env.hosts(NAME, ()), "https://desk.example.org", "without a scheme, a port or a path"),
        (lambda: env.hosts(NAME, ()), "a.example,desk.example.org:443", "without a scheme, a port or a path"),
        (lambda: env.hosts(NAME, ()), "::1", "[::1]"),
        (lambda: env.origins(NAME), "desk.example.org", "https://desk.example.org"),
        (lambda: env.origins(NAME), "https://desk.example.org/", "https://desk.example.org"),
        (lambda: env.origins(NAME), "https://*.example.org", "https://desk.example.org"),
    ],
)
def test_a_bad_value_names_the_variable_and_what_it_takes(
    read: Callable[[], object], value: str, legal: str, given: Callable[[str], None]
) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured) as raised:
        read()
    assert NAME in str(raised.value)
    assert legal in str(raised.value)


def test_a_redis_is_one_server_or_a_service_that_sentinels_watch(given: Callable[[str], None]) -> None:
    for value in (
        "unix:///run/redis.sock?db=2",
        "redis://h",
        "redis://:x@[::1]:1/",
        "rediss://h:1/2",
        "redis+sentinel://ann:x@a:1,b,[::1]:2/desk?db=1",
    ):
        given(value)
        assert env.redis(NAME, "") == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("http://ann:the-secret@h", "redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://"),
        ("redis+sentinel://ann:the-secret@a,b", f"{NAME} names no service that sentinels could watch; it takes redis+"),
        ("redis+sentinel://ann:the-secret@a:1/desk?timeout=1", "it takes db, sentinel_user"),
        ("http+sentinel://ann:the-secret@a/desk", f"{NAME} cannot be read"),
        ("redis://ann:the-secret@a:99999", "has a port that is none"),
        ("redis://ann:the-secret#@a", "%23"),
        ("redis://ann:the-sec/ret@a", "%2F"),
        ("redis://ann:the-secret@a:1/desk", "number of a database"),
        ("redis://ann:the-secret@", "names no host"),
        ("unix://", "names no socket"),
    ],
)
def test_a_redis_that_cannot_be_is_named_and_its_password_never(
    value: str, said: str, given: Callable[[str], None]
) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured) as raised:
        env.redis(NAME, "")
    assert NAME in str(raised.value)
    assert said in str(raised.value)
    assert "the-secret" not in str(raised.value)


def test_a_password_in_a_bad_url_is_not_repeated(given: Callable[[str], None]) -> None:
    given("http://user:the-secret@host/name")
    with pytest.raises(ImproperlyConfigured) as raised:
        env.database(NAME, "")
    assert "the-secret" not in str(raised.value)


def test_a_postgresql_url_is_taken_apart(given: Callable[[str], None]) -> None:
    given("postgresql://us%40er:p%2Fw@db.example:5433/quotes?sslmode=require")
    database = env.database(NAME, "")
    assert database["ENGINE"] == "django.db.backends.postgresql"
    parts = [database[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")]
    assert parts == ["us@er", "p/w", "db.example", "5433", "quotes"]
    assert database["OPTIONS"] == {"pool": True, "sslmode": "require"}


def test_the_sites_names_and_origins_are_read_as_they_are_met(given: Callable[[str], None]) -> None:
    given("desk.example.org, .example.com,10.0.0.5,[2001:db8::1],*,localhost")
    assert env.hosts(NAME, ()) == ["desk.example.org", ".example.com", "10.0.0.5", "[2001:db8::1]", "*", "localhost"]
    given("https://Desk.example.org, http://[::1]:8000")
    assert env.origins(NAME) == ["https://desk.example.org", "http://[::1]:8000"]
    given("desk.eu-1_a")
    assert env.label(NAME, "") == "desk.eu-1_a"


def test_a_kept_text_that_is_empty_is_told_of_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match=r"secret_key is empty: .* delete it"):
        env.kept(tmp_path / "secret_key", 48)


def test_a_postgresql_on_a_socket_is_found(given: Callable[[str], None]) -> None:
    given("postgresql://postgres@/quotes?host=/run/postgresql")
    database = env.database(NAME, "")
    assert (database["HOST"], database["PORT"]) == ("/run/postgresql", "")


def test_a_sqlite_url_names_a_file(given: Callable[[str], None]) -> None:
    given("sqlite:////var/lib/a%20place/strikewire.sqlite3")
    assert env.database(NAME, "")["NAME"] == "/var/lib/a place/strikewire.sqlite3"


def test_a_kept_text_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret_key"
    text = env.kept(path, 48)
    assert len(text) >= 48
    assert env.kept(path, 48) == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_all_that_start_at_once_have_the_same_kept_text(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        texts = set(threads.map(lambda _: env.kept(tmp_path / "secret_key", 48), range(64)))
    assert len(texts) == 1
    assert "" not in texts


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImproperlyConfigured, match=r"file/secret_key can be neither read nor made .*STRIKEWIRE_VAR"):
        env.kept(tmp_path / "file" / "secret_key", 48)


def test_names_of_feeds_are_given_by_commas_or_none(given: Callable[[str], None]) -> None:
    assert env.names(NAME, ("simulated",)) == ["simulated"]
    given("opra, my_feed-2")
    assert env.names(NAME, ("simulated",)) == ["opra", "my_feed-2"]
    given("none")
    assert env.names(NAME, ("simulated",)) == []
    for wrong in ("a b", "x" * 33, "opra.SPX", "none,opra"):
        given(wrong)
        with pytest.raises(ImproperlyConfigured, match=f"{NAME} has .* takes names by commas"):
            env.names(NAME, ())


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("", ("console", "", 0, "", "", False, False)),
        ("smtp://ann:s%40e%2Fcret@mail.example.org", ("smtp", "mail.example.org", 587, "ann", "s@e/cret", True, False)),
        ("smtp://mail.example.org:2525", ("smtp", "mail.example.org", 2525, "", "", True, False)),
        ("smtp://localhost:25?starttls=no", ("smtp", "localhost", 25, "", "", False, False)),
        ("smtps://ann:x@mail.example.org", ("smtp", "mail.example.org", 465, "ann", "x", False, True)),
    ],
)
def test_a_way_to_send_mail_is_taken_apart(value: str, read: tuple[object, ...], given: Callable[[str], None]) -> None:
    given(value)
    mail = env.mail(NAME, "console://")
    backend = mail["backend"].split(".")[-2]
    parts = (mail["host"], mail["port"], mail["user"], mail["password"], mail["starttls"], mail["tls"])
    assert (backend, *parts) == read


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("http://ann:the-secret@host", "console://, smtp://, smtps://"),
        ("console://ann:the-secret@host", "takes nothing else"),
        ("smtp://ann:the-secret@", "names no host"),
        ("smtp://ann:the-secret@host:123456", "up to 65535"),
        ("smtp://ann:the-secret@host:x", "up to 65535"),
        ("smtp://ann:the-sec/ret@host", "%2F"),
        ("smtp://ann:the-secret#@host", "%23"),
        ("smtp://:the-secret@host", "user without a password, or the reverse"),
        ("smtp://ann@host", "user without a password, or the reverse"),
        ("smtp://ann:the-secret@host?starttls=no", "in clear"),
        ("smtp://host?tls=maybe", "?starttls=no"),
        ("smtps://host?starttls=no", "smtps:// none"),
        ("smtp://[host", "bracket"),
    ],
)
def test_a_bad_way_to_send_mail_is_named_and_its_password_never(
    value: str, said: str, given: Callable[[str], None]
) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured) as raised:
        env.mail(NAME, "console://")
    assert NAME in str(raised.value)
    assert said in str(raised.value)
    assert "the-sec" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "read"),
    [("desk@example.org", "desk@example.org"), ("The Desk <desk@example.org>", "The Desk <desk@example.org>")],
)
def test_a_sender_is_an_address_with_or_without_words(value: str, read: str, given: Callable[[str], None]) -> None:
    given(value)
    assert env.sender(NAME, "x@example.org") == read


@pytest.mark.parametrize("value", ["desk", "Desk <desk>", "desk@example.org\nBcc: x@example.org", "a@example.org, b"])
def test_what_is_no_sender_is_refused(value: str, given: Callable[[str], None]) -> None:
    given(value)
    with pytest.raises(ImproperlyConfigured, match=r"name@example\.org"):
        env.sender(NAME, "x@example.org")


def test_a_setting_that_is_spelt_wrongly_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIKEWIRE_HTPS", "yes")
    monkeypatch.setenv("STRIKEWIRE_COLOUR", "blue")
    assert env.unknown() == [
        "STRIKEWIRE_COLOUR is no setting, and has no effect.",
        "STRIKEWIRE_HTPS is no setting, and has no effect; there is STRIKEWIRE_HTTPS.",
    ]
    assert [one.id for one in settings_are_known(None)] == ["frontend.W006"] * 2


def test_what_tests_and_scripts_read_is_no_such_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIKEWIRE_SAMPLE_DATA", "STRIKEWIRE_TEST_REDIS_URL", "STRIKEWIRE_PROGRAM", "STRIKEWIRE_VAR"):
        monkeypatch.setenv(name, "x")
    assert env.unknown() == []
