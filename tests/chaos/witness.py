"""Hears all that is published, straight from Redis and by none of our own bus code: the judge of what was said, and
when.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

import hiredis
import msgspec

from marketdata import rows

AGAIN_S: Final = 0.02
_MORE: Final = object()


class Witness:
    """`faults` has an entry for each row whose `seq` is not above its instrument's last one, or that is of a former term
    although a later one had begun. `began` is when the first beacon or row of each term was heard, `term` the highest."""

    def __init__(self, port: int, row_channels: Sequence[str], beacon_channel: str) -> None:
        self.faults: list[str] = []
        self.seqs: dict[int, int] = {}
        self.began: dict[int, float] = {}
        self.term = 0
        self.rows = 0
        self._port = port
        self._beacons = beacon_channel.encode()
        self._channels = [*row_channels, beacon_channel]
        self._task = asyncio.get_running_loop().create_task(self._listen(), name="witness")

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write(hiredis.pack_command(("SUBSCRIBE", *self._channels)))  # type: ignore[arg-type]
                    await self._read(reader)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(AGAIN_S)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        parser = hiredis.Reader(notEnoughData=_MORE)
        while data := await reader.read(1 << 18):
            parser.feed(data)
            while (reply := parser.gets()) is not _MORE:
                if isinstance(reply, list) and reply[0] == b"message":
                    self._take(reply[1], reply[2])

    def _take(self, channel: bytes, payload: Any) -> None:
        if channel == self._beacons:
            self._begin(msgspec.json.decode(payload)["term"])
            return
        instrument_id, seq = rows.header(payload)
        self.rows += 1
        if seq // rows.TERM < self.term:
            self.faults.append(f"{_seq(seq)} was published after term {self.term} had begun")
        self._begin(seq // rows.TERM)
        held = self.seqs.get(instrument_id, 0)
        if seq <= held:
            self.faults.append(f"{_seq(seq)} of instrument {instrument_id} was published after {_seq(held)}")
        self.seqs[instrument_id] = max(seq, held)

    def _begin(self, term: int) -> None:
        if term not in self.began:
            self.began[term] = time.monotonic()
            self.term = max(self.term, term)


def _seq(seq: int) -> str:
    return f"{seq // rows.TERM}/{seq % rows.TERM}"
