"""Which of Deribit's channels carry what is covered, and over which connection. Pure; `feed` asks, `connection`
subscribes.

A topic is a channel's name without its interval. Every covered option has its ticker while there is room; for those
beyond, the mark-price channel of their index brings mark and volatility, without a book.
"""

from collections.abc import Iterable, Sequence
from typing import Final

INTERVALS: Final = ("raw", "100ms", "agg2")
# The topics that come at an interval of the subscriber's choosing.
_TIMED: Final = ("ticker.", "trades.")


def ticker(symbol: str) -> str:
    return f"ticker.{symbol}"


def mark_prices(index_name: str) -> str:
    """One message with the whole board of an index: `btc_usd`."""
    return f"markprice.options.{index_name}"


def price_index(index_name: str) -> str:
    return f"deribit_price_index.{index_name}"


def of_currency(currency: str) -> list[str]:
    """What is always subscribed to for a currency: the trades of its options, and the news of its list."""
    return [f"trades.option.{currency}", f"instrument.state.option.{currency}"]


class Interval:
    """At which interval timed topics come: one for all connections of a feed, so that a refused one is met once."""

    def __init__(self, name: str) -> None:
        self.name = name

    def channel_of(self, topic: str) -> str:
        return f"{topic}.{self.name}" if topic.startswith(_TIMED) else topic


class Plan:
    """Spreads instruments over connections, at most `per_connection` on each of at most `connections`. What is placed stays
    where it is for as long as it is covered."""

    def __init__(self, per_connection: int, connections: int) -> None:
        self.per_connection = per_connection
        self.connections = connections
        # Number of the connection -> the symbols whose tickers it carries. The first is always there: it carries the rest.
        self.shares: dict[int, dict[str, None]] = {1: {}}
        self.beyond: tuple[str, ...] = ()

    @property
    def room(self) -> int:
        return self.per_connection * self.connections

    def cover(self, symbols: Sequence[str]) -> None:
        """Makes `shares` hold exactly these, and `beyond` those without room: what has a ticker keeps it, then the order
        given decides."""
        wanted = dict.fromkeys(symbols)
        for share in self.shares.values():
            for symbol in [symbol for symbol in share if symbol not in wanted]:
                del share[symbol]
        placed = {symbol for share in self.shares.values() for symbol in share}
        fresh = [symbol for symbol in wanted if symbol not in placed]
        room = self.room - len(placed)
        self.beyond = tuple(fresh[room:])
        self._place(fresh[:room])
        for number in [number for number, share in self.shares.items() if not share and number != 1]:
            del self.shares[number]

    def _place(self, fresh: Iterable[str]) -> None:
        numbers = iter(range(1, self.connections + 1))
        share = self.shares.setdefault(next(numbers), {})
        for symbol in fresh:
            while len(share) >= self.per_connection:
                share = self.shares.setdefault(next(numbers), {})
            share[symbol] = None
