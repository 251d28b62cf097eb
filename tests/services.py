"""The pytest plugin that gives every run servers of its own, before Django reads its settings. Loaded by `-p
tests.services`; each xdist worker has its own Valkey, and all share one PostgreSQL where that is asked for.

STRIKEWIRE_TEST_REDIS_URL    use this server instead; only keys of the run's own installation are deleted there
STRIKEWIRE_TEST_DATABASE     `postgresql`: start one and point DATABASE_URL at it, unless that names one already
STRIKEWIRE_REQUIRE_ALL       `1`: a skipped test is a failed one, save where recorded data is not there at all
"""

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from .open_feeds import OPEN_FEEDS
from .postgresql import RunningPostgreSQL, start_postgresql
from .valkey import RunningValkey, free_port, start_valkey

__all__ = ["RunningPostgreSQL", "RunningValkey", "chromium", "free_port", "start_postgresql", "start_valkey"]


class Services:
    """What this process of the run started."""

    def __init__(self) -> None:
        # A short path: the sockets below it have to fit into 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="strikewire-test-", dir="/tmp"))
        self.directory.chmod(0o755)  # PostgreSQL's user has to pass
        self.valkey: RunningValkey | None = None
        self.postgresql: RunningPostgreSQL | None = None
        self._stopped = False
        atexit.register(self.stop)

    def start_valkey(self) -> str:
        given = os.environ.get("STRIKEWIRE_TEST_REDIS_URL")
        if given:
            return given
        self.valkey = start_valkey(self.directory / "valkey")
        return self.valkey.url

    def start_postgresql(self) -> str:
        self.postgresql = self.postgresql or start_postgresql(self.directory / "postgresql")
        return self.postgresql.url

    def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        try:
            if self.valkey is not None:
                self.valkey.stop()
        finally:
            try:
                if self.postgresql is not None:
                    self.postgresql.stop()
            finally:
                shutil.rmtree(self.directory, ignore_errors=True)


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

_services = pytest.StashKey[Services]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """A wrapper, so that it runs before pytest-django's own, which loads the settings."""
    services = early_config.stash[_services] = Services()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    controls_workers = not is_worker and bool(getattr(early_config.known_args_namespace, "numprocesses", None))
    (services.directory / "var").mkdir()
    os.environ["STRIKEWIRE_VAR"] = str(services.directory / "var")
    os.environ["STRIKEWIRE_INSTALLATION"] = f"test-{secrets.token_hex(4)}"
    os.environ["STRIKEWIRE_SECRET_KEY"] = secrets.token_urlsafe(48)
    os.environ["STRIKEWIRE_OPEN_FEEDS"] = OPEN_FEEDS
    if controls_workers:
        # Set, and not only unset: no test may ever reach the server that a shell happens to name.
        os.environ["REDIS_URL"] = os.environ["HISTORY_REDIS_URL"] = f"unix://{services.directory}/none.sock"
    else:
        os.environ["REDIS_URL"] = os.environ["HISTORY_REDIS_URL"] = services.start_valkey()
    wanted = os.environ.get("STRIKEWIRE_TEST_DATABASE", "")
    if wanted not in ("", "sqlite", "postgresql"):
        raise pytest.UsageError(f"STRIKEWIRE_TEST_DATABASE is {wanted!r}; it takes sqlite or postgresql.")
    if wanted == "postgresql" and not is_worker and not _names_postgresql():
        os.environ["DATABASE_URL"] = services.start_postgresql()
    return (yield)


def _names_postgresql() -> bool:
    return os.environ.get("DATABASE_URL", "").startswith(("postgresql://", "postgres://"))


def pytest_unconfigure(config: pytest.Config) -> None:
    services = config.stash.get(_services, None)
    if services is not None:
        services.stop()


def chromium() -> str | None:
    """The Chromium that browser tests drive: the first of the usual names on the PATH."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    browser = chromium()
    skip = pytest.mark.skip(reason="none of chromium, chromium-browser and google-chrome is on the PATH")
    for item in items:
        if browser is None and item.get_closest_marker("browser"):
            item.add_marker(skip)
        # pytest-django's fixture, which every way to the database goes through: by `db`, by a user of the cast, by a mark.
        names = getattr(item, "fixturenames", ())
        # A test of history runs on both kinds of its own database in any case: it is of the one pass alone.
        once = "history_database" in names or item.get_closest_marker("either_database")
        if (item.get_closest_marker("django_db") or "_django_db_helper" in names) and not once:
            item.add_marker("database")


def _refuse_skip(report: Report) -> Report:
    """Where nothing may be skipped, the skipped `report` as a failed one. An expected failure is not a skip."""
    if os.environ.get("STRIKEWIRE_REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "STRIKEWIRE_SAMPLE_DATA" in reason and "STRIKEWIRE_SAMPLE_DATA" not in os.environ:
            return report  # recorded data is not for everybody; a twin on a fixture of our own has run
        report.outcome = "failed"
        if isinstance(report, pytest.TestReport):
            report.when = "call"  # counted as a failed test; a mark's skip happens in set-up, which would be an error
        report.longrepr = f"skipped although STRIKEWIRE_REQUIRE_ALL: {reason.removeprefix('Skipped: ')}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a real PostgreSQL: DATABASE_URL if it is one, else one that is started for this process."""
    if _names_postgresql():
        yield os.environ["DATABASE_URL"]
        return
    yield request.config.stash[_services].start_postgresql()


@pytest.fixture(scope="session")
def own_servers(request: pytest.FixtureRequest) -> bool:
    """Whether this worker's Valkey was started by the run, so that a test may flush it."""
    return request.config.stash[_services].valkey is not None
