"""What `scripts/run` and `scripts/test` do before they start: only what is missing or has changed, and never half."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, over an empty checkout with a space in its path."""
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "scripts" / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checkout = tmp_path / "a check out"
    venv = checkout / ".venv"
    venv.joinpath("bin").mkdir(parents=True)
    frontend = checkout / "frontend"
    (frontend / "src").mkdir(parents=True)
    places = {
        "ROOT": checkout,
        "VENV": venv,
        "BIN": venv / "bin",
        "STAMPS": venv / "stamps",
        "FRONTEND": frontend,
        "BUILT": frontend / "static" / "build",
    }
    for name, place in places.items():
        monkeypatch.setattr(module, name, place)
    return module


class Runs(list[list[str]]):
    """The commands that were run; `status` is how they end."""

    status = 0


@pytest.fixture
def runs(prepare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()

    def run(command: list[object], *rest: object) -> None:
        runs.append([str(part) for part in command])
        if runs.status:
            raise prepare.PrepareError("it failed")

    monkeypatch.setattr(prepare, "run", run)
    monkeypatch.setattr(prepare, "run_counted", run)
    return runs


def lock(prepare: ModuleType, text: str) -> None:
    (prepare.ROOT / "requirements.txt").write_text(text)


def test_packages_are_installed_once_and_by_hash(prepare: ModuleType, runs: Runs) -> None:
    lock(prepare, "django==5.2 --hash=sha256:0")
    prepare.install("requirements", "the packages")
    prepare.install("requirements", "the packages")
    assert len(runs) == 1
    assert "--require-hashes" in runs[0]


def test_a_changed_lock_file_is_installed_again(prepare: ModuleType, runs: Runs) -> None:
    lock(prepare, "django==5.2")
    prepare.install("requirements", "the packages")
    lock(prepare, "django==5.3")
    prepare.install("requirements", "the packages")
    assert len(runs) == 2


def test_an_interrupted_installation_is_not_trusted(prepare: ModuleType, runs: Runs) -> None:
    lock(prepare, "django==5.2")
    prepare.install("requirements", "the packages")
    lock(prepare, "django==5.3")
    runs.status = 1
    with pytest.raises(prepare.PrepareError):
        prepare.install("requirements", "the packages")
    # Back to the first lock file: what stands there now is neither the one nor the other.
    lock(prepare, "django==5.2")
    runs.status = 0
    prepare.install("requirements", "the packages")
    assert len(runs) == 3


def built(prepare: ModuleType) -> None:
    prepare.BUILT.mkdir(parents=True, exist_ok=True)
    (prepare.BUILT / "manifest.json").write_text("{}")


@pytest.fixture
def front_end(prepare: ModuleType, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "node_path", lambda: "")
    for name in ("package.json", "package-lock.json", "src/main.tsx"):
        (prepare.FRONTEND / name).write_text("{}")
    prepare.build_front_end()
    built(prepare)
    (prepare.FRONTEND / "node_modules").mkdir()
    runs.clear()


@pytest.mark.usefixtures("front_end")
def test_a_built_front_end_is_left_alone(prepare: ModuleType, runs: Runs) -> None:
    (prepare.FRONTEND / "views.py").write_text("# not a source of it")
    prepare.build_front_end()
    assert runs == []


@pytest.mark.usefixtures("front_end")
@pytest.mark.parametrize("name", ["src/main.tsx", "src/new.ts", "vite.config.ts"])
def test_a_changed_source_is_built_without_installing_again(name: str, prepare: ModuleType, runs: Runs) -> None:
    (prepare.FRONTEND / name).write_text("changed")
    prepare.build_front_end()
    assert runs == [["npm", "run", "build"]]


@pytest.mark.usefixtures("front_end")
def test_a_changed_lock_of_the_front_end_installs_and_builds(prepare: ModuleType, runs: Runs) -> None:
    (prepare.FRONTEND / "package-lock.json").write_text("changed")
    prepare.build_front_end()
    assert [command[1] for command in runs] == ["install", "run"]


@pytest.mark.usefixtures("front_end")
def test_deleted_built_files_are_built_again(prepare: ModuleType, runs: Runs) -> None:
    (prepare.BUILT / "manifest.json").unlink()
    prepare.build_front_end()
    assert runs == [["npm", "run", "build"]]


@pytest.mark.parametrize(("says", "version"), [("v20.19.0", (20, 19)), ("v8.1.2", (8, 1)), ("what?", (0, 0))])
def test_the_version_of_a_node_is_read(
    says: str, version: tuple[int, int], prepare: ModuleType, tmp_path: Path
) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho '{says}'\n")
    node.chmod(0o755)
    assert prepare.node_version(str(node)) == version


def test_a_command_that_fails_is_one_line(prepare: ModuleType) -> None:
    with pytest.raises(prepare.PrepareError, match=r"^the build failed \(exit status 3\); its own words stand above$"):
        prepare.run([sys.executable, "-c", "raise SystemExit(3)"], "the build")
    with pytest.raises(prepare.PrepareError, match=r"^the build cannot be started: No such file"):
        prepare.run(["/nowhere/npm"], "the build")


def test_what_pip_said_last_is_shown_when_it_fails(prepare: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    code = "print('Collecting django'); print('ERROR: no such hash'); raise SystemExit(1)"
    with pytest.raises(prepare.PrepareError, match=r"installing requirements\.txt failed \(exit status 1\)"):
        prepare.run_counted([sys.executable, "-c", code], "requirements", 1)
    assert "ERROR: no such hash" in capfd.readouterr().err


def test_asking_how_to_start_installs_nothing_and_ends_well(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "project").mkdir()
    for name in ("__init__.py", "up_arguments.py"):
        shutil.copy(ROOT / "project" / name, tmp_path / "project" / name)
    answer = subprocess.run(
        [tmp_path / "scripts" / "run", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.count("usage: scripts/run") == 1
    assert not (tmp_path / ".venv").exists()
