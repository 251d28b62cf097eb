"""`manage.py verify_history`: what it finds, and what it does not take for a fault."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from marketdata.history import verify as module
from marketdata.history.columns import TICK
from marketdata.history.database import Database
from marketdata.history.verify import Named, Report, verify
from marketdata.history.writers import open_writer
from marketdata.rows import seq_of
from tests.builders import make_instrument

from .seeding import NOON_S, TERM, Row, gap, insert, insert_bars, tick, trade

NAMES = {1: Named("simulated", "ONE"), 2: Named("simulated", "TWO"), 3: Named("other", "THREE")}
DAY = 86_400


def fill(database: Database, ticks: list[Row], trades: list[Row] | None = None, gaps: list[Row] | None = None) -> None:
    insert(database, ticks, trades or [], gaps or [])
    insert_bars(database, ticks, trades or [])


def execute(database: Database, sql: str, *parameters: object) -> None:
    connection = database.connect()
    connection.execute(sql if database.vendor == "postgresql" else sql.replace("%s", "?"), parameters)
    connection.commit()
    connection.close()


def check(database: Database, **options: Any) -> Report:
    return verify(database, NAMES, settle_s=0, **options)


def lost(report: Report) -> list[tuple[str, int, int, int]]:
    """Symbol, first and last k, and how many are unaccounted for."""
    return [(one.symbol, one.hole.first % (1 << 24), one.hole.last % (1 << 24), one.missing) for one in report.lost]


def three_days() -> list[Row]:
    """Both instruments quote every 7 min and 20 s over three days, in two terms."""
    rows = []
    for instrument in (1, 2):
        for number in range(500):
            term, k = (TERM, number + 1) if number < 300 else (TERM + 90_000, number - 299)
            second = NOON_S + 440 * number
            rows.append(tick(second=second, instrument=instrument, seq=seq_of(term, k), volume=float(number)))
    return rows


def test_whole_history_is_found_whole(history_database: Database) -> None:
    fill(history_database, three_days(), [trade("a", size=2.0), trade("b", size=0.1), trade("c", size=0.7)])
    report = check(history_database)
    assert report.ok
    assert [(term.term, term.instruments, term.ticks, term.missing) for term in report.terms] == [
        (TERM, 2, 600, 0),
        (TERM + 90_000, 2, 400, 0),
    ]
    assert (report.ticks, report.bars, report.bars_alone, report.pruned) == (1_000, 1_000, 0, 0)


def test_nothing_at_all_is_whole(history_database: Database) -> None:
    report = check(history_database)
    assert report.ok
    assert report.terms == []


def test_each_missing_tick_is_named(history_database: Database) -> None:
    rows = three_days()
    seqs = {seq_of(TERM, k) for k in (1, 7, 8, 250)}
    fill(history_database, [row for row in rows if row[TICK.index("instrument")] == 2 or row[2] not in seqs])
    report = check(history_database)
    assert not report.ok
    assert lost(report) == [("ONE", 1, 1, 1), ("ONE", 7, 8, 2), ("ONE", 250, 250, 1)]
    assert (report.terms[0].missing, report.terms[0].lost) == (4, 4)
    assert report.bars_wrong == 0


def test_a_hole_over_midnight_is_one(history_database: Database) -> None:
    fill(history_database, [tick(1, NOON_S), tick(5, NOON_S + DAY), tick(6, NOON_S + 2 * DAY)])
    assert lost(check(history_database)) == [("ONE", 2, 4, 3)]


def test_missing_ticks_in_a_recorded_gap_are_no_fault(history_database: Database) -> None:
    ticks = [tick(1, NOON_S), tick(4, NOON_S + 9), tick(2, NOON_S + 9, instrument=2)]
    fill(history_database, ticks, gaps=[gap(from_us=(NOON_S + 2) * 10**6, to_us=(NOON_S + 8) * 10**6, count=3)])
    report = check(history_database)
    assert report.ok
    (term,) = report.terms
    assert (term.missing, term.in_gaps, term.gaps, term.lost) == (3, 3, 3, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 2},
        {"term": TERM + 1},
        {"feed": "other"},
        {"from_us": (NOON_S + 11) * 10**6, "to_us": (NOON_S + 12) * 10**6},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_gap_of_too_little_or_of_something_else_does_not_excuse(
    history_database: Database, wrong: dict[str, Any]
) -> None:
    right = {"from_us": (NOON_S + 2) * 10**6, "to_us": (NOON_S + 8) * 10**6, "count": 3}
    ticks = [tick(1, NOON_S), tick(4, NOON_S + 9), tick(2, NOON_S + 9, instrument=2)]
    fill(history_database, ticks, gaps=[gap(**{**right, **wrong})])
    report = check(history_database)
    assert not report.ok
    assert sum(one.missing for one in report.lost) == (1 if "count" in wrong else 3)


def test_rows_that_were_set_aside_are_no_fault(history_database: Database) -> None:
    fill(history_database, [tick(1), tick(3), tick(5)])
    execute(
        history_database,
        "INSERT INTO history_reject (feed, term, instrument, seq, row_text, reason, recorded_us) VALUES "
        "('simulated', %s, 1, %s, 'x', 'bad', 1), ('simulated', %s, NULL, NULL, 'y', 'worse', 1)",
        TERM,
        seq_of(TERM, 2),
        TERM,
    )
    report = check(history_database)
    assert report.ok
    assert (report.terms[0].missing, report.terms[0].rejected) == (2, 2)
    execute(history_database, "DELETE FROM history_reject WHERE instrument IS NULL")
    assert lost(check(history_database)) == [("ONE", 4, 4, 1)]


def test_a_row_that_is_there_twice_is_a_fault(history_database: Database) -> None:
    """The key has the second in it, so the database would take such a row."""
    fill(history_database, [tick(1), tick(2), tick(3, NOON_S + 60)])
    insert(history_database, [tick(2, NOON_S + 60)])
    report = check(history_database)
    assert not report.ok
    assert report.terms[0].doubles == 1


def test_a_clock_that_was_set_back_is_no_fault(history_database: Database) -> None:
    rows = [tick(k, NOON_S + (k if k < 6 else k - 5)) for k in range(1, 12)]
    fill(history_database, rows)
    writer = open_writer(history_database)
    writer.write([tick(12, NOON_S + 8)])
    writer.close()
    report = check(history_database)
    assert report.ok, (report.lost, report.wrong_bars)


@pytest.mark.parametrize(
    "change",
    [
        "mid_high = 99",
        "ticks = 1",
        "first_seq = first_seq + 1",
        "last_open = NULL",
        "volume_gain = 5",
        "trade_volume = 3",
    ],
)
def test_a_bar_that_is_not_that_of_its_ticks_is_named(history_database: Database, change: str) -> None:
    rows = [tick(k, NOON_S + 20 * (k - 1), volume=float(k)) for k in range(1, 9)]
    fill(history_database, rows, [trade("a", size=1.0), trade("b", size=1.5)])
    assert check(history_database).ok
    execute(history_database, f"UPDATE history_bar SET {change} WHERE minute = {NOON_S // 60}")
    report = check(history_database)
    assert not report.ok
    (wrong,) = report.wrong_bars
    assert (wrong.symbol, wrong.minute) == ("ONE", NOON_S // 60)
    assert wrong.wrong[0].startswith(change.split()[0])
    assert check(history_database, with_bars=False).ok


def test_a_bar_without_its_ticks_is_a_fault_and_ticks_without_their_bar_too(history_database: Database) -> None:
    rows = [tick(1), tick(2, NOON_S + 60), tick(3, NOON_S + 120)]
    insert(history_database, [*rows[:2]])
    insert_bars(history_database, [rows[0], rows[2]])
    report = check(history_database)
    assert [(one.minute - NOON_S // 60, one.wrong) for one in report.wrong_bars] == [
        (1, ["there is no bar of its 1 ticks"]),
        (2, ["there are no ticks of it"]),
    ]


def test_bars_of_another_source_stand_alone(history_database: Database) -> None:
    """Imported bars have no ticks, or the numbers of an installation whose ticks were never here."""
    foreign = tick(seq=seq_of(5, 1), second=NOON_S + 600)
    fill(history_database, [tick(1)])
    insert_bars(history_database, [foreign])
    execute(
        history_database, "INSERT INTO history_bar (instrument, minute, ticks) VALUES (1, %s, 0)", NOON_S // 60 + 20
    )
    report = check(history_database)
    assert report.ok
    assert report.bars_alone == 1


def test_what_was_pruned_is_not_missing_and_its_bars_are_left_alone(history_database: Database) -> None:
    rows = [tick(k, NOON_S + 20 * k) for k in range(1, 12)]
    insert(history_database, rows[4:])
    insert_bars(history_database, rows)
    assert not check(history_database).ok
    execute(history_database, "INSERT INTO history_pruned VALUES ('ticks', 1, %s, 4, 1)", seq_of(TERM, 4))
    report = check(history_database)
    assert report.ok, report.wrong_bars
    assert report.pruned == 4
    execute(history_database, "DELETE FROM history_tick WHERE seq = %s", seq_of(TERM, 8))
    assert lost(check(history_database)) == [("ONE", 8, 8, 1)]


def test_a_range_is_judged_by_itself(history_database: Database) -> None:
    rows = three_days()
    missing = {seq_of(TERM, 40), seq_of(TERM, 220)}
    fill(history_database, [row for row in rows if row[2] not in missing])
    at = {k: NOON_S + 440 * (k - 1) for k in (41, 100, 200, 221)}
    assert check(history_database, start=at[100], stop=at[200]).ok
    assert {one[1] for one in lost(check(history_database, start=at[100], stop=at[221] + 1))} == {220}
    assert {one[1] for one in lost(check(history_database, start=at[41], stop=at[200]))} == {40}
    assert check(history_database, start=at[100], stop=at[200]).ticks == 200


def test_only_the_feed_that_is_asked_for_is_judged(history_database: Database) -> None:
    fill(history_database, [tick(1), tick(3), tick(1, instrument=3)], gaps=[gap(feed="other", term=3)])
    names = {3: NAMES[3]}
    report = verify(history_database, names, feed="other", settle_s=0)
    assert report.ok
    assert report.ticks == 1
    assert [(term.feed, term.term) for term in report.terms] == [("other", 3), ("other", TERM)]


def test_a_batch_that_comes_while_it_is_looked_is_found_after_all(
    history_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(history_database, [tick(1), tick(3)])
    monkeypatch.setattr("marketdata.history.verify.time.sleep", lambda seconds: insert(history_database, [tick(2)]))
    report = verify(history_database, NAMES, with_bars=False, settle_s=5)
    assert report.ok


def test_ticks_of_an_instrument_that_nobody_knows_are_judged_too(history_database: Database) -> None:
    fill(history_database, [tick(2, instrument=77)])
    (one,) = check(history_database).lost
    assert one.symbol == "instrument 77"


# ── The command ───────────────────────────────────────────────────────────────────────────────────────────────────────


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("verify_history", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_says_what_it_found(history_database: Database) -> None:
    pk = make_instrument("ACME260116C00100000").pk
    rows = [tick(k, NOON_S + k, instrument=pk) for k in range(1, 9)]
    fill(history_database, rows)
    text = said("simulated")
    assert "8 ticks stored, 0 missing and recorded, 0 missing and not, 0 stored twice" in text
    assert "1 bars compared with their ticks, 0 wrong" in text
    assert json.loads(said("--json"))["ok"] is True


@pytest.mark.django_db
def test_the_command_ends_with_1_and_names_each_hole(
    history_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLE_S", 0)
    pk = make_instrument("ACME260116C00100000").pk
    fill(history_database, [tick(1, instrument=pk), tick(4, NOON_S + 9, instrument=pk)])
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_history", "simulated", stdout=out)
    assert ended.value.code == 1
    seqs = f"seq {seq_of(TERM, 2)} to {seq_of(TERM, 3)} (2)"
    assert f"LOST  simulated.ACME260116C00100000: {seqs}, between 2026-01-15T12:00:00Z and 2026-01-15T12:00:09Z" in (
        out.getvalue()
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch"], "there is no instrument of nosuch"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], "--from has to be before --to"),
        (["--from", "2026-01-02T10:00"], "has no zone"),
        (["--from", "yesterday"], "is neither"),
    ],
)
def test_what_cannot_be_is_refused(history_database: Database, arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        said(*arguments)


@pytest.mark.django_db
def test_a_database_that_is_away_is_said(settings: Any) -> None:
    settings.HISTORY_DATABASE_URL = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(CommandError, match="does not answer") as error:
        said()
    assert error.value.returncode == 2
