"""What the clients of a benchmark count is what came."""

import asyncio
from typing import Any

from benchmarks.watchers import SocketIOWatcher, Totals, Watcher, choice, measured_of, source_of

SPEC: dict[str, Any] = {"sockets": 40, "measured": 7, "seed": 3, "chains": 0, "symbols": 30, "per_socket": 5}
TICKS = b'{"op":"ticks","n":4,"sent_ms":1.5,"rows":[[7,301,1.0,0.1],[8,5,1.0,0.1,null,2],[9,1,2.0,0.3]]}'


async def heard(measured: bool) -> Totals:
    totals = Totals()
    watcher = Watcher(4, totals, [], 100, measured)
    totals.mark()
    for frame in (b'{"op":"snapshot","rows":[[7,300]],"more":false}', b'{"op":"status","feed":"x"}', TICKS):
        watcher.heard(None, frame)  # type: ignore[arg-type]
    assert watcher.ready.done()
    totals.mark()
    watcher.heard(None, TICKS)  # type: ignore[arg-type]
    return totals


async def test_rows_are_counted_alike_whether_they_are_timed_or_not() -> None:
    for measured in (True, False):
        totals = await heard(measured)
        assert totals.between_marks() == [1, 3, len(TICKS), 0]


async def test_a_timed_socket_notes_the_rows_of_snapshots_too() -> None:
    totals = await heard(True)
    assert list(totals.instrument) == [7, 7, 8, 9, 7, 8, 9]
    assert list(totals.seq)[:3] == [300, 301, 5]
    assert not (await heard(False)).seq


async def test_an_event_of_socket_io_is_one_row() -> None:
    totals = Totals()
    watcher = SocketIOWatcher(0, totals, [], 0, True)
    totals.mark()
    watcher.heard(None, b'42["ticks",[7,12,1.0]]')  # type: ignore[arg-type]
    totals.mark()
    assert (totals.between_marks()[:2], list(totals.seq)) == ([1, 1], [12])
    await asyncio.sleep(0)


def test_the_choices_do_not_depend_on_how_many_processes_hold_the_sockets() -> None:
    assert choice(SPEC, 11) == choice(dict(SPEC), 11) != choice(SPEC, 12)
    assert len(measured_of(SPEC)) == 7
    assert measured_of(SPEC) == measured_of(dict(SPEC))


def test_beyond_the_ports_of_one_address_another_is_taken() -> None:
    assert [source_of(index) for index in (0, 9_999, 10_000, 25_000)] == [
        None,
        None,
        ("127.0.0.2", 0),
        ("127.0.0.3", 0),
    ]
