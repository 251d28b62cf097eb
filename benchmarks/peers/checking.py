"""Whether what a round says of a side can be true of a side that works, at a load that burdens nobody."""

from collections.abc import Mapping
from typing import Final

from ..load import Load

# A Poisson stream of some hundred quotes is this far from its rate at most.
RATE_TOLERANCE: Final = 0.4


def faults(found: Mapping[str, float], load: Load, merges: bool) -> list[str]:
    """What is wrong, a sentence each. A side that `merges` may leave out a row that a newer one has superseded."""
    said = []
    if "served/s" not in found:
        return ["nothing was published that a socket had asked for"]
    if found["sockets lost"]:
        said.append(f"{found['sockets lost']:.0f} sockets were lost")
    if abs(found["rows published/s"] / load.rate - 1) > RATE_TOLERANCE:
        said.append(f"{found['rows published/s']:.0f} rows a second were published, and {load.rate:.0f} asked for")
    if found["served, % of due"] < 100:
        said.append(f"{found['served, % of due']:.2f} % of what was due was served within {load.late_ms} ms")
    if found["merged, % of due"] and not merges:
        said.append(f"{found['merged, % of due']:.2f} % of the rows did not come, of a side that sends each")
    if found["shown/s"] > _most_shown(load):
        said.append(f"{found['shown/s']:.0f} rows a second were shown, more than were published to these sockets")
    if found["rows that went back"]:
        said.append(f"{found['rows that went back']:.0f} older rows came after newer ones")
    if found["rows that nobody published"]:
        said.append(f"{found['rows that nobody published']:.0f} rows came that nobody had published")
    if not 0 < found["server, share of a core"] < 1:
        said.append(f"the server took {found['server, share of a core']:.2f} of a core")
    return said


def _most_shown(load: Load) -> float:
    """Rows a second over all sockets where each is shown each; symbols differ in how much they are quoted."""
    return (1 + 2 * RATE_TOLERANCE) * load.rate * load.sockets * load.per_socket / load.symbols
