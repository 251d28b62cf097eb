"""When rows leave: the beat, the first change of a quiet connection, and beats that stretch under load."""

import asyncio
from collections.abc import Iterator

import pytest

from marketdata.stream.phases import PHASES, Phases

from .board import Seat, StillBoard


@pytest.fixture
def board() -> StillBoard:
    return StillBoard()


@pytest.fixture
async def stretches() -> list[int]:
    return []


@pytest.fixture
async def phases(board: StillBoard, stretches: list[int]) -> "Iterator[Phases]":  # type: ignore[misc]
    phases = Phases(board, stretches.append)
    yield phases
    phases.close()


def sit(board: StillBoard, phases: Phases, ids: range, beat: int) -> Seat:
    seat = Seat(board, ids)
    phases.add(seat.connection, beat)
    return seat


async def test_a_quiet_connection_is_told_at_once_and_then_at_its_beat(board: StillBoard, phases: Phases) -> None:
    seat = sit(board, phases, range(1, 4), 50)
    board.change(1)
    assert seat.wire.rows() == {1: 1}
    board.change(1, 2)
    assert seat.wire.rows() == {}
    await asyncio.sleep(0.12)
    assert seat.wire.rows() == {1: 2, 2: 1}


async def test_what_was_told_early_is_not_told_again(board: StillBoard, phases: Phases) -> None:
    seat = sit(board, phases, range(1, 4), 50)
    board.change(1, 2)
    board.change(2)
    await asyncio.sleep(0.12)
    # `rows` raises where one came twice.
    assert seat.wire.rows() == {1: 1, 2: 2}


async def test_beat_nought_is_told_each_turn(board: StillBoard, phases: Phases) -> None:
    seat = sit(board, phases, range(1, 4), 0)
    for seq in range(1, 4):
        board.change(1)
        assert seat.wire.rows() == {1: seq}


async def test_each_hears_only_what_it_wants(board: StillBoard, phases: Phases) -> None:
    one, two = sit(board, phases, range(1, 3), 50), sit(board, phases, range(2, 4), 0)
    board.change(1, 2, 3, 4)
    assert one.wire.rows() == {1: 1, 2: 1}
    assert two.wire.rows() == {2: 1, 3: 1}


async def test_connections_of_a_beat_are_spread_over_its_phases(board: StillBoard, phases: Phases) -> None:
    seats = [sit(board, phases, range(1), 100) for _ in range(2 * PHASES[100])]
    counts = [len(phase.connections) for phase in phases._beats[100]]
    assert counts == [2] * PHASES[100]
    for seat in seats:
        phases.remove(seat.connection)
    assert phases._running == []


async def test_another_beat_takes_along_what_is_owed(board: StillBoard, phases: Phases) -> None:
    seat = sit(board, phases, range(1, 4), 1_000)
    board.change(1)
    seat.wire.take()
    board.change(2, 3)
    assert seat.wire.rows() == {}
    phases.add(seat.connection, 0)
    assert seat.wire.rows() == {2: 1, 3: 1}


async def test_a_connection_that_ends_while_its_frame_is_sent_stays_out(board: StillBoard, phases: Phases) -> None:
    seats = [sit(board, phases, range(1, 2), 50) for _ in range(8)]
    for seat in seats:
        phases.remove(seat.connection)
        seat.connection.dispose()
    board.change(1)
    await asyncio.sleep(0.12)
    assert all(seat.wire.sent == [] for seat in seats)
    assert all(not phase.quiet and phase.timer is None for phase in phases._beats[50])


async def test_beats_stretch_under_load_and_come_back(board: StillBoard, phases: Phases, stretches: list[int]) -> None:
    seat = sit(board, phases, range(1), 250)
    for _ in range(6):
        phases._measured_at = asyncio.get_running_loop().time() - 1
        phases._busy_s = 0.7
        phases.measure()
    assert stretches == [2, 4, 8]
    assert phases.interval_ms(seat.connection) == 1_000  # not beyond the longest beat
    for busy in (0.3, 0.1, 0.1, 0.1, 0.1):
        phases._measured_at = asyncio.get_running_loop().time() - 1
        phases._busy_s = busy
        phases.measure()
    assert stretches == [2, 4, 8, 4, 2, 1]
    assert phases.interval_ms(seat.connection) == 250


async def test_a_stretched_beat_is_longer(board: StillBoard, phases: Phases) -> None:
    seat = sit(board, phases, range(1, 2), 50)
    phases.stretch = 8
    await asyncio.sleep(0.1)
    board.change(1)
    seat.wire.take()
    frames = 0
    for _ in range(40):
        await asyncio.sleep(0.01)
        board.change(1)
        frames += len(seat.wire.take("ticks"))
    assert frames <= 3
