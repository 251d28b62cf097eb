"""Bars out of the database, held against bars that are computed from the ticks themselves, slowly."""

import datetime as dt
import itertools
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from marketdata.facts import InstrumentFacts
from marketdata.history import bar_queries
from marketdata.history.bar_queries import INTERVALS, Bar, Interval
from marketdata.history.columns import TICK, TRADE
from marketdata.history.database import Database

from . import seeding

MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "1d": 10_000}
SECOND, MICRO, SEQ, BID, ASK, LAST, VOLUME, IV = (
    TICK.index(name) for name in ("second", "micro", "seq", "bid", "ask", "last", "volume", "implied_volatility")
)
Day = tuple[dt.date, int, int]


def utc(*parts: int) -> int:
    return round(dt.datetime(*parts, tzinfo=dt.UTC).timestamp())  # type: ignore[arg-type,misc]


class Market(NamedTuple):
    """Some days of a feed: their sessions in the order of `Day`, and between which instants there are ticks. `day_of` says
    within which volumes are counted on."""

    feed: str
    days: Sequence[Day]
    first: int
    last: int
    offset_h: tuple[int, int]  # of the market's midnight to that of UTC, before and after its change of clocks
    change: int = 0

    def counted_on(self, second: int) -> int:
        hours = self.offset_h[0] if second < self.change else self.offset_h[1]
        return (second - hours * 3600) // 86_400


SPRING, AUTUMN = utc(2026, 3, 8, 7), utc(2026, 11, 1, 6)
MARKETS = {
    "days from eight to eight": Market(
        "deribit",
        [(dt.date(2026, 3, day), utc(2026, 3, day, 8), utc(2026, 3, day + 1, 8)) for day in (6, 7, 8, 9)],
        utc(2026, 3, 6, 20),
        utc(2026, 3, 9, 10),
        (8, 8),
    ),
    "clocks set ahead": Market(
        "simulated",
        [
            (dt.date(2026, 3, 7), utc(2026, 3, 7, 5), utc(2026, 3, 8, 5)),
            (dt.date(2026, 3, 8), utc(2026, 3, 8, 5), utc(2026, 3, 9, 4)),
            (dt.date(2026, 3, 9), utc(2026, 3, 9, 4), utc(2026, 3, 10, 4)),
        ],
        utc(2026, 3, 7, 20),
        utc(2026, 3, 9, 20),
        (5, 4),
        SPRING,
    ),
    "clocks set back": Market(
        "simulated",
        [
            (dt.date(2026, 10, 31), utc(2026, 10, 31, 4), utc(2026, 11, 1, 4)),
            (dt.date(2026, 11, 1), utc(2026, 11, 1, 4), utc(2026, 11, 2, 5)),
            (dt.date(2026, 11, 2), utc(2026, 11, 2, 5), utc(2026, 11, 3, 5)),
        ],
        utc(2026, 10, 31, 20),
        utc(2026, 11, 2, 20),
        (4, 5),
        AUTUMN,
    ),
    "American spring": Market(
        "lean",
        [
            (dt.date(2026, 3, 6), utc(2026, 3, 6, 14, 30), utc(2026, 3, 6, 21)),
            (dt.date(2026, 3, 9), utc(2026, 3, 9, 13, 30), utc(2026, 3, 9, 20)),
        ],
        utc(2026, 3, 6, 12),
        utc(2026, 3, 9, 22),
        (5, 4),
        SPRING,
    ),
    "Thanksgiving": Market(
        "lean",
        [
            (dt.date(2026, 11, 25), utc(2026, 11, 25, 14, 30), utc(2026, 11, 25, 21)),
            (dt.date(2026, 11, 27), utc(2026, 11, 27, 14, 30), utc(2026, 11, 27, 18)),
        ],
        utc(2026, 11, 25, 13),
        utc(2026, 11, 28, 3),
        (5, 5),
    ),
}


def facts(feed: str, number: int = 1) -> InstrumentFacts:
    return InstrumentFacts(symbol="X", feed=feed, kind="option", underlying="ACME", id=number)


def a_record(market: Market, instrument: int, draw: random.Random) -> tuple[list[Any], list[Any]]:
    """Ticks and trades in bursts between silences of up to half a day. Volumes start again at any time, and go on from day
    to day as often as not."""
    second, volume = market.first + draw.randrange(3600), 0.0
    ticks: list[Any] = []
    trades: list[Any] = []
    trading = draw.random() < 0.5
    while second < market.last:
        for _ in range(draw.randrange(1, 12)):
            volume = float(draw.randrange(5)) if draw.random() < 0.03 else volume + draw.randrange(4)
            bid = None if draw.random() < 0.15 else draw.randrange(10, 40) / 4
            ticks.append(
                seeding.tick(
                    len(ticks) + 1,
                    second=second,
                    instrument=instrument,
                    bid=bid,
                    ask=None if draw.random() < 0.15 else (bid or 3) + draw.randrange(-2, 8) / 4,
                    last=None if draw.random() < 0.2 else draw.randrange(10, 40) / 4,
                    volume=None if draw.random() < 0.3 else volume,
                    implied_volatility=None if draw.random() < 0.3 else draw.random(),
                )
            )
            if trading and draw.random() < 0.2:
                number = f"{len(trades)}"
                trades.append(
                    seeding.trade(number, second=second, instrument=instrument, size=float(draw.randrange(1, 9)))
                )
            second += draw.choice((0, 1, 7, 20, 45, 60))
        second += draw.choice((30, 90, 400, 1_800, 5_000, 40_000))
    return ticks, trades


def slowly(market: Market, interval: Interval, ticks: list[Any], trades: list[Any], counting_1m: bool) -> list[Bar]:
    """What the bars have to be, from all ticks and trades: each is looked at for each bar."""
    spans: dict[tuple[int, int], dt.date | None] = {}
    for second in [row[SECOND] for row in ticks] + [row[TRADE.index("second")] for row in trades]:
        minute = second - second % 60
        for day, opens, closes in market.days:
            if opens <= second < closes:
                begins = opens + (second - opens) // (MINUTES[interval] * 60) * MINUTES[interval] * 60
                spans[begins, min(begins + MINUTES[interval] * 60, closes)] = day
                break
        else:
            if counting_1m:
                spans[minute, minute + 60] = None
    return [_bar(market, begins, ends, day, ticks, trades) for (begins, ends), day in sorted(spans.items())]


def _bar(market: Market, begins: int, ends: int, day: dt.date | None, ticks: list[Any], trades: list[Any]) -> Bar:
    inside = [row for row in ticks if begins <= row[SECOND] < ends]
    both = [row for row in inside if row[BID] is not None and row[ASK] is not None]
    mids = [(row[BID] + row[ASK]) / 2 for row in both if row[BID] <= row[ASK]]
    lasts = [row[LAST] for row in inside if row[LAST] is not None]
    volatilities = [row[IV] for row in inside if row[IV] is not None]
    sizes = [row[TRADE.index("size")] for row in trades if begins <= row[TRADE.index("second")] < ends]
    return Bar(
        begins,
        ends,
        day,
        *_prices(mids),
        *_prices(lasts),
        sum(sizes) if sizes else _rise(market, begins, ends, ticks),
        volatilities[-1] if volatilities else None,
        len(inside),
    )


def _prices(values: list[float]) -> tuple[float | None, float | None, float | None, float | None]:
    return (values[0], max(values), min(values), values[-1]) if values else (None, None, None, None)


def _rise(market: Market, begins: int, ends: int, ticks: list[Any]) -> float | None:
    """By how much the session volume rose at the ticks of a bar, each against the last one known that day."""
    today = market.counted_on(begins)
    known = [row for row in ticks if row[VOLUME] is not None and row[SECOND] < ends]
    known = [row for row in known if market.counted_on(row[SECOND]) == today]
    if not any(row[SECOND] >= begins for row in known):
        return None
    rise = 0.0
    for earlier, later in itertools.pairwise(known):
        if later[SECOND] >= begins:
            rise += max(0.0, later[VOLUME] - earlier[VOLUME])
    return rise


@pytest.mark.parametrize("name", MARKETS)
def test_bars_of_every_interval_equal_those_of_the_ticks(name: str, history_database: Database) -> None:
    market = MARKETS[name]
    for seed in range(6):
        draw = random.Random(f"{name} {seed}")
        ticks, trades = a_record(market, seed, draw)
        seeding.insert_bars(history_database, ticks, trades)
        for interval in INTERVALS:
            found = bar_queries.bars(
                history_database,
                facts(market.feed, seed),
                interval,
                market.first - 200_000,
                market.last + 200_000,
                10_000,
            )
            assert found.next_start is None
            assert found.bars == slowly(market, interval, ticks, trades, interval == "1m"), (seed, interval)


@pytest.mark.parametrize("name", MARKETS)
def test_parts_are_what_they_are_in_the_whole(
    name: str, history_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever one begins and ends, however long the pages are, and however few minutes a page may read."""
    market = MARKETS[name]
    draw = random.Random(name)
    ticks, trades = a_record(market, 1, draw)
    seeding.insert_bars(history_database, ticks, trades)
    for interval in INTERVALS:
        whole = bar_queries.bars(history_database, facts(market.feed), interval, 0, 2**31 - 1, 10_000).bars
        assert whole
        for most in (50_000, 1_501):
            monkeypatch.setattr(bar_queries, "MOST_MINUTES", most)
            monkeypatch.setattr(bar_queries, "_CHUNK", draw.randrange(1, 40))
            start, stop = sorted(draw.randrange(market.first, market.last) for _ in range(2))
            limit, pages, at = draw.randrange(1, 20), [], start
            while True:
                page = bar_queries.bars(history_database, facts(market.feed), interval, at, stop, limit)
                assert len(page.bars) <= limit
                pages += page.bars
                if page.next_start is None:
                    break
                assert page.next_start > at
                at = page.next_start
            assert pages == [bar for bar in whole if start <= bar.starts_s < stop]


def test_a_range_without_quotes_costs_nothing(history_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two quotes twenty years apart: no bar between them is made, and no page is needed to get there."""
    ticks = [seeding.tick(1, second=utc(2006, 1, 3, 15)), seeding.tick(2, second=utc(2026, 11, 23, 15))]
    seeding.insert_bars(history_database, ticks)
    asked: list[str] = []
    rows = history_database.rows

    def counted(sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return rows(sql, parameters)

    monkeypatch.setattr(history_database, "rows", counted)
    for interval in INTERVALS:
        asked.clear()
        page = bar_queries.bars(history_database, facts("lean"), interval, 0, 2**31 - 1, 500)
        assert (len(page.bars), page.next_start) == (2, None)
        assert len(asked) == 2


def test_a_page_reads_no_more_than_it_may(history_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar_queries, "MOST_MINUTES", 1_500)
    ticks = [seeding.tick(minute + 1, second=utc(2026, 11, 20) + minute * 60) for minute in range(4_000)]
    seeding.insert_bars(history_database, ticks)
    page = bar_queries.bars(history_database, facts("elsewhere"), "1d", utc(2026, 11, 20), utc(2026, 11, 25), 500)
    assert [bar.ticks for bar in page.bars] == [1_440]
    assert page.next_start == utc(2026, 11, 21)


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (-5, 0), (utc(2026, 11, 23), utc(2026, 11, 20)), (2**33, 2**34)])
def test_nothing_lies_in_an_empty_range(start: int, stop: int, history_database: Database) -> None:
    seeding.insert_bars(history_database, [seeding.tick()])
    for interval in INTERVALS:
        page = bar_queries.bars(history_database, facts("simulated"), interval, start, stop, 10)
        assert (page.bars, page.next_start) == ([], None)
