"""What Deribit lists now, asked over an open connection and remembered: a list that comes back empty does not take away
what was there. `feed` asks it; `instruments` reads the replies.
"""

import logging
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

logger = logging.getLogger(__name__)


class Listing:
    """The options of `currencies` and the indices they settle against. `replies` are the newest ones as they came."""

    def __init__(self, feed: str, currencies: Sequence[str]) -> None:
        self.replies: dict[str, str] = {}
        self.rejected: list[Rejected] = []
        self._feed = feed
        self._currencies = currencies
        self._known: dict[str, list[InstrumentFacts]] = {}
        self._budget = Budget(LIST_RATE, LIST_BURST)

    async def read(self, client: Client, now_ms: float) -> list[InstrumentFacts]:
        """Indices first. Raises FeedError."""
        for currency in self._currencies:
            await self._budget.take()
            reply = await client.call(
                "public/get_instruments", timeout=30, currency=currency, kind="option", expired=False
            )
            self._learn(currency, reply, now_ms)
        options = [facts for currency in self._currencies for facts in self._known[currency]]
        indices = sorted({facts.underlying for facts in options})
        return [index_facts(index, self._feed) for index in indices] + options

    def _learn(self, currency: str, reply: str, now_ms: float) -> None:
        try:
            listed, rejected = facts_of_reply(reply, self._feed)
        except InvalidQuoteError as error:
            raise TemporaryFeedError(f"the list of {currency} options cannot be read: {error}") from error
        self.rejected += rejected
        options = [facts for facts in listed if facts.kind == "option" and facts.active]
        if options:
            self._known[currency], self.replies[currency] = options, reply
            return
        kept = [facts for facts in self._known.get(currency, ()) if (facts.expires_ms or now_ms) > now_ms]
        self._known[currency] = kept
        logger.warning("%s lists no options of %s; %d known ones are kept", self._feed, currency, len(kept))
