"""What this machine's kernel takes for one small frame on a loopback socket, now: the unit by which figures of different
minutes and machines compare.
"""

import os
import socket
import time
from typing import Final

FRAMES: Final = 60_000
BYTES: Final = 200


def microseconds_a_frame() -> float:
    """CPU time of this thread for one `send` of 200 bytes on TCP, a child draining the other end."""
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
        frame = b"x" * BYTES
        began = time.thread_time()
        for _ in range(FRAMES):
            sender.sendall(frame)
        spent = time.thread_time() - began
    os.waitpid(child, 0)
    return spent / FRAMES * 1e6
