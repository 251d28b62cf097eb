"""What tests of the matrix share."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pytest_django import Settings

from marketdata.history.database import history
from tests.rest.conftest import _cheap_passwords as _cheap_passwords
from tests.rest.conftest import _keep_the_connection as _keep_the_connection


@pytest.fixture
def history_database(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """Empty. Who may read is not decided there: one kind of database is enough."""
    settings.HISTORY_DATABASE_URL = f"sqlite:///{quote(str(tmp_path / 'history.sqlite3'))}"
    database = history()
    database.connect().close()
    yield
    database.close()
