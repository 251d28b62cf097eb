"""The loads that the sides are compared under."""

from typing import Final

from ..load import Load

SECONDS: Final = 10
# Quotes a second of a feed that says next to nothing.
SILENT: Final = 0.01
WORKLOADS: Final = {
    "light": Load(100, 500, 50, 500, 0, SECONDS),
    "browser": Load(100, 500, 50, 500, 10, SECONDS),
    "heavy": Load(1_000, 500, 50, 5_000, 100, SECONDS),
    "crowd": Load(5_000, 3_000, 50, 5_000, 250, SECONDS),
    "chain": Load(1_000, 3_200, 400, 10_000, 250, SECONDS, chains=8),
    # Every socket is timed, since what is asked is when the last is up to date.
    "burst": Load(500, 500, 50, 20_000, 100, SECONDS, measured=500, burst=True),
    # Nobody is served anything: what counts is memory, and what of a core it takes to keep so many sockets open.
    "idle": Load(10_000, 500, 0, SILENT, 100, SECONDS),
    "quiet": Load(10_000, 500, 50, SILENT, 100, SECONDS),
}
# What CI runs, for its correctness. Most symbols are quoted once in some seconds, so that a row that is not told is missed;
# and a view may be as old as a machine that does other things too makes it.
QUICK: Final = Load(20, 100, 10, 100, 100, 1.5, measured=20, allowed_ms=1_000, settle_s=0.5)


def smaller(load: Load, divisor: int) -> Load:
    """The same with fewer sockets, quotes and symbols: for a look at whether it works."""
    symbols = max(load.per_socket, load.symbols // divisor)
    return load._replace(
        sockets=max(1, load.sockets // divisor),
        symbols=symbols if not load.chains else load.per_socket * max(1, load.chains // divisor),
        chains=max(1, load.chains // divisor) if load.chains else 0,
        rate=load.rate / divisor,
        measured=min(load.measured, max(1, load.sockets // divisor)),
    )
