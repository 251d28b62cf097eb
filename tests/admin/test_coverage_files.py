"""Coverage as a CSV file: out and in again, a dry run that names each bad cell, and files that are none."""

import csv
import io
import time
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from marketdata.admin.coverage_file import COLUMNS, MOST_ROWS
from marketdata.admin.coverage_upload import MOST_BYTES
from marketdata.models import Coverage, FeedSettings, Instrument

from .conftest import FEED, Ears

IMPORT = "/admin/marketdata/coverage/import/"
CONFIRM = "/admin/marketdata/coverage/process_import/"
EXPORT = "/admin/marketdata/coverage/export/"
HEADER = ",".join(COLUMNS)

pytestmark = pytest.mark.django_db(transaction=True)


def uploaded(admin: Client, content: str | bytes) -> Any:
    data = content.encode() if isinstance(content, str) else content
    response = admin.post(IMPORT, {"import_file": SimpleUploadedFile("rules.csv", data), "format": "0"})
    assert response.status_code == 200
    return response


def taken(admin: Client, content: str) -> Any:
    """The dry run, then its confirmation."""
    response = uploaded(admin, content)
    assert "confirm_form" in response.context, response.content.decode()[-3000:]
    return admin.post(CONFIRM, response.context["confirm_form"].initial)


def errors(response: Any) -> list[tuple[int, str]]:
    """(row, column) of each bad cell, as the page names them."""
    text = response.content.decode()
    assert "Nothing was changed" in text
    assert "confirm_form" not in response.context
    return [(row, column) for row, column, _ in response.context["row_errors"]]


def exported(admin: Client) -> list[dict[str, str]]:
    response = admin.post(EXPORT, {"format": "0"})
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_a_dry_run_shows_what_a_file_would_bring_and_changes_nothing(
    admin: Client, listed: dict[str, Instrument], ears: Ears
) -> None:
    response = uploaded(admin, f"{HEADER}\n,{FEED},ACME,,10,yes,near\n")
    (preview,) = response.context["previews"]
    assert (preview.going, preview.after) == (16, 13)
    assert 'data-going="16"' in response.content.decode()
    assert not Coverage.objects.exists()
    assert ears.heard() == []
    assert not LogEntry.objects.exists()


def test_confirmed_it_makes_and_changes_rules_tells_the_ingest_and_stands_on_the_trail(
    admin: Client, listed: dict[str, Instrument], ears: Ears
) -> None:
    old = Coverage.objects.create(feed=FEED, strike_percent=10)
    same = Coverage.objects.create(feed=FEED, strike_percent=1, note="same")
    lines = [f"{old.pk},{FEED},ACME,30,12.5,no,", f"{same.pk},{FEED},,,1,yes,same", f",{FEED},,14,,,new"]
    assert taken(admin, "\n".join([HEADER, *lines])).status_code == 302
    new = Coverage.objects.get(note="new")  # whose number the dry run may have taken one of before
    rows = Coverage.objects.order_by("pk").values_list(*COLUMNS)
    assert list(rows) == [
        (old.pk, FEED, "ACME", 30, 12.5, False, ""),
        (same.pk, FEED, "", None, 1, True, "same"),
        (new.pk, FEED, "", 14, None, True, "new"),
    ]
    assert [order["do"] for order in ears.heard()] == ["list"]
    trail = dict(LogEntry.objects.values_list("object_id", "change_message"))
    assert trail[str(old.pk)] == (
        "by upload: underlying: nothing → ACME; expiries within days: nothing → 30; "
        "strikes within percent: 10 → 12.5; enabled: yes → no"
    )
    assert trail.keys() == {str(old.pk), str(new.pk)}


def test_what_was_exported_imports_as_it_was(admin: Client, listed: dict[str, Instrument]) -> None:
    for note in ("", "=1+1", "+a", "-b", "@c", "'d", "plain, with a comma", "grüße", '"quoted"'):
        Coverage.objects.create(feed=FEED, underlying="ACME", strike_percent=7.25, enabled=False, note=note)
    before = list(Coverage.objects.values_list(*COLUMNS))
    content = admin.post(EXPORT, {"format": "0"}).content.decode()
    response = uploaded(admin, content)
    assert response.context["result"].totals["skip"] == len(before)
    Coverage.objects.update(note="", enabled=True)
    assert taken(admin, content).status_code == 302
    assert list(Coverage.objects.values_list(*COLUMNS)) == before


@pytest.mark.parametrize("note", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)"])
def test_what_a_spreadsheet_would_take_for_a_formula_leaves_escaped_and_does_not_come_in(
    admin: Client, listed: dict[str, Instrument], note: str
) -> None:
    Coverage.objects.create(feed=FEED, note=note)
    assert [row["note"] for row in exported(admin)] == [f"'{note}"]
    assert errors(uploaded(admin, f"feed,note\n{FEED},{note}\n")) == [(2, "note")]


def test_each_bad_row_and_column_is_named_and_nothing_is_taken(admin: Client, listed: dict[str, Instrument]) -> None:
    made = Coverage.objects.create(feed=FEED)
    lines = [
        f",{FEED},ACME,30,10,yes,good",
        f"999,{FEED},ACME,30,10,yes,",
        "x,nobody,GIZMO,many,near,perhaps,=1",
        f",{FEED},GIZMO,3661,-1,,",
        f",{FEED},a b,1.5,inf,,",
        f"{made.pk},{FEED},,,,,",
        f"{made.pk},{FEED},,,,,{'x' * 201}",
        f",{FEED},,,10001,yes",
    ]
    response = uploaded(admin, "\n".join([HEADER, *lines[:-1], lines[-1] + ","]))
    assert errors(response) == [
        (3, "id"),
        *((4, column) for column in ("enabled", "expiry_days", "feed", "id", "note", "strike_percent")),
        *((5, column) for column in ("expiry_days", "strike_percent", "underlying")),
        *((6, column) for column in ("expiry_days", "strike_percent", "underlying")),
        (8, "id"),
        (8, "note"),
        (9, "strike_percent"),
    ]
    assert Coverage.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"feed,note\nsimulated,caf\xe9\n", "not UTF-8: byte 0xe9 in line 2"),
        ("feed,note\nsimulated,x\n".encode("utf-16"), "not UTF-8: byte 0xff in line 1"),
        (b"feed,note\nsimulated,a\0b\n", "line 2 has a zero byte"),
        (b"", "empty"),
        (b"feed\n", "No valid data"),
        (b"name,days\nsimulated,1\n", "names &#x27;name&#x27;, &#x27;days&#x27;"),
        (b"underlying,note\nACME,x\n", "name the column feed"),
        (b"feed;note\nsimulated;x\n", "not separated by commas"),
        (b"feed\tnote\nsimulated\tx\n", "not separated by commas"),
        (b"feed,feed\nsimulated,simulated\n", "names a column twice"),
        (b"\x50\x4b\x03\x04\x14\x00\x06\x00", "zero byte"),
        (b'feed,note\nsimulated,"two\nlines"\n', "line break"),
        (b"feed,note\nsimulated,x,y,z\n", "columns"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(
    admin: Client, listed: dict[str, Instrument], content: bytes, words: str
) -> None:
    response = uploaded(admin, content)
    assert words in response.content.decode()
    assert "confirm_form" not in response.context
    assert not Coverage.objects.exists()


def test_a_file_may_begin_with_a_byte_order_mark(admin: Client, listed: dict[str, Instrument]) -> None:
    assert taken(admin, f"\ufefffeed,note\n{FEED},x\n").status_code == 302
    assert Coverage.objects.get().note == "x"


def test_too_large_a_file_and_too_many_rows_are_refused(admin: Client, listed: dict[str, Instrument]) -> None:
    response = uploaded(admin, b"feed,note\n" + b"x" * MOST_BYTES)
    assert f"at most {MOST_BYTES:,} are read" in response.content.decode()
    response = uploaded(admin, "feed\n" + f"{FEED}\n" * (MOST_ROWS + 1))
    assert f"at most {MOST_ROWS:,} are read at once" in response.content.decode()


def test_beyond_a_limit_the_file_is_refused_whole_and_says_by_how_much(
    admin: Client, listed: dict[str, Instrument]
) -> None:
    FeedSettings.objects.create(feed=FEED, most_instruments=10)
    response = uploaded(admin, f"feed,strike_percent\n{FEED},10\n")
    assert "3 more than the maximum of 10" in response.content.decode()
    assert "confirm_form" not in response.context
    assert not Coverage.objects.exists()


def test_a_limit_set_after_the_dry_run_holds_too(admin: Client, listed: dict[str, Instrument]) -> None:
    response = uploaded(admin, f"feed,strike_percent\n{FEED},10\n")
    FeedSettings.objects.create(feed=FEED, most_instruments=10)
    admin.post(CONFIRM, response.context["confirm_form"].initial)
    assert not Coverage.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_name_that_no_upload_has_is_refused(admin: Client, listed: dict[str, Instrument]) -> None:
    posted = {"import_file_name": "0" * 32, "original_file_name": "x.csv", "format": "0", "resource": ""}
    assert admin.post(CONFIRM, posted).status_code in (200, 302)
    assert not Coverage.objects.exists()


@pytest.mark.timeout(100)
def test_fifty_thousand_rows_are_read_in_seconds_and_a_page_shows_the_first(
    admin: Client, listed: dict[str, Instrument]
) -> None:
    count = 50_000
    rows = "".join(f",{FEED},ACME,{n % 3661},{n % 100},yes,row {n}\n" for n in range(count))
    began = time.monotonic()
    response = uploaded(admin, f"{HEADER}\n{rows}")
    assert len(response.content) < 300_000
    assert response.context["result"].totals["new"] == count
    assert time.monotonic() - began < 40
    bad = uploaded(admin, f"{HEADER}\n{rows.replace('yes', 'maybe')}")
    assert f"{count:,} cells cannot be read" in bad.content.decode()
    assert len(bad.content) < 300_000
