"""A web host that answers what a test tells it to, so that what a proxy makes of it can be seen by itself."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

HANG_UP: Final = -1


class StubHost(ThreadingHTTPServer):
    """`statuses` by path; 200 where nothing is said, and no answer at all where it is HANG_UP. `asked` counts what came,
    by path."""

    daemon_threads = True

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        self.asked: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: StubHost

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        status = self.server.statuses.get(self.path, 200)
        if status == HANG_UP:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def stub_host() -> Iterator[StubHost]:
    host = StubHost()
    thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield host
    finally:
        host.shutdown()
        host.server_close()
        thread.join()
