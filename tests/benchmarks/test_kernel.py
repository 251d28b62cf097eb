"""The kernel's accounts are read right: of children, of those that ended, and of memory that is shared."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks import kernel

BUSY = "import time; began = time.process_time()\nwhile time.process_time() - began < 0.3: pass\n"
# Starts a child that works and waits for it; then works no more.
PARENT = (
    f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])\n"
    "print('done', flush=True); sys.stdin.read()"
)


def test_cpu_is_that_of_children_too_when_they_have_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"done\n"
        assert kernel.family([parent.pid]) == [parent.pid]
        assert 0.3 <= kernel.cpu_seconds([parent.pid]) < 1.5
        parent.communicate()


def test_children_that_live_belong_to_the_family_and_share_its_memory() -> None:
    waits = "import os, sys\nchild = os.fork()\nif child: print(child, flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert sorted(kernel.family([parent.pid])) == sorted([parent.pid, child])
        assert parent.pid in kernel.family([os.getpid()])
        both = kernel.memory_kib([parent.pid])
        status = Path(f"/proc/{child}/status").read_text()
        (resident,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        # A fork shares nearly all of it: both together have little more than one.
        assert 1_000 < both < 1.6 * resident
        parent.communicate()


def test_a_process_that_is_gone_has_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert kernel.cpu_seconds([gone.pid]) == 0
    assert kernel.memory_kib([gone.pid]) == 0
