"""nginx and HAProxy as `deploy/` ships them: only addresses, ports, paths, the user, and how much this machine may be asked
for are filled in.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from project.parent_death import die_with_parent
from tests.path.stack import Process
from tests.tls import certify
from tests.valkey import free_port

Kind = Literal["nginx", "haproxy"]
KINDS: Final[tuple[Kind, ...]] = ("nginx", "haproxy")
DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
FILES: Final[dict[Kind, str]] = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}
NAME: Final = "desk.example.org"
# Where Debian has them, which is not on everybody's PATH.
_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
START_S: Final = 10.0

Change = Callable[[str], str]


def program(kind: Kind) -> str | None:
    return shutil.which(kind, path=_PATH)


def missing() -> str:
    """Which of the two this machine does not have."""
    return " and ".join(kind for kind in KINDS if program(kind) is None)


@dataclass
class Proxy:
    kind: Kind
    http_port: int
    https_port: int
    folder: Path
    process: Process

    def origin(self, scheme: str) -> str:
        return f"{scheme}://{NAME}:{self.port(scheme)}"

    def port(self, scheme: str) -> int:
        return {"http": self.http_port, "https": self.https_port}[scheme]

    def stop(self) -> None:
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def states(self) -> dict[str, str]:
        """What HAProxy thinks of each host, by name: UP, DOWN, or on the way from one to the other."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.folder / "admin.sock"))
            connection.sendall(b"show stat\n")
            text = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
        cells = [line.split(",") for line in text.splitlines() if line.startswith("hosts,web")]
        return {cell[1]: cell[17] for cell in cells}

    def wait_until(self, holds: Callable[[dict[str, str]], bool], seconds: float) -> float:
        """How long it took until HAProxy thought so of its hosts."""
        began = time.monotonic()
        while not holds(found := self.states()):
            assert time.monotonic() < began + seconds, found
            time.sleep(0.05)
        return time.monotonic() - began


def start_proxy(kind: Kind, hosts: Sequence[str], changed: Change = lambda text: text) -> Proxy:
    """One in front of `hosts` (`address:port`), which takes connections before this returns. `changed` makes of the file
    what a test needs to show what it is for."""
    found = program(kind)
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix=f"sw-{kind}-", dir="/tmp"))
    folder.chmod(0o755)
    ports = free_port(), free_port()
    configuration = folder / FILES[kind]
    configuration.write_text(changed(filled(kind, hosts, ports, folder)))
    _certify(folder)
    command = {
        "nginx": [found, "-c", str(configuration), "-g", "daemon off;"],
        "haproxy": [found, "-db", "-f", str(configuration)],
    }[kind]
    process = _started(command, folder)
    deadline = time.monotonic() + START_S
    while True:
        try:
            for port in ports:
                socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            said = (folder / "output").read_text()
            assert process.popen.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        else:
            return Proxy(kind, *ports, folder, process)


def _started(command: Sequence[str], folder: Path) -> Process:
    """It is asked to end with us, and not killed: nginx would leave its workers behind."""
    log = folder / "output"
    with log.open("a") as output:
        popen = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": _PATH},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
    return Process(popen, log)


def filled(kind: Kind, hosts: Sequence[str], ports: tuple[int, int], folder: Path) -> str:
    text = _with_hosts((DEPLOY / FILES[kind]).read_text(), hosts)
    if kind == "nginx":
        changes = {
            "listen 80 ": f"listen 127.0.0.1:{ports[0]} ",
            "listen 443 ": f"listen 127.0.0.1:{ports[1]} ",
            "/etc/ssl/strikewire/fullchain.pem": f"{folder}/certificate.pem",
            "/etc/ssl/strikewire/privkey.pem": f"{folder}/key.pem",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx/error.log": f"{folder}/error.log",
            # Where it puts what waits, which only root may have in the usual place.
            "server_tokens off;": "server_tokens off; "
            + " ".join(
                f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            ),
        }
        if os.geteuid() != 0:
            changes["user www-data;"] = ""
    else:
        changes = {
            "bind :80 ": f"bind 127.0.0.1:{ports[0]} ",
            "bind :443 ": f"bind 127.0.0.1:{ports[1]} ",
            "/etc/ssl/strikewire/site.pem": f"{folder}/site.pem",
            "/run/haproxy/admin.sock": f"{folder}/admin.sock",
            # It would not start where a process may not open twice as many files.
            "maxconn 30000": "maxconn 1000",
            # A change of user would undo that it ends with us.
            "user haproxy": f"user {pwd.getpwuid(os.geteuid()).pw_name}",
            "    group haproxy\n": "",
        }
    for old, new in changes.items():
        assert text.count(old) == 1, (kind, old)
        text = text.replace(old, new)
    return text


def _with_hosts(text: str, hosts: Sequence[str]) -> str:
    """The lines of the first of the two hosts that are shipped, for each of `hosts`; the second's have to be like them."""
    lines: list[str] = []
    first = ""
    for line in text.splitlines(keepends=True):
        if "10.0.0.12:8000" in line:
            assert line.replace("10.0.0.12", "10.0.0.11").replace("web2", "web1") == first
        elif "10.0.0.11:8000" in line:
            first = line
            for number, host in enumerate(hosts, 1):
                lines.append(line.replace("10.0.0.11:8000", host).replace("web1", f"web{number}"))
        else:
            lines.append(line)
    assert not re.search(r"10\.0\.0\.", "".join(lines))
    return "".join(lines)


def trusting(folder: Path) -> ssl.SSLContext:
    """A client's that believes the certificate in `folder` and no other."""
    return ssl.create_default_context(cafile=str(folder / "certificate.pem"))


def _certify(folder: Path) -> None:
    """A certificate of the site's name, signed by itself."""
    certificate, key = certify(NAME, NAME)
    (folder / "certificate.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    (folder / "site.pem").write_bytes(certificate + key)
