"""The history server's own fence, where a feed is split: each share has its highest term, and who leads a feed that was
split otherwise since is refused.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis

from marketdata.bus import keys
from marketdata.bus.client import Client
from marketdata.bus.history_stream import HistoryOptions, HistoryStream
from marketdata.bus.lease import LeaseLostError
from marketdata.bus.spill import HistoryBatch
from marketdata.shares import WHOLE, Share
from tests.valkey import RunningValkey

FEED = "simulated"


class Writers:
    def __init__(self, url: str, folder: Path) -> None:
        self._options = HistoryOptions(url, folder)
        self._client = Client(url, "test")
        self._streams: dict[Share, HistoryStream] = {}

    async def append(self, share: Share, term: int) -> bool:
        """Whether the server took it; False where it refused."""
        stream = self._streams.setdefault(share, HistoryStream(self._client, FEED, self._options, share))
        try:
            return await stream.append(term, 1, b"[1,2,3,4]")
        except LeaseLostError:
            return False

    async def add_late(self, share: Share, term: int) -> None:
        """What another process of the feed left, as the share's leader brings it out."""
        await self._streams[share]._add(HistoryBatch(term, 1, b"[1,2,3,4]"), late=True)

    def close(self) -> None:
        self._client.close()


@pytest.fixture
async def writers(server: RunningValkey, tmp_path: Path) -> AsyncIterator[Writers]:
    writers = Writers(server.url, tmp_path)
    yield writers
    writers.close()


async def test_the_share_of_the_lower_term_is_not_refused(writers: Writers) -> None:
    for _ in range(3):
        assert await writers.append(Share(2, 2), 20)
        assert await writers.append(Share(1, 2), 10)


async def test_a_deposed_leader_of_the_same_share_is_refused(writers: Writers) -> None:
    assert await writers.append(Share(1, 2), 10)
    assert await writers.append(Share(2, 2), 11)
    assert await writers.append(Share(1, 2), 12)
    assert not await writers.append(Share(1, 2), 10)
    assert await writers.append(Share(2, 2), 11)


@pytest.mark.parametrize(("old", "new"), [(2, 3), (3, 2), (1, 2), (2, 1)])
async def test_who_led_before_the_feed_was_split_anew_is_refused(writers: Writers, old: int, new: int) -> None:
    assert await writers.append(Share(1, old), 10)
    assert await writers.append(Share(1, new), 20)
    assert not await writers.append(Share(1, old), 10)
    if new > 1:
        assert await writers.append(Share(2, new), 21)
        assert await writers.append(Share(1, new), 20)
    assert await writers.append(Share(1, old), 30)  # and as before again
    assert not await writers.append(Share(1, new), 20)


async def test_what_comes_late_of_another_share_deposes_nobody(writers: Writers) -> None:
    assert await writers.append(Share(1, 2), 10)
    await writers.add_late(Share(1, 2), 15)
    assert await writers.append(Share(1, 2), 10)


async def test_a_feed_that_is_not_split_has_the_one_key(writers: Writers, server: RunningValkey) -> None:
    assert await writers.append(WHOLE, 10)
    with Redis.from_url(server.url, socket_timeout=5) as admin:
        assert admin.get(keys.history_term(FEED)) == b"10"
        assert not admin.exists(keys.history_share_terms(FEED))
