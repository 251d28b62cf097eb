"""The embedded Valkeys, and everything that may stand in their way."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis

from project.child import Child
from project.embedded import binary
from project.embedded.binary import find_server, packaged, version_of
from project.embedded.server import EmbeddedServer
from project.errors import StartError
from project.supervisor import Supervisor
from project.up import server_answers
from tests.valkey import start_valkey

from .fake_parts import alive


def embedded(directory: Path, append_only: bool = False) -> EmbeddedServer:
    url = f"unix://{directory}/run/redis.sock"
    return EmbeddedServer("history" if append_only else "redis", url, directory / "data", append_only)


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(lambda line: None)
    yield supervisor
    await asyncio.wait_for(supervisor.stop(), 10)


async def start(server: EmbeddedServer, supervisor: Supervisor) -> Child:
    server.prepare()
    part = Child(server.name, server.command(find_server()), server.folder.parent / "server.log")
    await supervisor.start([part], lambda child: server_answers(server, child))
    return part


def options_of(server: EmbeddedServer) -> dict[str, str]:
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=5) as client:
        options: dict[str, str] = client.config_get("*")
    return options


async def test_the_first_server_keeps_nothing_and_has_no_port(supervisor: Supervisor, short_path: Path) -> None:
    server = embedded(short_path)
    await start(server, supervisor)
    options = options_of(server)
    assert (options["port"], options["save"], options["appendonly"]) == ("0", "", "no")
    assert options["maxmemory-policy"] == "noeviction"
    assert "pubsub 33554432 8388608 10" in options["client-output-buffer-limit"]
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700


async def test_the_history_server_has_what_it_had_before_a_restart(supervisor: Supervisor, short_path: Path) -> None:
    server = embedded(short_path, append_only=True)
    await start(server, supervisor)
    assert options_of(server)["appendfsync"] == "everysec"
    with Redis.from_url(server.url, socket_timeout=5) as client:
        client.set("kept", "yes")
    await supervisor.stop()
    again = Supervisor(lambda line: None)
    await start(server, again)
    try:
        with Redis.from_url(server.url, socket_timeout=5) as client:
            assert client.get("kept") == b"yes"
    finally:
        await again.stop()


async def test_a_folder_with_spaces_and_quotes_works(supervisor: Supervisor, short_path: Path) -> None:
    await start(embedded(short_path / 'it\'s a "place"', append_only=True), supervisor)


async def test_a_socket_that_nobody_listens_on_is_removed(supervisor: Supervisor, short_path: Path) -> None:
    server = embedded(short_path)
    server.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(server.socket))
    await start(server, supervisor)
    assert await server.answers()


async def test_a_server_left_over_is_shut_down_and_replaced(supervisor: Supervisor, short_path: Path) -> None:
    left_over = start_valkey(short_path / "run")
    server = embedded(short_path)
    part = await start(server, supervisor)
    assert left_over.process.wait(5) == 0
    assert part.running


def test_a_stranger_on_the_socket_is_named(short_path: Path) -> None:
    server = embedded(short_path)
    server.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(server.socket))
        listener.listen()
        with pytest.raises(StartError, match="something that is not ours listens on"):
            server.prepare()


def test_a_file_in_place_of_the_socket_is_left_alone(short_path: Path) -> None:
    server = embedded(short_path)
    server.socket.parent.mkdir()
    server.socket.write_text("mine")
    with pytest.raises(StartError, match="is in the way"):
        server.prepare()
    assert server.socket.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(short_path: Path) -> None:
    (short_path / "data").write_text("a file")
    with pytest.raises(StartError, match=r"data cannot be made|data is not a folder of ours"):
        embedded(short_path).prepare()


def test_a_link_to_somewhere_else_is_not_taken_for_the_folder(short_path: Path) -> None:
    (short_path / "elsewhere").mkdir()
    (short_path / "run").symlink_to(short_path / "elsewhere")
    with pytest.raises(StartError, match="run is not a folder of ours"):
        embedded(short_path).prepare()


def test_a_folder_of_another_user_is_not_used(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short_path / "run").mkdir()
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    with pytest.raises(StartError, match="run is not a folder of ours"):
        embedded(short_path).prepare()


async def test_a_damaged_append_only_file_is_one_line_with_the_remedy(supervisor: Supervisor, short_path: Path) -> None:
    server = embedded(short_path, append_only=True)
    await start(server, supervisor)
    with Redis.from_url(server.url, socket_timeout=5) as client:
        for number in range(20):
            client.set(f"key{number}", "value")
    await supervisor.stop()
    for file in server.folder.rglob("*.aof"):
        file.write_bytes(b"this is no command\r\n" * 20)
    again = Supervisor(lambda line: None)
    try:
        with pytest.raises(StartError, match=r"append-only file in .* is damaged: mend it") as raised:
            await start(server, again)
        assert "\n" not in str(raised.value)
    finally:
        await again.stop()


async def test_a_server_that_refuses_its_options_is_one_line(supervisor: Supervisor, short_path: Path) -> None:
    server = embedded(short_path)
    server.prepare()
    part = Child("redis", [*server.command(find_server()), "--no-such-option", "1"], short_path / "server.log")
    with pytest.raises(StartError, match="redis: the server ended at once: ") as raised:
        await supervisor.start([part], lambda child: server_answers(server, child))
    assert "\n" not in str(raised.value)


async def test_stopping_leaves_no_server(supervisor: Supervisor, short_path: Path) -> None:
    part = await start(embedded(short_path), supervisor)
    await asyncio.wait_for(supervisor.stop(), 5)
    assert part.pid is not None
    assert not alive(part.pid)


def program(directory: Path, name: str, says: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (directory / name).chmod(0o755)


def test_a_server_of_the_machine_s_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "redis-server", "Redis server v=6.2.14 sha=0:0 malloc=libc bits=64")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == tmp_path / "redis-server"
    program(tmp_path, "valkey-server", "Valkey server v=8.1.0 sha=0:0 malloc=libc bits=64")
    assert find_server() == tmp_path / "valkey-server"


@pytest.mark.parametrize("says", ["Redis server v=6.0.16 sha=0:0", "segmentation fault", ""])
def test_an_old_or_broken_server_is_passed_over(says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "redis-server", says)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binary, "packaged", lambda: Path("/packaged"))
    assert find_server() == Path("/packaged")


def test_no_server_at_all_is_one_line_that_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binary, "packaged", lambda: None)
    with pytest.raises(StartError, match=r"install Valkey or Redis 6\.2 or newer, or set REDIS_URL"):
        find_server()


def test_the_packaged_server_runs() -> None:
    program = packaged()
    if program is None:
        pytest.skip("there is no packaged server for this platform")
    assert (version_of(program) or (0, 0)) >= (6, 2)
