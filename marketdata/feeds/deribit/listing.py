"""Asks what Deribit lists now, over an open connection. `feed` calls it; `instruments` reads the replies; ingest keeps what
vanishes from a list.
"""

from collections.abc import Sequence
from typing import Final

from ...facts import InstrumentFacts
from ...quotes import InvalidQuoteError
from ..base import Rejected, TemporaryFeedError
from ..budget import Budget
from .client import Client
from .instruments import facts_of_reply, index_facts

# The venue takes one a second after 50 at once.
LIST_RATE: Final = 0.9
LIST_BURST: Final = 20
# A currency's list is about a megabyte.
LIST_S: Final = 30.0


class Listing:
    """The options of `currencies` and the indices they settle against. `replies` are the newest ones as they came, by
    currency; `rejected` are the entries that made no sense."""

    def __init__(self, feed: str, currencies: Sequence[str]) -> None:
        self.replies: dict[str, str] = {}
        self.rejected: list[Rejected] = []
        self._feed = feed
        self._currencies = currencies
        self._budget = Budget(LIST_RATE, LIST_BURST)

    async def read(self, client: Client) -> list[InstrumentFacts]:
        """Indices first. Raises FeedError."""
        options: list[InstrumentFacts] = []
        for currency in self._currencies:
            await self._budget.take()
            reply = await client.call("public/get_instruments", LIST_S, currency=currency, kind="option", expired=False)
            try:
                listed, rejected = facts_of_reply(reply, self._feed)
            except InvalidQuoteError as error:
                raise TemporaryFeedError(f"the list of {currency} options cannot be read: {error}") from error
            self.replies[currency] = reply
            self.rejected += rejected
            options += [facts for facts in listed if facts.kind == "option" and facts.active]
        indices = sorted({facts.underlying for facts in options})
        return [index_facts(index, self._feed) for index in indices] + options
