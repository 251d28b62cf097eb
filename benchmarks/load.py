"""What a benchmark asks of a server: how many sockets watch what, how it is quoted, and how late a view may be."""

import argparse
from typing import NamedTuple

ALLOWED_MS = 50


class Load(NamedTuple):
    """`sockets` each watch `per_socket` of `symbols`: their own choice, or, with `chains`, one of so many blocks. `rate` is
    quotes a second, by Poisson and Zipf, or all of a second in one instant with `burst`. `beat` in ms; `seconds` of a round
    count. Of `measured` sockets every row is timed; of the others they are counted. `seed` is of the quotes and
    of the choices. `clients` processes hold the sockets; `workers` web processes serve them, where a side can have several.
    `settle_s` goes by before the round."""

    sockets: int
    symbols: int
    per_socket: int
    rate: float
    beat: int
    seconds: float
    measured: int = 100
    chains: int = 0
    burst: bool = False
    seed: int = 1
    clients: int = 1
    workers: int = 1
    allowed_ms: int = ALLOWED_MS
    settle_s: float = 2.0

    def scaled(self, share: float) -> "Load":
        """The same at `share` of the rate."""
        return self._replace(rate=self.rate * share)

    @property
    def late_ms(self) -> int:
        """How old what a socket shows may be for the row to count as served."""
        return self.beat + self.allowed_ms

    def __str__(self) -> str:
        what = f"{self.chains} chains of {self.per_socket}" if self.chains else f"{self.per_socket} of {self.symbols}"
        when = f"{self.rate:g} quotes in an instant each second" if self.burst else f"{self.rate:g} quotes/s"
        return f"{self.sockets} sockets × {what} symbols, {when}, beat {self.beat} ms, {self.seconds:g} s"


def of_options(options: argparse.Namespace) -> Load:
    return Load(
        options.sockets,
        options.symbols,
        options.per_socket,
        options.rate,
        options.beat,
        options.seconds,
        min(options.measured, options.sockets),
        clients=options.clients,
        workers=options.workers,
    )
