"""Every accepted quote ends in the database once or lies in a recorded gap, whatever is killed meanwhile."""

import time
from pathlib import Path

import pytest
from redis import Redis

from .ledger_scene import Scene, open_scene, until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

vendors = pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
# What does not hang on the kind of database is tried on one of them each time, on the other in the slow suite.
either = pytest.mark.parametrize("vendor", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])


def hold_to_the_ledger(scene: Scene, least: int) -> None:
    """All is over, nothing was over its cap, and the history server's file was kept: nothing may be missing."""
    scene.settle()
    outcome = scene.outcome()
    print(f"{len(outcome.offered):,} handed to history, {len(outcome.accepted):,} accepted: {'; '.join(scene.told)}")
    assert len(outcome.accepted) > least, scene.told
    outcome.check()
    assert not outcome.missing, (len(outcome.missing), scene.told)
    assert not outcome.gaps, (outcome.gaps, scene.told)
    status, report = scene.verify()
    assert (status, report["ok"], report["lost"]) == (0, True, []), scene.told
    assert report["ticks"] == len(outcome.stored)


@vendors
def test_nothing_is_lost_when_each_part_is_killed_once(vendor: str, short_path: Path) -> None:
    with open_scene(short_path, vendor) as scene:
        scene.run(2_000)
        scene.havoc(4, 1, seed=1)
        hold_to_the_ledger(scene, 2_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
@vendors
def test_nothing_is_lost_at_20000_quotes_a_second_while_all_parts_are_killed(
    vendor: str, seed: int, short_path: Path
) -> None:
    with open_scene(short_path, vendor, symbols=500) as scene:
        scene.run(20_000)
        scene.havoc(30, 3, seed=seed)
        # Far below what is offered: what a killed leader had not handed on was never accepted, and the machine may be
        # others' too.
        hold_to_the_ledger(scene, 50_000)


@either
def test_what_the_cap_takes_off_the_stream_lies_in_a_recorded_gap(vendor: str, short_path: Path) -> None:
    with open_scene(short_path, vendor, recorders=0, STRIKEWIRE_HISTORY_STREAM_MB="1") as scene:
        scene.run(8_000)
        deadline = time.monotonic() + 30
        with Redis.from_url(scene.valkey.url, socket_timeout=5) as client:
            while not client.hlen("stack:history:gaps"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        time.sleep(0.5)
        scene.run(0)
        scene.start_recorder()
        scene.settle()
        outcome = scene.outcome()
        outcome.check()
        assert outcome.missing
        assert sum(gap[3] for gap in outcome.gaps) == len(outcome.missing)
        assert {gap[4] for gap in outcome.gaps} == {"stream_full"}
        status, report = scene.verify()
        assert (status, report["lost"]) == (0, [])
        assert sum(term["in_gaps"] for term in report["terms"]) == len(outcome.missing)


# ── The control: without what makes up for a kill, the ledger shows what is missing ───────────────────────────────────


def leave_a_batch_behind(scene: Scene) -> None:
    """A recorder is killed with a batch that it has read and cannot store."""
    scene.run(1_000)
    with Redis.from_url(scene.valkey.url, socket_timeout=5) as client:
        until(lambda: scene.database.rows("SELECT count(*) FROM history_tick")[0][0] > 100)
        with scene.database_away():
            time.sleep(1)  # what was committed just before is taken off the stream by now
            until(lambda: client.xpending("stack:history", "recorders")["pending"] > 0)
            scene.recorders.pop(0).kill()
    scene.start_recorder()


@pytest.mark.slow
@pytest.mark.parametrize("is_control", [False, True], ids=["claimed", "left"])
@vendors
def test_a_killed_recorders_batch_is_found_only_where_it_is_claimed(
    vendor: str, is_control: bool, short_path: Path
) -> None:
    with open_scene(short_path, vendor, recorders=0) as scene:
        if is_control:
            scene.recorder_program = ("-m", "tests.history.forgetful", "record_history")
        scene.start_recorder()
        leave_a_batch_behind(scene)
        time.sleep(15)  # what a recorder leaves is another's after ten seconds
        if not is_control:
            hold_to_the_ledger(scene, 1_000)
            return
        with pytest.raises(AssertionError, match="does not come to rest"):
            scene.settle(10)
        outcome = scene.outcome()
        assert outcome.missing
        with pytest.raises(AssertionError, match="in no gap"):
            outcome.check()
        status, report = scene.verify()
        assert status == 1
        assert report["lost"]


@pytest.mark.slow
@pytest.mark.parametrize("is_control", [False, True], ids=["brought", "left"])
def test_a_killed_leaders_journal_is_in_history_only_where_the_next_one_brings_it(
    is_control: bool, short_path: Path
) -> None:
    program = "tests.history.forgetful" if is_control else "tests.path.scripted_ingest"
    with open_scene(short_path, "sqlite", ingest_program=program) as scene:
        scene.run(1_000)
        until(lambda: scene.database.rows("SELECT count(*) FROM history_tick")[0][0] > 100)
        with scene.valkey_away():
            time.sleep(2)
            scene.ingest.process.kill()
        with scene.ingest_away():
            pass
        time.sleep(1)
        if not is_control:
            hold_to_the_ledger(scene, 1_000)
            return
        with pytest.raises(AssertionError, match="does not come to rest"):
            scene.settle(10)
        outcome = scene.outcome()
        assert len(outcome.missing) > 500
        # It is seen all the same, by what the leader had published last.
        until(lambda: scene.database.rows("SELECT reason FROM history_gap") == [("lost_with_leader",)])
