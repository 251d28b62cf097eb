"""Fixtures that every test may use: the worker's Redis and the cast of users."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connections
from redis import Redis

from accounts import feed_use
from accounts.models import User

PASSWORD = "correct horse 7 battery"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """pytest-django's own; before it drops the database, the thread in which coroutines ask gives its connection back:
    whichever test used it last."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result(10)


@pytest.fixture(autouse=True)
def _first_use_of_every_feed() -> None:
    """Each test has users of its own, whose ids others had before."""
    feed_use.forget()


@pytest.fixture
def redis_client(own_servers: bool) -> Iterator[Redis]:
    """A client of the worker's server, emptied before the test. Values are bytes."""
    with Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5) as client:
        if own_servers:
            client.flushall()
        else:
            for key in client.scan_iter(match=f"{settings.INSTALLATION}:*", count=1000):
                client.delete(key)
        yield client


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary folder whose path leaves room for a Unix socket's name, which pytest's own does not."""
    path = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def _user(name: str, **changes: bool) -> User:
    return User.objects.create_user(name, email=f"{name}@example.org", password=PASSWORD, **changes)


@pytest.fixture
def owner(db: None) -> User:
    """The user whose things a test is about."""
    return _user("owner")


@pytest.fixture
def stranger(db: None) -> User:
    """Another user, who must not see or touch what is the owner's."""
    return _user("stranger")


@pytest.fixture
def staff(db: None) -> User:
    """An administrator."""
    return _user("staff", is_staff=True, is_superuser=True)
