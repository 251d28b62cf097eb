"""Every feed there is, by name: the one list that a new venue is added to."""

import datetime as dt
import importlib
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

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

# How a feed's trading days run: a time of day with its zone, at which a day of a market that never closes ends and the next
# one begins; or "us_options", the hours of the American options exchanges. A feed that is not named here has days of UTC.
# `history` asks it, also for feeds that are only imported (`lean`: minute bars of American options and stocks).
Trading = dt.time | Literal["us_options"]
TRADING_DAYS: Final[dict[str, Trading]] = {
    "simulated": dt.time(tzinfo=ZoneInfo("America/New_York")),
    "replay": dt.time(8, tzinfo=dt.UTC),  # its captures are Deribit's
    "deribit": dt.time(8, tzinfo=dt.UTC),
    "lean": "us_options",
}


def build(name: str, options: Any) -> Feed:
    """The feed called `name` with its `options` (the entry of settings.FEEDS). Raises PermanentFeedError by name."""
    if name not in FEEDS:
        raise PermanentFeedError(f"there is no feed {name!r}; there are {', '.join(sorted(FEEDS))}")
    feed: Feed = importlib.import_module(FEEDS[name]).build(options)
    return feed
