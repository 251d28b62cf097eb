"""What a change of coverage would do: which instruments come and go, how many quotes a second that means, and whether the
limits allow it. `coverage` shows it before it saves, and refuses what is beyond.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from accounts.queries import watched_instruments

from ..facts import InstrumentFacts
from ..feeds import registry
from ..feeds.base import CoverageRule, FeedError, FeedLimits
from ..ingest import coverage, covering
from ..ingest.coverage import Release
from ..ingest.options import options_of
from ..models import Coverage, FeedSettings, Instrument
from .live import Live, live

# Where nothing was ever measured: what an option of a busy venue brings on the average.
UNMEASURED_PER_SECOND: Final = 0.2
SYMBOLS_SHOWN: Final = 4


class Group(NamedTuple):
    """Contracts of one underlying and expiry that come or go: how many, and the first of them."""

    underlying: str
    expiry: str
    contracts: int
    symbols: str


class Preview(NamedTuple):
    """The effect on one feed. `held` are those that no rule wants and that stay, since somebody watches them, with the
    first symbols; `measured` of `after` instruments have a measured rate; `problems` say by how much it is beyond a limit.
    """

    feed: str
    before: int
    after: int
    comes: list[Group]
    goes: list[Group]
    coming: int
    going: int
    held: int
    held_symbols: str
    quotes_before: float
    quotes_after: float
    measured: int
    limits: list[tuple[str, str]]
    problems: list[str]
    notes: list[str]

    @property
    def changes(self) -> bool:
        return bool(self.coming or self.going)


def of_rows(feed: str, rows: Iterable[Coverage]) -> Preview:
    """What it would do if these were all rules of the feed."""
    return of_rules(feed, covering.rules_from(feed, rows))


def of_rules(feed: str, rules: Sequence[CoverageRule]) -> Preview:
    """What it would do if these were the rules in force."""
    active = list(Instrument.objects.filter(feed=feed, active=True))
    facts = [instrument.facts() for instrument in active]
    now = live(feed, facts)
    before = {instrument.id for instrument in active if instrument.covered}
    held = now.held | watched_instruments(feed)
    selection = coverage.select(facts, rules, now.spots, now.now_ms, held, before=before, release=Release.UNWANTED)
    by_id = {each.id: each for each in facts}
    staying = selection.kept & held
    quoted = {instrument.id for instrument in active if instrument.streaming}
    rate = _Rates(facts, now.rates)
    quotes_after = rate.sum(selection.covered & quoted)
    limits = _limits(feed, now)
    return Preview(
        feed=feed,
        before=len(before),
        after=len(selection.covered),
        comes=_groups(by_id[i] for i in selection.added),
        goes=_groups(by_id[i] for i in selection.removed),
        coming=len(selection.added),
        going=len(selection.removed),
        held=len(staying),
        held_symbols=_some(by_id[i].symbol for i in sorted(staying)),
        quotes_before=round(rate.sum(before & quoted), 1),
        quotes_after=round(quotes_after, 1),
        measured=len([i for i in selection.covered & quoted if i in now.rates]),
        limits=[(name, f"{most:,}") for name, most, _ in limits.instruments]
        + [(name, f"{most:,.0f} quotes/s") for name, most, _ in limits.quotes],
        problems=_problems(limits, len(selection.covered), quotes_after),
        notes=_notes(now, selection, active),
    )


class _Limits(NamedTuple):
    """(name, most, whose) of each limit."""

    instruments: list[tuple[str, int, str]]
    quotes: list[tuple[str, float, str]]


def _limits(feed: str, now: Live) -> _Limits:
    provider = now.vitals.limits if now.vitals is not None else _provider_limits(feed)
    ours = FeedSettings.objects.filter(feed=feed).first()
    instruments: list[tuple[str, int, str]] = []
    quotes: list[tuple[str, float, str]] = []
    if provider.instruments is not None:
        instruments.append(("the provider allows", provider.instruments, "the provider's"))
    if provider.quotes_per_second is not None:
        quotes.append(("the provider allows", provider.quotes_per_second, "the provider's"))
    if ours is not None and ours.most_instruments is not None:
        instruments.append(("the feed's settings allow", ours.most_instruments, "set for the feed"))
    if ours is not None and ours.most_quotes_per_second is not None:
        quotes.append(("the feed's settings allow", ours.most_quotes_per_second, "set for the feed"))
    return _Limits(instruments, quotes)


def _provider_limits(feed: str) -> FeedLimits:
    """Of a feed that does not run now, from its own code."""
    try:
        return registry.build(feed, options_of(feed)).limits
    except (FeedError, KeyError):
        return FeedLimits()


def _problems(limits: _Limits, covered: int, quotes: float) -> list[str]:
    found = []
    for _, most, whose in limits.instruments:
        if covered > most:
            found.append(
                f"This covers {covered:,} instruments: {covered - most:,} more than the maximum of {most:,} ({whose})."
            )
    for _, rate, whose in limits.quotes:
        if quotes > rate:
            found.append(
                f"This brings about {quotes:,.0f} quotes a second: {quotes - rate:,.0f} more than the maximum of "
                f"{rate:,.0f} ({whose})."
            )
    return found


def _notes(now: Live, selection: coverage.Selection, active: Sequence[Instrument]) -> list[str]:
    notes = []
    if not now.redis:
        notes.append("Redis does not answer: prices, rates and what open pages hold are not known now.")
    elif now.vitals is None:
        notes.append("The feed does not run now: this is worked out from its last list and prices.")
    if not active:
        notes.append("The feed has listed nothing yet: what this covers is seen once it did.")
    if selection.unknown:
        names = ", ".join(sorted(selection.unknown)[:10])
        notes.append(f"The price of {names} is not known: strikes near it are chosen once it is.")
    return notes


def _groups(instruments: Iterable[InstrumentFacts]) -> list[Group]:
    symbols: dict[tuple[str, str], list[str]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    ordered = sorted(instruments, key=lambda facts: (facts.underlying, facts.expiry or "", facts.strike or 0))
    for facts in ordered:
        key = (facts.underlying, facts.expiry or "")
        counts[key] += 1
        if counts[key] <= SYMBOLS_SHOWN:
            symbols.setdefault(key, []).append(facts.symbol)
    return [
        Group(*key, count, ", ".join(symbols[key]) + (" …" if count > SYMBOLS_SHOWN else ""))
        for key, count in counts.items()
    ]


def _some(symbols: Iterable[str]) -> str:
    """The first of them."""
    symbols = list(symbols)
    return ", ".join(symbols[:SYMBOLS_SHOWN]) + (" …" if len(symbols) > SYMBOLS_SHOWN else "")


class _Rates:
    """Quotes a second: measured, else the mean of what was measured on the same underlying, else of all."""

    def __init__(self, instruments: Iterable[InstrumentFacts], measured: Mapping[int, float]) -> None:
        self._measured = measured
        self._underlying = {facts.id: facts.underlying for facts in instruments if facts.kind == "option"}
        of: dict[str, list[float]] = {}
        for instrument_id, underlying in self._underlying.items():
            if instrument_id in measured:
                of.setdefault(underlying, []).append(measured[instrument_id])
        everything = [rate for rates in of.values() for rate in rates]
        self._means = {underlying: sum(rates) / len(rates) for underlying, rates in of.items()}
        self._mean = sum(everything) / len(everything) if everything else UNMEASURED_PER_SECOND

    def sum(self, ids: Iterable[int]) -> float:
        return sum(self._of(i) for i in ids)

    def _of(self, instrument_id: int) -> float:
        measured = self._measured.get(instrument_id)
        if measured is not None:
            return measured
        return self._means.get(self._underlying.get(instrument_id, ""), self._mean)
