"""The simulated venue: which instrument quotes or trades when. `market` drives it by the clock; given the same seed and
start it says the same, however often it is asked.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ...greeks import Array
from ...quotes import Quote, Trade
from ...shares import WHOLE, Share
from .board import Board, Numbers, Sides
from .expiries import day_of, session_start_ms
from .spots import STEP_MS, Spots
from .surface import Values
from .tape import Tape
from .universe import Underlying

# At the start every instrument is quoted once within this time; only then do quotes come by chance.
OPENING_MS: Final = 1000
# The share of an option's and of a stock's quotes that come with a trade.
_OPTION_TRADES, _STOCK_TRADES = 0.02, 0.2
# Who quotes how often follows the prices, this many steps apart; a new session is looked for then too.
_WEIGH_EVERY: Final = 600
# Chance is drawn ahead in blocks, so that what happens does not depend on how often anyone looks. The columns: which
# instrument, two sides, two sizes, whether it trades, on which side and how much.
_BLOCK: Final = 1024
_DRAWS: Final = 8
_GREEKS: Final = np.array([[Values._fields.index(name)] for name in ("delta", "gamma", "theta", "vega", "rho")])


class Exchange:
    """Quotes and trades of a whole market as a Poisson stream of `quotes_per_second`."""

    def __init__(
        self,
        universe: Sequence[Underlying],
        seed: int,
        quotes_per_second: float,
        start_ms: float,
        spots: Spots | None = None,
        share: Share = WHOLE,
    ) -> None:
        """`spots` are those of a market that goes on; else a market opens. Of a `share` everything is drawn, and only what
        is in it is worked out."""
        self._universe, self._seed = universe, seed
        day = day_of(start_ms).toordinal()
        self.board = Board(universe, start_ms)
        self._share = share
        self._own = np.array([share.holds(facts.underlying) for facts in self.board.facts])
        self._spots = spots or Spots(universe, seed, day)
        self._random = np.random.default_rng([seed, day, 2])
        self._opening_random = np.random.default_rng([seed, day, 3])
        self._gap_ms = 1000 / quotes_per_second
        self._origin_ms = start_ms
        self._step = 0
        self._times: Array = np.empty(0)
        self._draws: Array = np.empty((0, _DRAWS))
        self._used = 0
        self._drawn_to_ms = start_ms + OPENING_MS

        self._session_ms = session_start_ms(start_ms)
        for owner, close in enumerate(self._spots.previous_close.tolist()):
            self.board.value_at(owner, round(close, 2), 1, self._session_ms)
        reference = np.round(self.board.values.theoretical, 2)
        self._weigh()
        self._tape = Tape(
            np.random.default_rng([seed, day, 4]),
            np.diff(self._shares, prepend=0),
            self.board.tradable(self.board.values.theoretical),
            reference,
            self.board.is_index,
            self._session_ms,
            start_ms,
        )

    @property
    def next_ms(self) -> float:
        """When the next quote is due."""
        if self._used == len(self._times):
            self._draws = self._random.random((_BLOCK, _DRAWS))
            self._times = self._drawn_to_ms + np.cumsum(self._random.exponential(self._gap_ms, _BLOCK))
            self._drawn_to_ms = float(self._times[-1])
            self._used = 0
        return float(self._times[self._used])

    def open(self, numbers: Numbers, at_ms: float, received_ms: float) -> list[Quote]:
        """A quote of each of `numbers`, out of turn, at `at_ms`; the expired are passed over."""
        self._advance_to(at_ms)
        alive = numbers[self.board.expires_ms[numbers] > at_ms]
        draws = self._opening_random.random((len(alive), _DRAWS))
        draws[:, 5] = 1  # nobody trades
        if not self._share.is_whole:
            own = self._own[alive]
            alive, draws = alive[own], draws[own]
        return self._events(alive, np.full(len(alive), at_ms), draws, received_ms)[0]

    def until(self, now_ms: float, received_ms: float, most: int) -> tuple[list[Quote], list[Trade]]:
        """What happened since the last call and up to `now_ms`, in order, and the trades among it. At most `most`
        quotes: where that leaves some, `next_ms` is not after `now_ms`."""
        quotes: list[Quote] = []
        trades: list[Trade] = []
        while (first_ms := self.next_ms) <= now_ms and len(quotes) < most:
            self._advance_to(first_ms)
            # One step at a time: within it all prices stand still.
            horizon = min(now_ms, self._origin_ms + (self._step + 1) * STEP_MS - 1e-3)
            start = self._used
            end = int(np.searchsorted(self._times, horizon, side="right"))
            end = min(max(end, start + 1), start + most - len(quotes))
            self._used = end
            times, draws = self._times[start:end], self._draws[start:end]
            chosen = np.searchsorted(self._shares, draws[:, 0] * self._shares[-1], side="right")
            alive = self.board.expires_ms[chosen] > times
            if not self._share.is_whole:
                alive &= self._own[chosen]
            made, done = self._events(chosen[alive], times[alive], draws[alive], received_ms)
            quotes += made
            trades += done
        return quotes, trades

    def relisted(self, now_ms: float) -> "Exchange":
        """The same market with the contracts of now: prices, trades and the pace of quotes go on."""
        fresh = Exchange(self._universe, self._seed, 1000 / self._gap_ms, now_ms, self._spots, self._share)
        fresh._drawn_to_ms = now_ms  # nothing is opened but what is new, and that by `open`
        here = fresh.board.numbers
        shared = [(there, here[symbol]) for symbol, there in self.board.numbers.items() if symbol in here]
        fresh._tape.carry(self._tape, shared)
        return fresh

    def skip_to(self, now_ms: float) -> None:
        """Forgets the time up to `now_ms` in which nothing was asked for: the machine slept, or cannot keep up."""
        behind = max(now_ms - self.next_ms, 0)
        self._times = self._times + behind
        self._drawn_to_ms += behind
        self._origin_ms += behind

    def _advance_to(self, at_ms: float) -> None:
        """Moves the underlyings on to the step in which `at_ms` lies."""
        while self._origin_ms + (self._step + 1) * STEP_MS <= at_ms:
            self._step += 1
            self._spots.step()
            if self._step % _WEIGH_EVERY == 0:
                self._look_at_the_clock()

    @property
    def _step_ms(self) -> float:
        return self._origin_ms + self._step * STEP_MS

    def _look_at_the_clock(self) -> None:
        session_ms = session_start_ms(self._step_ms)
        self._weigh()
        if session_ms > self._session_ms:
            self._session_ms = session_ms
            self._tape.new_session(np.round(self.board.values.theoretical, 2))

    def _weigh(self) -> None:
        self.board.value(np.arange(self.board.underlyings), self._spots, self._step, self._step_ms)
        self._shares: Array = np.cumsum(self.board.activity(self._step_ms))

    def _events(
        self, numbers: Numbers, times: Array, draws: Array, received_ms: float
    ) -> tuple[list[Quote], list[Trade]]:
        """One quote of each of `numbers`, and the trades that some of them come with."""
        if not len(numbers):
            return [], []
        board, tape = self.board, self._tape
        owner, option = board.owner[numbers], numbers >= board.underlyings
        board.value(owner, self._spots, self._step, self._step_ms)
        sides = board.sides(numbers, draws[:, 1:3])
        values = board.values
        depth = np.where(option, 12.0, 300.0)[:, None]
        sizes = 1 + np.floor(-np.log1p(-draws[:, 3:5]) * depth)
        price, amount = self._prints(numbers, sides, draws)
        columns = np.array(
            [
                np.floor(times * 1000) / 1000,  # never after the time at which it is handed over
                price,
                amount,
                sides.bid,
                sides.ask,
                np.where(np.isnan(sides.bid), np.nan, sizes[:, 0]),
                np.where(np.isnan(sides.ask), np.nan, sizes[:, 1]),
                np.round(values.theoretical[numbers], 4),
                np.where(option, values.theoretical[owner], np.nan),
                values.implied_volatility[numbers],
                sides.bid_iv,
                sides.ask_iv,
                *board.table[_GREEKS, numbers],
            ]
        )
        nullable = columns.T.astype(object)
        nullable[np.isnan(columns.T)] = None
        symbols = board.symbols
        quotes: list[Quote] = []
        trades: list[Trade] = []
        for n, (at, paid, size, bid, ask, bid_size, ask_size, mark, spot, *model) in zip(
            numbers.tolist(), nullable.tolist(), strict=True
        ):
            if paid is not None:
                if size:
                    tape.trade(n, paid, int(size), at)
                    trades.append(Trade(symbols[n], received_ms, at, paid, int(size)))
                else:
                    tape.fix(n, paid, at)
            quotes.append(
                Quote(
                    symbols[n],
                    received_ms,
                    at,
                    bid,
                    ask,
                    bid_size and int(bid_size),
                    ask_size and int(ask_size),
                    tape.last[n],
                    tape.last_size[n],
                    tape.last_time_ms[n],
                    tape.volume[n],
                    tape.interest[n],
                    mark,
                    spot,
                    tape.reference[n],
                    *model,
                )
            )
        return quotes, trades

    def _prints(self, numbers: Numbers, sides: Sides, draws: Array) -> tuple[Array, Array]:
        """The price at which each of these trades, NaN where it does not, and how many; 0 for an index, whose value is
        new with every quote."""
        board = self.board
        option = numbers >= board.underlyings
        index = ~option & board.is_index[board.owner[numbers]]
        trading = draws[:, 5] < np.where(option, _OPTION_TRADES, _STOCK_TRADES)
        at = np.where(draws[:, 6] < 0.5, sides.bid, sides.ask)
        price = np.where(index, board.values.theoretical[numbers], np.where(trading, at, np.nan))
        size = 1 + np.floor(-np.log1p(-draws[:, 7]) * np.where(option, 4.0, 100.0))
        return price, np.where(index, 0, size)
