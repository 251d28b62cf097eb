"""`manage.py report_users [--month YYYY-MM] [--feed NAME] [--format table|csv]`: who was entitled to which feed and used
it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import feed_report


class Command(BaseCommand):
    help = "Prints, by feed, the users who are entitled to it now and those who used it in a month."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--month", default="", metavar="YYYY-MM", help="in UTC (default: this month)")
        parser.add_argument("--feed", help="only of this feed (default: all)")
        parser.add_argument(
            "--format",
            choices=("table", "csv"),
            dest="form",
            default="table",
            help="a table for reading, or CSV with a line a user (default: %(default)s)",
        )

    def handle(self, *args: Any, month: str, feed: str | None, form: str, **options: Any) -> None:
        try:
            of_month = feed_report.month_of(month)
        except ValueError as error:
            raise CommandError(str(error)) from error
        feeds = feed_report.feeds()
        if feed is not None and feed not in feeds:
            raise CommandError(f"there is no feed {feed!r}; there are {', '.join(feeds)}")
        wanted = feeds if feed is None else [feed]
        report = feed_report.lines(of_month, wanted)
        if form == "csv":
            self.stdout.write(feed_report.as_csv(of_month, report).decode(), ending="")
        else:
            self.stdout.write(feed_report.as_text(of_month, wanted, report))
