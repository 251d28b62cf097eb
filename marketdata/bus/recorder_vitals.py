"""What a recorder of history says of itself each second; see `history.recorder_state`."""

from typing import Literal

import msgspec

RecorderHealth = Literal["ok", "behind", "down", "near_cap"]


class RecorderVitals(msgspec.Struct, frozen=True):
    """`behind_ms` is the age of the oldest batch that is not stored. `stream_bytes` of `stream_cap` are held;
    `seconds_left` is how long that lasts at the present growth, None where it does not grow."""

    name: str
    health: RecorderHealth
    reason: str | None
    at_ms: float
    stored: int
    rows_per_second: float
    behind_ms: int
    stream_entries: int
    stream_bytes: int
    stream_cap: int
    seconds_left: int | None
    gaps: int
    rejects: int
