"""The listening socket of the web process."""

import contextlib
import os
import socket
import sys
from pathlib import Path

import pytest

from project.errors import StartError
from project.listening import SEND_BUFFER_BYTES, UNACKNOWLEDGED_MS, listen

from .fake_parts import run_to_end

ROOT = Path(__file__).resolve().parents[2]


def test_an_accepted_connection_hides_little_in_the_kernel() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), 5):
        listener.settimeout(5)
        accepted, _ = listener.accept()
        with accepted:
            # Linux answers with twice what was asked for, its own bookkeeping included.
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER_BYTES
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNACKNOWLEDGED_MS


def sent_until_it_would_wait(connection: socket.socket) -> int:
    """Bytes that the kernel takes for a peer that does not read; 16 MiB where it takes everything."""
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while taken < 16 * 1024 * 1024:
            taken += connection.send(b"x" * 65_536)
    return taken


def test_a_reader_that_does_not_read_stops_the_writer_soon() -> None:
    with listen("127.0.0.1", 0) as listener, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        reader.connect(listener.getsockname())
        listener.settimeout(5)
        accepted, _ = listener.accept()
        with accepted:
            accepted.setblocking(False)
            assert sent_until_it_would_wait(accepted) < 1024 * 1024


def test_a_port_in_use_says_what_to_do() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartError, match=f"^port {port} is in use: give another with --port$") as raised:
            listen("127.0.0.1", port)
    assert raised.value.status == 2


def test_a_port_is_free_again_at_once() -> None:
    with listen("127.0.0.1", 0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address, 5):
            pass
    listen(*address).close()


@pytest.mark.parametrize("host", ["not a host", "192.0.2.1"])
def test_an_address_of_another_machine_is_one_line(host: str) -> None:
    with pytest.raises(StartError, match=host) as raised:
        listen(host, 0)
    assert raised.value.status == 2
    assert "\n" not in str(raised.value)


def test_serve_says_a_port_in_use_in_one_line() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        ended = run_to_end(command, cwd=ROOT, env={**os.environ})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"error: port {port} is in use: give another with --port\n"
