"""Who used which feed in which month: written once, and reported with who was entitled."""

import csv
import datetime as dt
import io

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import feed_report, feed_use
from accounts.models import FeedGrant, FeedUse, User


@pytest.fixture(autouse=True)
def open_feeds(settings: Settings) -> None:
    settings.OPEN_FEEDS = ["simulated"]


def written() -> list[tuple[int, str]]:
    return list(FeedUse.objects.order_by("feed", "user").values_list("user", "feed"))


def test_a_first_use_costs_one_query_and_the_next_none(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert feed_use.note(owner.pk, "owner", ["simulated", "deribit", "simulated"])
    with django_assert_num_queries(0):
        assert feed_use.note(owner.pk, "owner", ["deribit"])
    with django_assert_num_queries(1):
        assert feed_use.note(owner.pk, "owner", ["deribit", "replay"])
    assert written() == [(owner.pk, "deribit"), (owner.pk, "replay"), (owner.pk, "simulated")]


def test_another_process_that_notes_it_too_changes_nothing(owner: User) -> None:
    feed_use.note(owner.pk, "owner", ["simulated"])
    first_at = FeedUse.objects.get().first_at
    feed_use.forget()
    assert feed_use.note(owner.pk, "owner", ["simulated"])
    assert FeedUse.objects.get().first_at == first_at


def test_each_month_begins_anew(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    feed_use.note(owner.pk, "owner", ["simulated"])
    monkeypatch.setattr(feed_use, "this_month", lambda: dt.date(2031, 1, 1))
    feed_use.note(owner.pk, "owner", ["simulated"])
    assert FeedUse.objects.count() == 2
    at = dt.datetime(2031, 1, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert feed_use.month_of(at) == dt.date(2030, 12, 1)


def test_what_could_not_be_written_is_noted_at_the_next_use(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:

        def fails(*arguments: object, **options: object) -> None:
            raise DatabaseError("away")

        broken.setattr(FeedUse.objects, "bulk_create", fails)
        assert not feed_use.note(owner.pk, "owner", ["simulated"])
    assert feed_use.note(owner.pk, "owner", ["simulated"])
    assert written() == [(owner.pk, "simulated")]


@pytest.fixture
def month(owner: User, stranger: User, staff: User) -> dt.date:
    """The stranger may see `opra` and did not look; the owner looked, and may not any more; and somebody is gone."""
    group = Group.objects.create(name="desk")
    FeedGrant.objects.create(group=group, feed="opra", underlying="SPX")
    group.user_set.add(stranger)
    feed_use.note(owner.pk, "owner", ["simulated", "opra"])
    feed_use.note(12345, "=gone()", ["opra"])
    return feed_use.this_month()


def test_the_report_tells_the_entitled_from_those_who_used_it(month: dt.date) -> None:
    def told(feed: str) -> dict[str, tuple[bool, bool]]:
        return {one.username: (one.entitled, one.first_used_at is not None) for one in feed_report.lines(month, [feed])}

    assert told("opra") == {
        "=gone()": (False, True),
        "owner": (False, True),
        "staff": (True, False),
        "stranger": (True, False),
    }
    assert told("simulated") == {"owner": (True, True), "staff": (True, False), "stranger": (True, False)}
    assert told("deribit") == {"staff": (True, False)}
    assert [one for one in feed_report.lines(dt.date(2001, 1, 1), ["opra"]) if one.first_used_at] == []


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("report_users", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_table_or_csv_without_formulas(month: dt.date, owner: User) -> None:
    table = run()
    assert [line.split() for line in table.splitlines() if line.startswith(("opra", "simulated"))] == [
        ["opra", "2", "2"],
        ["simulated", "3", "1"],
    ]
    assert "owner first" in table
    assert "not entitled any more" in table
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv", "--feed", "opra", "--month", f"{month:%Y-%m}"))))
    assert [(row["username"], row["entitled"], row["used"]) for row in rows] == [
        ("'=gone()", "false", "true"),
        ("owner", "false", "true"),
        ("staff", "true", "false"),
        ("stranger", "true", "false"),
    ]
    assert rows[1]["user"] == str(owner.pk)
    assert rows[1]["first_used_at"].endswith("Z")


@pytest.mark.parametrize("wrong", [("--month", "2026-13"), ("--month", "11/2026"), ("--feed", "nosuch")])
def test_the_command_says_what_would_be_legal(db: None, wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=r"YYYY-MM|there are .*simulated"):
        run(*wrong)


def test_the_admin_has_it_for_those_who_may_view(month: dt.date, staff: User, client: Client) -> None:
    client.force_login(staff)
    page = client.get("/admin/accounts/feeduse/")
    assert page.status_code == 200
    assert b"report-this-month" in page.content
    response = client.get("/admin/accounts/feeduse/report-this-month/")
    assert response.status_code == 200, response
    assert response.headers["Content-Type"].startswith("text/csv")
    assert b"'=gone()" in response.content
    assert client.get("/admin/accounts/feeduse/report-last-month/").status_code == 200
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get("/admin/accounts/feeduse/report-this-month/").status_code == 403
