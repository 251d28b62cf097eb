"""The folder of an installation, and its lock."""

import os
from pathlib import Path

import pytest

from project.errors import StartError
from project.var_folder import VarFolder


def test_the_first_holds_it_until_it_lets_go(tmp_path: Path) -> None:
    first, second = VarFolder(tmp_path), VarFolder(tmp_path)
    first.prepare()
    first.lock()
    with pytest.raises(StartError, match=rf"already up in .* \(process {os.getpid()}\): stop it first$"):
        second.lock()
    first.release()
    second.lock()
    second.release()


def test_a_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    (tmp_path / "up.lock").write_text("999999\n")
    folder = VarFolder(tmp_path)
    folder.prepare()
    folder.lock()
    folder.release()


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"file/var cannot be made .*: set STRIKEWIRE_VAR"):
        VarFolder(tmp_path / "file" / "var").prepare()


def test_a_folder_that_cannot_be_written_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere, so the kernel's answer is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "log")
    with pytest.raises(StartError, match="log cannot be written: set STRIKEWIRE_VAR"):
        VarFolder(tmp_path).prepare()
