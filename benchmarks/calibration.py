"""What this machine's kernel takes for one small frame on a loopback socket, now: the unit by which figures of different
minutes and machines compare.
"""

import os
import socket
import time
from typing import Final

FRAMES: Final = 60_000
BYTES: Final = 200
# Longer frames, by which the price of a byte shows.
LONG_FRAMES: Final = 6_000
LONG_BYTES: Final = 16_200


def microseconds_a_frame() -> float:
    """CPU time of this thread for one `send` of 200 bytes on TCP, a child draining the other end."""
    return _microseconds(FRAMES, BYTES)


def microseconds_a_byte() -> float:
    """What each byte more of a frame costs."""
    return max(0.0, _microseconds(LONG_FRAMES, LONG_BYTES) - _microseconds(FRAMES, BYTES)) / (LONG_BYTES - BYTES)


def _microseconds(frames: int, length: int) -> float:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = os.fork()
        if not child:
            with socket.create_connection(listener.getsockname()) as reader:
                while reader.recv(1 << 18):
                    pass
            os._exit(0)
        sender, _ = listener.accept()
    with sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        frame = b"x" * length
        began = time.thread_time()
        for _ in range(frames):
            sender.sendall(frame)
        spent = time.thread_time() - began
    os.waitpid(child, 0)
    return spent / frames * 1e6
