"""The clock that does not count a machine's standstill."""

import os
import signal
import subprocess
import sys
import time

from tests import given_time

COUNTING = """
import sys, time
from tests import given_time
first, began, interval = given_time.now(), time.monotonic(), given_time.Interval()
print("ready", flush=True)
sys.stdin.readline()
print(given_time.now() - first, time.monotonic() - began, interval.lost_s())
"""


def test_it_goes_on_and_never_faster_than_time_itself() -> None:
    first, began = given_time.now(), time.monotonic()
    while given_time.now() - first < 0.6:
        assert time.monotonic() - began < 30
        time.sleep(0.01)
    assert given_time.now() - first <= time.monotonic() - began + 0.001


def test_a_standstill_is_not_counted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COUNTING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        os.kill(one.pid, signal.SIGSTOP)
        time.sleep(2.0)
        os.kill(one.pid, signal.SIGCONT)
        one.stdin.write("\n")
        one.stdin.flush()
        given, passed, lost = map(float, one.stdout.readline().split())
    assert passed >= 2.0
    assert given <= passed - 1.0
    assert lost > 1.0


def test_nothing_is_lost_while_the_machine_goes_on() -> None:
    for _ in range(5):
        interval = given_time.Interval()
        time.sleep(0.1)
        if abs(interval.lost_s()) < 0.05:
            return
    raise AssertionError("it stands still all the time, or the clock does")
