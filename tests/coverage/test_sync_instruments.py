"""`manage.py sync_instruments`: a feed's list by hand, with a summary, and a word to whoever leads."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from redis import Redis

from marketdata.models import Coverage, Instrument
from tests.admin.conftest import Ears

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]


def summary(feed: str = "simulated") -> str:
    out = io.StringIO()
    call_command("sync_instruments", feed, stdout=out)
    return out.getvalue()


def test_it_brings_the_list_in_and_says_what_that_did(redis_client: Redis) -> None:
    said = summary()
    count = Instrument.objects.filter(feed="simulated").count()
    assert count > 1_000
    assert said.startswith(
        f"simulated: {count} listed, {count} new, 0 changed, 0 retired, 0 vanished and kept; {count} of "
    )
    assert "no ingest of it runs" in said
    assert f"{count} listed, 0 new, 0 changed" in summary()


def test_it_covers_by_the_rules_and_counts_what_vanished(redis_client: Redis) -> None:
    Coverage.objects.create(feed="simulated", underlying="ACME")
    Instrument.objects.create(feed="simulated", symbol="GONE", kind="stock", underlying="GONE")
    said = summary()
    assert "1 vanished and kept" in said
    covered = Instrument.objects.filter(feed="simulated", covered=True)
    assert f"; {covered.count()} of " in said
    assert set(covered.filter(kind="option").values_list("underlying", flat=True)) == {"ACME"}


def test_a_leader_that_runs_is_told(redis_client: Redis) -> None:
    with redis_client.pubsub() as channel:  # type: ignore[no-untyped-call]
        ears = Ears(channel)
        assert "the running ingest was told" in summary()
        assert [(order["do"], order["by"]) for order in ears.heard()] == [("list", "sync_instruments")]


def test_a_feed_that_cannot_be_built_is_one_line_and_a_status(
    redis_client: Redis, settings: "pytest.FixtureRequest", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.FEEDS = {"replay": {"file": str(tmp_path / "none"), "speed": 1, "loop": False}}  # type: ignore[attr-defined]
    with pytest.raises(SystemExit) as ended:
        summary("replay")
    assert ended.value.code == 69
    error = capsys.readouterr().err
    assert error.startswith("replay: ")
    assert error.count("\n") == 1


def test_there_is_no_such_feed() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        summary("none")
