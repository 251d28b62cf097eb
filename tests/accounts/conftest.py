"""What tests of accounts share."""

import pytest


@pytest.fixture(autouse=True)
def _keep_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called from a test without a loop, a query runs in the test's own thread; and there Channels would close the
    connection that holds the test's transaction."""
    monkeypatch.setattr("channels.db.close_old_connections", lambda: None)
