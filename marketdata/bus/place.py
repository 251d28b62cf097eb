"""Where an instrument's rows are."""

from typing import NamedTuple


class Place(NamedTuple):
    """The feed and the symbol name its group; on a cluster, feed and underlying decide which node has it."""

    feed: str
    symbol: str
    underlying: str
