"""With which options a feed is built: the environment's, and over them the administrator's; and how it is recorded."""

from typing import Any

from django.conf import settings

from ..bus.history_stream import HistoryOptions
from ..models import FeedSettings


def options_of(feed: str) -> dict[str, Any]:
    """Blocking. Raises KeyError for a feed that the settings do not know."""
    stored = FeedSettings.objects.filter(feed=feed).first()
    environment: dict[str, Any] = dict(settings.FEEDS[feed])  # type: ignore[call-overload]
    return {**environment, **stored.options} if stored is not None else environment


def history_of(kind: str) -> HistoryOptions | None:
    """How a feed of that kind is recorded; None where it is not."""
    if not settings.RECORD_HISTORY or (kind == "replay" and not settings.RECORD_REPLAY):
        return None
    return HistoryOptions(
        settings.HISTORY_REDIS_URL,
        settings.VAR_DIR / "spill",
        settings.HISTORY_STREAM_MB * 1_000_000,
        settings.HISTORY_SPILL_MB * 1_000_000,
    )
