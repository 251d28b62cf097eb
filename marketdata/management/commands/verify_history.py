"""`manage.py verify_history [FEED]`: proves from the database that every accepted quote is stored once or lies in a
recorded gap, and that bars are those of the stored ticks. Ends with 1 where it is not so, with 2 where it could not be
seen.
"""

import datetime as dt
import sys
import time
from argparse import ArgumentTypeError
from typing import Any, Final

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...bus.lease import EPOCH_S
from ...history.database import history
from ...history.outage import HistoryDownError
from ...history.verify import Lost, Named, Report, WrongBar, verify
from ...models import Instrument

# Faults of each kind that the terminal shows; `--json` names more.
SHOWN: Final = 50
_TOLD_EVERY_S: Final = 1.0
_LINE_EVERY_S: Final = 15.0


class Command(BaseCommand):
    help = "Proves that history has no holes but recorded ones, nothing twice, and bars that are those of its ticks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed", nargs="?", help="which feed; without it, all")
        parser.add_argument("--from", dest="start", type=instant, metavar="TIME", help="received at this time or later")
        parser.add_argument("--to", dest="stop", type=instant, metavar="TIME", help="received before this time")
        parser.add_argument("--no-bars", action="store_true", help="leave bars alone, which takes most of the time")
        parser.add_argument("--json", action="store_true", help="the whole report as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        feed, start, stop = options["feed"], options["start"], options["stop"]
        if start is not None and stop is not None and start >= stop:
            raise CommandError("--from has to be before --to", returncode=2)
        found = Instrument.objects.all() if feed is None else Instrument.objects.filter(feed=feed)
        names = {pk: Named(of, symbol) for pk, of, symbol in found.values_list("pk", "feed", "symbol")}
        if feed is not None and not names:
            feeds = ", ".join(Instrument.objects.order_by("feed").values_list("feed", flat=True).distinct()) or "none"
            raise CommandError(f"there is no instrument of {feed}; feeds that have some: {feeds}", returncode=2)
        told = _Progress(self.stderr)
        try:
            report = verify(
                history(), names, start, stop, feed=feed, with_bars=not options["no_bars"], progress=told.say
            )
        except HistoryDownError as error:
            raise CommandError(f"the history database does not answer: {error}", returncode=2) from error
        told.end()
        if options["json"]:
            self.stdout.write(msgspec.json.encode({"ok": report.ok, **msgspec.to_builtins(report)}).decode())
        else:
            self._write(report)
        if not report.ok:
            sys.exit(1)

    def _write(self, report: Report) -> None:
        columns = ("ticks", "instruments", "missing", "rejected", "in_gaps", "lost", "doubles")
        heads = ("ticks", "instruments", "missing", "set aside", "in gaps", "lost", "twice")
        if report.terms:
            self.stdout.write(f"{'feed':<12} {'term began':<17}" + "".join(f"{head:>12}" for head in heads))
        for term in report.terms:
            began = dt.datetime.fromtimestamp(EPOCH_S + term.term, dt.UTC)
            figures = "".join(f"{getattr(term, name):>12,}" for name in columns)
            self.stdout.write(f"{term.feed:<12} {began:%Y-%m-%d %H:%M} {figures}")
        for one in report.lost[:SHOWN]:
            self.stdout.write(f"LOST  {_hole(one)}")
        _say_more(self.stdout, "holes", len(report.lost))
        for bar in report.wrong_bars[:SHOWN]:
            self.stdout.write(f"WRONG {_bar(bar)}")
        _say_more(self.stdout, "bars", report.bars_wrong)
        lost, twice = sum(term.lost for term in report.terms), sum(term.doubles for term in report.terms)
        recorded = sum(term.in_gaps + term.rejected for term in report.terms)
        pruned = f", {report.pruned:,} taken away by retention" if report.pruned else ""
        alone = f" ({report.bars_alone:,} more stand without ticks)" if report.bars_alone else ""
        self.stdout.write(
            f"{report.ticks:,} ticks stored, {recorded:,} missing and recorded, {lost:,} missing and not, "
            f"{twice:,} stored twice{pruned}"
        )
        self.stdout.write(f"{report.bars:,} bars compared with their ticks{alone}, {report.bars_wrong:,} wrong")


def instant(text: str) -> int:
    """A time of RFC 3339 with its zone, or a day (its midnight UTC), in seconds since 1970."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither 2026-01-15 nor 2026-01-15T12:00:00Z") from None
    if when.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} has no zone: write {text}Z for UTC")
    return int(when.timestamp())


def _at(second: int | None) -> str:
    return (
        "the term's beginning" if second is None else f"{dt.datetime.fromtimestamp(second, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    )


def _hole(one: Lost) -> str:
    hole = one.hole
    some = f", {one.missing} of them unaccounted for" if one.missing < hole.count else ""
    return (
        f"{one.feed}.{one.symbol}: seq {hole.first} to {hole.last} ({hole.count:,}{some}), "
        f"between {_at(hole.after)} and {_at(hole.before)}"
    )


def _bar(one: WrongBar) -> str:
    return f"{one.feed}.{one.symbol} {_at(one.minute * 60)}: {'; '.join(one.wrong)}"


def _say_more(out: Any, what: str, total: int) -> None:
    if total > SHOWN:
        out.write(f"… and {total - SHOWN:,} more {what}: --json names them")


class _Progress:
    """One line that stays on a terminal; elsewhere a line now and then."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._is_terminal = bool(out.isatty())
        self._began = self._told = time.monotonic()

    def say(self, share: float, ticks: int) -> None:
        now = time.monotonic()
        if now - self._told < (_TOLD_EVERY_S if self._is_terminal else _LINE_EVERY_S):
            return
        self._told = now
        line = f"{share:4.0%}  {ticks:,} ticks, {ticks / max(1e-9, now - self._began):,.0f} a second"
        self._out.write(f"\r{line}\x1b[K" if self._is_terminal else line, ending="" if self._is_terminal else "\n")
        self._out.flush()

    def end(self) -> None:
        if self._is_terminal:
            self._out.write("\r\x1b[K", ending="")
