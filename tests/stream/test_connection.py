"""What a connection is sent, what waits, and when it is given up on."""

import asyncio
import time

import pytest

from marketdata.stream import connection as module
from marketdata.stream.protocol import ProtocolError

from .board import Seat, StillBoard


@pytest.fixture
def board() -> StillBoard:
    board = StillBoard()
    board.change(*range(1, 2_001), turn=False)
    return board


async def test_a_snapshot_comes_before_the_ticks_of_its_ids(board: StillBoard) -> None:
    seat = Seat(board)
    seat.connection.snapshot("a", [1, 2, 5_000], 7)
    (snapshot,) = seat.wire.take()
    assert snapshot["rows"] == [[1, 1], [2, 1]]
    assert (snapshot["empty"], snapshot["more"], snapshot["n"], snapshot["id"]) == ([5_000], False, 1, 7)
    board.change(1, turn=False)
    seat.deliver({1})
    (ticks,) = seat.wire.take("ticks")
    assert (ticks["rows"], ticks["n"]) == ([[1, 2]], 2)


async def test_what_changes_while_a_send_waits_is_sent_once_and_newest(board: StillBoard) -> None:
    seat = Seat(board, [1, 2, 3])
    seat.wire.writable.clear()
    for _ in range(5):
        board.change(1, 2, turn=False)
        seat.deliver({1, 2})
    board.change(3, turn=False)
    seat.deliver({3})
    assert seat.wire.sent == []
    seat.wire.writable.set()
    await asyncio.sleep(0.01)
    first, second = seat.wire.take("ticks")
    assert sorted(first["rows"]) == [[1, 2], [2, 2]]
    assert sorted(second["rows"]) == [[1, 6], [2, 6], [3, 2]]
    assert (first["n"], second["n"]) == (1, 2)


async def test_messages_keep_their_order_behind_a_send_that_waits(board: StillBoard) -> None:
    seat = Seat(board)
    seat.wire.writable.clear()
    seat.connection.post({"op": "one"})
    seat.connection.post({"op": "two"})
    seat.connection.snapshot("a", [1], None)
    seat.connection.post({"op": "three"})
    seat.wire.writable.set()
    await asyncio.sleep(0.01)
    assert [message["op"] for message in seat.wire.take()] == ["one", "two", "snapshot", "three"]


async def test_a_full_window_stops_rows_until_it_is_answered(board: StillBoard) -> None:
    seat = Seat(board, range(1, 2_001))
    frames = 0
    while not seat.connection.pending:
        board.change(*range(1, 2_001), turn=False)
        seat.deliver(set(range(1, 2_001)))
        frames += 1
        assert frames < 1_000
    window, size = module.UNANSWERED_BYTES, seat.connection.sent / (frames - 1)
    assert window < seat.connection.sent <= window + size
    pings = seat.wire.take("ping")
    assert [ping["n"] for ping in pings] == sorted({ping["n"] for ping in pings})
    board.change(1, turn=False)
    seat.deliver({1})
    seat.connection.post({"op": "answer"})
    assert [message["op"] for message in seat.wire.take()] == ["answer"]  # only rows are held back
    seat.connection.pong(pings[-1]["n"])
    rows = seat.wire.rows()
    assert len(rows) == 2_000
    assert rows[1] == board.seqs[1]
    assert not seat.connection.pending


async def test_an_old_answer_counts_only_what_it_answers(board: StillBoard) -> None:
    seat = Seat(board, [1])
    seat.connection.post({"op": "x", "y": "z" * 300_000})
    seat.connection.post({"op": "x", "y": "z" * 300_000})
    board.change(1, turn=False)
    seat.deliver({1})
    assert seat.connection.pending
    seat.connection.pong(0)
    assert seat.connection.answered == pytest.approx(600_000, abs=200)
    assert seat.wire.take("ticks")


async def test_a_pong_for_a_frame_never_sent_is_refused(board: StillBoard) -> None:
    seat = Seat(board, [1])
    with pytest.raises(ProtocolError):
        seat.connection.pong(1)
    seat.deliver({1})
    seat.connection.pong(1)
    with pytest.raises(ProtocolError):
        seat.connection.pong(2)


async def test_a_ping_goes_out_after_five_seconds_of_rows_and_its_silence_closes(board: StillBoard) -> None:
    seat = Seat(board, [1])
    now = time.monotonic()
    seat.connection.tick(now + 6)
    assert seat.wire.take() == []  # nothing was sent yet that could be answered
    seat.deliver({1})
    seat.connection.tick(now + 6)
    assert [(ping["op"], ping["n"]) for ping in seat.wire.take()] == [("ticks", 1), ("ping", 1)]
    codes = []
    for later in (25, 27):
        seat.connection.tick(now + later)
        codes.append(seat.wire.closed)
    assert codes == [None, 4408]
    assert seat.wire.take()[-1]["code"] == 4408
    assert seat.ended == 1


async def test_what_is_forgotten_comes_no_more_also_from_a_snapshot_that_waits(board: StillBoard) -> None:
    seat = Seat(board)
    seat.connection.post({"op": "x", "y": "z" * 600_000})
    seat.connection.snapshot("a", [1, 2, 3], None)
    seat.connection.forget([1, 3])
    seat.connection.pong(0)
    assert seat.wire.rows() == {2: 1}
    assert seat.connection.wanted == {2}


async def test_a_send_past_its_deadline_ends_the_connection(board: StillBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_S", 0.05)
    seat = Seat(board, [1])
    seat.wire.writable.clear()
    seat.deliver({1})
    await asyncio.sleep(0.15)
    assert (seat.ended, seat.connection.closing) == (1, True)
    seat.connection.post({"op": "late"})
    seat.wire.writable.set()
    await asyncio.sleep(0.01)
    assert seat.wire.sent == []


async def test_a_client_that_has_gone_ends_quietly(board: StillBoard) -> None:
    seat = Seat(board, [1])
    seat.wire.gone = True
    seat.deliver({1})
    seat.connection.post({"op": "x"})
    seat.connection.close(1012, "bye")
    assert seat.wire.sent == []


async def test_too_many_answers_that_wait_end_the_connection(board: StillBoard) -> None:
    seat = Seat(board)
    seat.wire.writable.clear()
    for _ in range(module.OUTBOX + 2):
        seat.connection.post({"op": "x"})
    assert seat.ended == 1


async def test_too_large_answers_that_wait_end_the_connection(board: StillBoard) -> None:
    seat = Seat(board)
    seat.wire.writable.clear()
    for _ in range(7):
        seat.connection.post({"op": "x", "y": "z" * 1_000_000})
    assert seat.ended == 1


async def test_answers_that_nobody_answers_for_end_it_where_the_server_takes_all(board: StillBoard) -> None:
    """As Daphne does, which never waits."""
    seat = Seat(board)
    for _ in range(10):
        seat.connection.post({"op": "x", "y": "z" * 1_000_000})
    assert seat.wire.closed == 4408
    assert seat.connection.sent < module.MOST_UNANSWERED_BYTES + 2_000_000


async def test_disposing_leaves_no_task(board: StillBoard) -> None:
    seat = Seat(board, [1])
    seat.wire.writable.clear()
    seat.deliver({1})
    seat.connection.dispose()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "blocked-send"]


async def test_closing_a_connection_that_waits_leaves_no_task(board: StillBoard) -> None:
    seat = Seat(board, [1])
    seat.wire.writable.clear()
    seat.connection.post({"op": "x"})
    seat.connection.close(1012, "bye")
    seat.connection.dispose()
    await asyncio.sleep(0.01)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "blocked-send"]


async def test_a_goodbye_that_has_to_wait_leaves_no_task(board: StillBoard) -> None:
    seat = Seat(board, [1])
    seat.wire.writable.clear()
    seat.connection.close(1012, "bye")
    seat.connection.dispose()
    await asyncio.sleep(0.01)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "blocked-send"]
