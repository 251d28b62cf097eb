"""Every feed there is, by name: the one list that a new venue is added to."""

import importlib
from typing import Any, Final

from .base import CoverageRule, Feed, PermanentFeedError

# name -> where its `build(options)` stands; imported only when asked for, so that no venue costs another's start.
FEEDS: Final = {
    "simulated": "marketdata.feeds.simulated.market",
    "replay": "marketdata.feeds.replay.player",
    "deribit": "marketdata.feeds.deribit.feed",
}

# What is covered of a feed for which the administrator has made no rule. A feed that is not named here covers all that it
# lists; a real venue lists more than anyone watches.
DEFAULT_COVERAGE: Final = {
    "deribit": (CoverageRule(expiry_days=14, strike_percent=10),),
}


def build(name: str, options: Any) -> Feed:
    """The feed called `name` with its `options` (the entry of settings.FEEDS). Raises PermanentFeedError by name."""
    if name not in FEEDS:
        raise PermanentFeedError(f"there is no feed {name!r}; there are {', '.join(sorted(FEEDS))}")
    feed: Feed = importlib.import_module(FEEDS[name]).build(options)
    return feed
