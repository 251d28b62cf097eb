"""The HTTP side of uvicorn, with a turnstile before it: in a storm each connection's first request, which mostly asks for a
WebSocket, is parsed in its turn. Hundreds come in one turn of the loop, and to read them all at once takes a tenth of a
second in which nobody who is there is sent anything.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from marketdata.stream.turnstile import turnstile


class Http(HttpToolsProtocol):
    _came = False
    _held = b""

    def data_received(self, data: bytes) -> None:
        if not self._came:
            self._came = True
            if not turnstile().comes(self._let_in):
                self._held = data
                self.transport.pause_reading()
                return
        super().data_received(data)

    def _let_in(self) -> None:
        held, self._held = self._held, b""
        if self.parser is None or self.transport.is_closing():
            return  # it has gone
        self.transport.resume_reading()
        super().data_received(held)
