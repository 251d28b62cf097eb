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
    "burst": Load(500, 500, 50, 20_000, 100, SECONDS, burst=True),
    # Nobody is served anything: what counts is memory, and what of a core it takes to keep so many sockets open.
    "idle": Load(10_000, 500, 0, SILENT, 100, SECONDS),
    "quiet": Load(10_000, 500, 50, SILENT, 100, SECONDS),
}
# What CI runs, for its correctness.
QUICK: Final = Load(20, 40, 10, 200, 100, 2, measured=10)
