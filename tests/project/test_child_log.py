"""The log of a child, read beside its writer."""

from pathlib import Path

import pytest

from project import child_log
from project.child_log import ChildLog

WARNING = "2026-01-01 00:00:00,000 WARNING a: beware"


def test_what_an_earlier_run_wrote_is_not_news(tmp_path: Path) -> None:
    path = tmp_path / "part.log"
    path.write_text(f"{WARNING}\n")
    assert ChildLog(path).new_warnings() == []


def test_a_line_is_passed_on_once_it_is_whole(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "part.log")
    with log.path.open("a") as file:
        file.write(WARNING)
        file.flush()
        assert log.new_warnings() == []
        file.write("\n")
    assert log.new_warnings() == [WARNING]
    assert log.new_warnings() == []


def test_the_last_lines_are_those_of_the_latest_process(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "part.log")
    log.path.write_text("old\n")
    log.mark_start()
    with log.path.open("a") as file:
        file.write("one\n\ntwo\nthree\n")
    assert log.last_lines(2) == ["two", "three"]
    assert log.last_lines(9) == ["one", "two", "three"]


def test_a_log_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_log, "LARGEST", 1000)
    log = ChildLog(tmp_path / "part.log")
    with log.path.open("ab") as writer:  # as a child has it: it goes on writing to what was emptied
        writer.write(b"x" * 1001 + b"\n")
        writer.flush()
        log.new_warnings()
        writer.write(f"{WARNING}\n".encode())
    assert log.path.stat().st_size < 1000
    assert (tmp_path / "part.log.1").stat().st_size == 1002
    assert log.new_warnings() == [WARNING]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "part.log")
    assert (log.new_warnings(), log.last_lines(3)) == ([], [])


def test_a_log_is_emptied_also_where_its_copy_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_log, "LARGEST", 1000)
    log = ChildLog(tmp_path / "part.log")
    log.path.write_text("x" * 1001 + "\n")
    (tmp_path / "part.log.1").mkdir()  # as little to be written to as a full disk
    log.new_warnings()
    assert log.path.stat().st_size == 0
