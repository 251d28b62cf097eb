"""A database that was brought back from an older copy, beside a history that went on."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from marketdata.history import given_ids
from marketdata.history.database import Database, history
from marketdata.models import Instrument

from .seeding import insert, insert_bars, tick

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(settings: Settings, tmp_path: Path) -> Iterator[Database]:
    """A history, on SQLite: it is the other database whose two kinds matter here."""
    settings.HISTORY_DATABASE_URL = f"sqlite:///{tmp_path / 'history.sqlite3'}"
    database = history()
    yield database
    database.close()


def made() -> int:
    return Instrument.objects.create(feed="x", symbol=f"S{Instrument.objects.count()}", kind="stock", underlying="S").pk


def test_the_next_instrument_has_no_id_that_history_knows(known: Database) -> None:
    lost = made() + 40
    insert(known, [tick(1, instrument=lost - 3)])
    insert_bars(known, [tick(1, instrument=lost)])
    assert given_ids.keep(known) == lost
    assert made() == lost + 1
    assert given_ids.keep(known) is None


def test_a_database_that_knows_more_than_history_is_left_alone(known: Database) -> None:
    newest = made()
    insert(known, [tick(1, instrument=newest)])
    assert given_ids.keep(known) is None
    assert made() == newest + 1


def test_a_database_that_never_gave_an_id_begins_above_history(known: Database) -> None:
    lost = made() + 100
    Instrument.objects.all().delete()
    if connection.vendor == "sqlite":  # as it is before the first; a sequence of PostgreSQL's is always there
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = 'marketdata_instrument'")
    insert(known, [tick(1, instrument=lost)])
    assert given_ids.keep(known) == lost
    assert made() == lost + 1


def test_without_a_history_there_is_nothing_to_do_and_none_is_made(known: Database) -> None:
    assert given_ids.keep(known) is None
    assert known.path is not None
    assert not known.path.exists()


def test_the_command_says_what_it_did(known: Database) -> None:
    lost = made() + 40
    insert(known, [tick(1, instrument=lost)])
    said = io.StringIO()
    call_command("keep_ids", stdout=said)
    call_command("keep_ids", stdout=said)
    assert said.getvalue().splitlines() == [
        f"from now on ids begin above {lost}, the highest that history knows",
        "nothing to do: the database gives no id that history knows",
    ]
