"""Which share of a feed an underlying is in, where a feed is split over several leaders. Pure: the symbol alone decides, so
that every process, now and later, says the same.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from .facts import InstrumentFacts

# More leaders than one Redis can take the rows of.
MOST: Final = 64


class Share(NamedTuple):
    """Share `number` (from 1) `of` so many: an underlying with all instruments on it is in exactly one of them."""

    number: int = 1
    of: int = 1

    @property
    def is_whole(self) -> bool:
        return self.of == 1

    def holds(self, underlying: str) -> bool:
        return self.of == 1 or _place(underlying) % self.of == self.number - 1

    def own(self, listed: Iterable[InstrumentFacts]) -> list[InstrumentFacts]:
        """Those that are in it."""
        return [facts for facts in listed if self.holds(facts.underlying)]

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


# A feed that is not split.
WHOLE: Final = Share()


def shares_of(count: int) -> list[Share]:
    """All of a feed that is split in `count`."""
    return [Share(number, count) for number in range(1, count + 1)]


# Chosen among many so that what trades most (SPX, SPY, QQQ, TSLA; BTC and ETH; the simulated market) is spread over two,
# three and four shares. It may never change: two versions that differ in it would both write an instrument.
_SALT: Final = b"\x00\x00\x16\x64"


# Not Python's own hash, which differs between processes.
@lru_cache(maxsize=65_536)
def _place(underlying: str) -> int:
    return int.from_bytes(blake2b(underlying.encode(), digest_size=8, salt=_SALT).digest())
