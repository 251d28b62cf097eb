"""With which options a feed is built: the environment's, and over them the administrator's."""

from typing import Any

from django.conf import settings

from ..models import FeedSettings


def options_of(feed: str) -> dict[str, Any]:
    """Blocking. Raises KeyError for a feed that the settings do not know."""
    stored = FeedSettings.objects.filter(feed=feed).first()
    environment: dict[str, Any] = dict(settings.FEEDS[feed])  # type: ignore[call-overload]
    return {**environment, **stored.options} if stored is not None else environment
