"""Children that cannot outlive us, even after `kill -9`. The supervisor, the embedded servers and the tests start their
processes through this.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

# Loaded here and not in the child: between fork and exec nothing may be imported or allocated that a lock could guard.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(with_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """A `preexec_fn` after which the kernel sends `with_signal` to the child when its parent is gone.

    None where the platform has no such thing. "Parent" is the *thread* that forked: start children from a thread that
    lives as long as the process. A set-user-id program, and a change of user after it, would clear it again.
    """
    libc = _libc
    if libc is None:
        return None
    parent = os.getpid()

    def preexec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the line above: the signal will never come
            os._exit(1)

    return preexec
