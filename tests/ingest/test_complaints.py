"""Complaints: everything is counted, little is logged, and nothing grows without bound."""

import logging

import pytest

from marketdata.ingest import complaints as module
from marketdata.ingest.complaints import LINES_A_MINUTE, REASONS, TEXT, Complaints


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The one entry is the time that `Complaints` sees."""
    now = [1_000.0]

    class Clock:
        monotonic = time = staticmethod(lambda: now[0])

    monkeypatch.setattr(module, "time", Clock)
    return now


@pytest.fixture
def complaints(now: list[float]) -> Complaints:
    return Complaints("simulated")


def test_a_complaint_is_logged_with_feed_reason_and_text(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    complaints.add("bid: -1 is negative", '{"bid":-1}')
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == 'simulated: passed over, bid: -1 is negative: {"bid":-1}'


def test_a_flood_is_counted_and_logged_a_few_times(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(10_000):
        complaints.add("not JSON", "garbage")
    assert complaints.counts == {"not JSON": 10_000}
    assert len(caplog.records) == LINES_A_MINUTE + 1
    assert "only counted" in caplog.records[-1].message


def test_each_reason_has_its_own_lines(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(100):
        complaints.add("one", "x")
        complaints.add("two", "x")
    assert len(caplog.records) == 2 * (LINES_A_MINUTE + 1)
    assert complaints.counts == {"one": 100, "two": 100}


def test_a_new_minute_has_new_lines(complaints: Complaints, now: list[float], caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(100):
        complaints.add("one", "x")
    now[0] += 59.9
    complaints.add("one", "x")
    assert len(caplog.records) == LINES_A_MINUTE + 1
    now[0] += 0.2
    complaints.add("one", "x")
    assert len(caplog.records) == LINES_A_MINUTE + 2
    assert complaints.counts == {"one": 102}


def test_a_long_text_is_cut_in_the_log(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    complaints.add("too long", "x" * 100_000)
    assert len(caplog.records[0].message) < TEXT + 100


def test_invented_reasons_end_up_as_other(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(REASONS + 500):
        complaints.add(f"reason {number}", "x")
    assert len(complaints.counts) == REASONS + 1
    assert complaints.counts["other"] == 500
    assert sum(complaints.counts.values()) == REASONS + 500
    complaints.add("reason 0", "x")
    assert complaints.counts["reason 0"] == 2


def test_the_newest_text_of_each_reason_is_kept_with_its_time_and_cut(complaints: Complaints, now: list[float]) -> None:
    complaints.add("odd", "first")
    now[0] = 1_007.5
    complaints.add("odd", "x" * (module.SHOWN + 1))
    assert complaints.newest == {"odd": ("x" * module.SHOWN, 1_007_500)}
