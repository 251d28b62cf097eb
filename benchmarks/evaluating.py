"""What a round is judged by, from what was published and what arrived.

A published row is *served* to a subscriber when it, or a newer one of its instrument, arrived within beat + 50 ms of its
stamp; its latency is from that stamp to that arrival. *Shown* are rows on the wire.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from marketdata.rows import TERM
from tests.path.universe import symbol_of

from .load import Load

# What is on its way when a round ends has so much longer than it may take.
SETTLES_MS: Final = 300


class View(NamedTuple):
    """One instrument on one measured socket: when its rows of the round were published, how long after each the view was as
    new, how many of these rows came themselves, how often an older row came after a newer, and how many came that nobody
    had published."""

    stamps: Any
    delays: Any
    themselves: int
    backwards: int
    unknown: int


def evaluate(
    published: Any, arrived: Mapping[str, Any], ids: Mapping[str, int], began_ms: float, ended_ms: float, load: Load
) -> dict[str, float]:
    """`published` is an array of (symbol's number, ms), `arrived` what the watchers wrote. What is of rows that were due is
    left out where none were. Raises RuntimeError where a new leader counted anew within the round."""
    seconds = (ended_ms - began_ms) / 1000
    frames, rows, size, closed = arrived["totals"]
    in_window = ((published[:, 1] >= began_ms) & (published[:, 1] < ended_ms)).sum()
    found = {
        "rows published/s": float(in_window / seconds),
        "shown/s": float(rows / seconds),
        "frames/s": float(frames / seconds),
        "MB/s": float(size / seconds / 1e6),
        "sockets lost": float(closed),
    }
    if rows:
        found["bytes a shown row"] = float(size / rows)
    if len(np.unique(arrived["seq"] // TERM)) > 1:
        raise RuntimeError("the leader changed within the round: its rows cannot be told apart")
    views = list(_views(published, arrived, ids, began_ms, ended_ms, load))
    due = sum(len(view.stamps) for view in views)
    if not due:
        return found
    delays = np.concatenate([view.delays for view in views])
    served = int((delays <= load.late_ms).sum())
    p50, p99 = np.percentile(delays, [50, 99])
    found |= {
        "served/s": served / seconds * load.sockets / len(arrived["measured"]),
        "served, % of due": 100 * served / due,
        "merged, % of due": 100 * (1 - sum(view.themselves for view in views) / due),
        "p50 ms": float(p50),
        "p99 ms": float(p99),
        "rows that went back": float(sum(view.backwards for view in views)),
        "rows that nobody published": float(sum(view.unknown for view in views)),
    }
    if load.burst:
        stamps, of_burst = np.unique(np.concatenate([view.stamps for view in views]), return_inverse=True)
        until = np.zeros(len(stamps))
        np.maximum.at(until, of_burst, delays)
        found["all up to date after a burst, ms"] = float(np.median(until))
        found["all up to date after the worst burst, ms"] = float(until.max())
    return found


def _views(
    published: Any, arrived: Mapping[str, Any], ids: Mapping[str, int], began_ms: float, ended_ms: float, load: Load
) -> Iterator[View]:
    """Where neither a row nor any after it came, its delay is as if it had come at the very end."""
    stamps = _stamps_by_instrument(published, ids)
    order = np.lexsort((arrived["at"], arrived["instrument"], arrived["watcher"]))
    watcher, instrument = arrived["watcher"][order], arrived["instrument"][order]
    counts, at = arrived["seq"][order] % TERM, arrived["at"][order]
    edges = np.flatnonzero((np.diff(watcher) != 0) | (np.diff(instrument) != 0)) + 1
    parts = [part for part in np.split(np.arange(len(order)), edges) if len(part)]
    came_of = {(int(watcher[part[0]]), int(instrument[part[0]])): part for part in parts}
    nothing = np.array([], dtype=np.int64)
    last_ms = ended_ms + load.late_ms + SETTLES_MS
    for index, number in arrived["wanted"].tolist():
        part = came_of.get((index, ids[symbol_of(number)]), nothing)
        times = stamps.get(ids[symbol_of(number)], nothing)
        window = np.flatnonzero((times >= began_ms) & (times < ended_ms))
        newest = np.maximum.accumulate(counts[part])
        # The first arrival whose count is at least that of the published row: of it, or of what superseded it.
        came = np.append(at[part], np.inf)[np.searchsorted(newest, window + 1)]
        yield View(
            times[window],
            np.minimum(came, last_ms) - times[window],
            int(np.isin(window + 1, counts[part]).sum()),
            int((counts[part] < newest).sum()),
            int((counts[part] > len(times)).sum()),
        )


def _stamps_by_instrument(published: Any, ids: Mapping[str, int]) -> dict[int, Any]:
    """For each instrument id the stamps of its rows: the n-th is that of count n + 1."""
    number, stamp = published[:, 0].astype(np.int64), published[:, 1]
    order = np.argsort(number, kind="stable")
    parts = np.split(stamp[order], np.flatnonzero(np.diff(number[order])) + 1)
    return {ids[symbol_of(int(n))]: part for n, part in zip(np.unique(number), parts, strict=True)}
