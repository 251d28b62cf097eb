"""A layer of channels_redis as it comes: LAYER says which, REDIS_URL where."""

import os
from typing import Any

from django.utils.module_loading import import_string


def layer_settings() -> dict[str, Any]:
    """As CHANNEL_LAYERS has it."""
    url = os.environ["REDIS_URL"]
    if os.environ["LAYER"] == "core":
        return {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [url], "capacity": 2_000}}
    return {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}


def stock_layer() -> Any:
    said = layer_settings()
    return import_string(said["BACKEND"])(**said["CONFIG"])
