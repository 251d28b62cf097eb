"""Moves the feed's rolling entries with the money: looks once a second for those that stand for other contracts than they
should, and has `accounts.rolling` write them and tell who shows them. The database is asked in a thread, and only when
somebody changed an entry, when one moves, and once a minute.
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import hiredis
from django.db import Error as DatabaseError
from django.db import close_old_connections

from accounts import rolling
from accounts.rolling import ROLLING_PER_FEED, Entry

from .. import following
from ..bus import keys
from ..bus.client import Client
from ..bus.connection import RedisDownError
from ..facts import InstrumentFacts
from ..following import Expiry, Ladder, Standing, Wish
from ..shares import WHOLE, Share
from . import money
from .numbering import Numbering
from .offer import Offer, columns_of

A = TypeVar("A")
R = TypeVar("R")

logger = logging.getLogger(__name__)

EVERY_S: Final = 1.0
# Who changed an entry may have failed to say so.
READ_EVERY_S: Final = 60.0
RETRY_S: Final = 5.0


class Board:
    """The offered contracts on one underlying, by expiry and root. Pure."""

    def __init__(self, underlying: str, instruments: Iterable[InstrumentFacts]) -> None:
        self.underlying = underlying
        self.own: int | None = None
        self.options: list[int] = []
        found: dict[tuple[str, str], list[InstrumentFacts]] = {}
        for facts in instruments:
            if facts.symbol == underlying:
                self.own = facts.id
            elif facts.expiry and facts.expires_ms is not None and facts.strike:
                found.setdefault((facts.expiry, facts.root or ""), []).append(facts)
                if len(self.options) < money.ASKED:
                    self.options.append(facts.id)
        self._of: dict[Expiry, list[InstrumentFacts]] = {}
        for (day, root), contracts in found.items():
            instant = max(facts.expires_ms or 0 for facts in contracts)
            self._of[Expiry(dt.date.fromisoformat(day), root, instant)] = contracts
        self._ladders: dict[Expiry, Ladder] = {}

    def standing(self, wish: Wish, spot: float | None, before: Standing, now_ms: float) -> Standing:
        expiry = following.chosen(self._of, self.underlying, wish.rule, now_ms)
        return following.standing(expiry, self._ladder(expiry), wish, spot, before)

    def _ladder(self, expiry: Expiry | None) -> Ladder | None:
        if expiry is None:
            return None
        if expiry not in self._ladders:  # most expiries are nobody's wish
            contracts = self._of[expiry]
            self._ladders[expiry] = Ladder((facts.strike or 0, facts.right or "", facts.id) for facts in contracts)
        return self._ladders[expiry]


def boards(instruments: Iterable[InstrumentFacts], underlyings: Iterable[str]) -> dict[str, Board]:
    """Of each of `underlyings`, from what is offered."""
    of: dict[str, list[InstrumentFacts]] = {symbol: [] for symbol in underlyings}
    for facts in instruments:
        if facts.streaming and facts.underlying in of:
            of[facts.underlying].append(facts)
    return {symbol: Board(symbol, found) for symbol, found in of.items()}


def moved(
    entries: Iterable[Entry], known: Mapping[str, Board], spots: Mapping[str, float], now_ms: float
) -> list[Entry]:
    """Those that stand for other contracts than they should at `now_ms`, as they should. What several entries ask alike and
    stood for alike is worked out once."""
    answers: dict[tuple[str, Wish, Standing], Standing] = {}
    found: list[Entry] = []
    for entry in entries:
        asked = (entry.underlying, entry.wish, entry.standing)
        answer = answers.get(asked)
        if answer is None:
            spot = spots.get(entry.underlying)
            answer = known[entry.underlying].standing(entry.wish, spot, entry.standing, now_ms)
            answers[asked] = answer
        if answer != entry.standing:
            found.append(entry._replace(standing=answer))
    return found


class Rolling:
    """`keep` as a task, while its leader leads. What is not as it should be is said in the offer's notices."""

    def __init__(self, feed: str, offer: Offer, numbering: Numbering, client: Client, share: Share = WHOLE) -> None:
        self._feed = feed
        self._share = share
        self._offer = offer
        self._numbering = numbering
        self._client = client
        self._entries: dict[int, Entry] = {}
        self._count: bytes | None = None
        self._read_at = 0.0
        self._boards: dict[str, Board] = {}
        self._of: Sequence[InstrumentFacts] | None = None

    async def keep(self, leads: Callable[[], bool]) -> None:
        """Never returns. Does nothing while it is not sure that we lead."""
        while True:
            pause = EVERY_S
            try:
                if leads():
                    await self._look()
            except (DatabaseError, RedisDownError, hiredis.ReplyError) as error:
                logger.warning("rolling entries of %s cannot be looked at now: %s", self._feed, error)
                pause = RETRY_S
            except Exception:
                logger.exception("rolling entries of %s stay as they are for now", self._feed)
                pause = RETRY_S
            await asyncio.sleep(pause)

    async def _look(self) -> None:
        count = await self._client.call("GET", keys.rolling(self._feed))
        if count != self._count or time.monotonic() >= self._read_at:
            await self._read(count)
        if not self._entries:
            return
        if self._of is not self._offer.instruments:
            offered = self._offer.instruments
            needed = {one.underlying for one in self._entries.values()}
            self._boards = await asyncio.to_thread(boards, offered, needed)
            self._of = offered
        entries = list(self._entries.values())
        found = await asyncio.to_thread(moved, entries, self._boards, self._spots(), self._offer.now_ms())
        if not found:
            return
        rolled = await asyncio.to_thread(_asked, rolling.roll, found)
        self._entries.update((one.id, one) for one in found)
        logger.info("%s: %d rolling entries moved", self._feed, rolled)
        if rolled < len(found):  # some are gone, or ask for something else by now
            self._read_at = 0.0

    async def _read(self, count: bytes | None) -> None:
        found = await asyncio.to_thread(_asked, rolling.entries_of, self._feed)
        self._offer.notices.pop("rolling", None)
        if len(found) > ROLLING_PER_FEED:
            found = found[:ROLLING_PER_FEED]
            self._offer.notices["rolling"] = f"only the oldest {ROLLING_PER_FEED:,} rolling entries are followed"
        found = [one for one in found if self._share.holds(one.underlying)]  # the others' leaders follow theirs
        self._entries = {one.id: one for one in found}
        if {one.underlying for one in found} - self._boards.keys():
            self._of = None
        self._count, self._read_at = count, time.monotonic() + READ_EVERY_S

    def _spots(self) -> dict[str, float]:
        """The price of each underlying that somebody follows, from the newest quotes."""
        latest = self._numbering.latest
        found: dict[str, float] = {}
        for symbol, board in self._boards.items():
            own = None if board.own is None else columns_of(latest.get(board.own))
            price = money.of_rows(own, (columns_of(latest.get(one)) for one in board.options))
            if price is None:
                price = self._offer.spots.get(symbol)  # as a former leader left it
            if price is not None:
                found[symbol] = price
        return found


def _asked(ask: Callable[[A], R], argument: A) -> R:
    """What the database answers, in a thread that is not a request's."""
    close_old_connections()
    try:
        return ask(argument)
    finally:
        close_old_connections()
