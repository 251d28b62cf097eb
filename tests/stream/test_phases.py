"""When rows leave: the beat, the first change of a quiet connection, and beats that stretch under load."""

import asyncio
from collections.abc import Collection, Iterator

import pytest

from marketdata.stream.phases import PHASES, Phases

from .board import Seat, StillBoard


@pytest.fixture
def board() -> StillBoard:
    return StillBoard()


@pytest.fixture
async def stretches() -> list[tuple[int, int]]:
    return []


@pytest.fixture
async def phases(board: StillBoard, stretches: list[tuple[int, int]]) -> "Iterator[Phases]":  # type: ignore[misc]
    made = Phases(board, lambda beats: stretches.append((made.stretch, made.ease)))
    yield made
    made.close()


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


async def test_beats_stretch_under_load_and_come_back(
    board: StillBoard, phases: Phases, stretches: list[tuple[int, int]]
) -> None:
    """The fastest beat gives way first, and is the last to come back."""

    def measure(*shares: float) -> list[tuple[int, int]]:
        stretches.clear()
        for share in shares:
            phases._measured_at = asyncio.get_running_loop().time() - 1
            phases._busy_s = share
            phases.measure()
        return list(stretches)

    assert measure(0.2, 0.3, 0.3, 0.5) == [(1, 2), (1, 5)]
    assert [phases.interval_ms(beat) for beat in (10, 50, 250)] == [50, 50, 250]
    assert measure(*[0.7] * 6) == [(2, 5), (4, 5), (8, 5)]
    assert phases.interval_ms(250) == 1_000  # not beyond the longest beat
    assert measure(0.24, 0.1, 0.1, 0.1, 0.1) == [(4, 5), (2, 5), (1, 5)]
    assert phases.interval_ms(250) == 250
    assert measure(0.05, 0.05, 0.05) == [(1, 2), (1, 1)]
    assert measure(0.7) == [(2, 2)]


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


async def test_who_wants_the_same_gets_the_same_rows_joined_once(
    board: StillBoard, phases: Phases, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = [sit(board, phases, range(1, 5), 50) for _ in range(12)]
    other = sit(board, phases, range(3, 9), 50)
    assert len({id(seat.connection.wanted) for seat in alike}) == 1
    await asyncio.sleep(0.12)
    joins: list[frozenset[int]] = []
    join = board.joined

    def counted(ids: Collection[int]) -> tuple[int, bytes]:
        joins.append(frozenset(ids))
        return join(ids)

    monkeypatch.setattr(board, "joined", counted)
    board.change(2, 3, 7)
    assert sorted(map(sorted, joins)) == [[2, 3], [3, 7]]
    for seat in alike:
        assert seat.wire.rows() == {2: 1, 3: 1}
    assert other.wire.rows() == {3: 1, 7: 1}


async def test_what_a_connection_wants_anew_or_no_more_counts_from_the_next_beat(
    board: StillBoard, phases: Phases
) -> None:
    alike = [sit(board, phases, range(1, 3), 50) for _ in range(3)]
    board.change(1)
    await asyncio.sleep(0.12)
    changed = alike[0]
    changed.connection.forget([1])
    board.watch(changed.connection, [3])
    changed.connection.snapshot("more", [3], None)
    for seat in alike:
        seat.wire.take()
    board.change(1, 2, 3)
    await asyncio.sleep(0.12)
    assert changed.wire.rows().keys() == {2, 3}
    for seat in alike[1:]:
        assert seat.wire.rows().keys() == {1, 2}
