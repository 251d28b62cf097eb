"""What users set for themselves: their time zone, and how the page looks. REST and the settings page change it here."""

import zoneinfo
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
from django.db import transaction

from .models import User
from .watchlists import Problem, RefusedError

# What each choice of `display` may be; the first is what holds unless the user says otherwise.
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "theme": ("system", "light", "dark"),
    "colours": ("teal", "green"),
    "times": ("own", "exchange", "utc"),
    "density": ("normal", "dense"),
}
LAYOUT: Final = "layout"
# What the page keeps of its own: a few hundred columns and widths are some KiB.
LAYOUT_BYTES: Final = 16 * 1024
LAYOUT_DEPTH: Final = 8


def display_of(user: User) -> dict[str, Any]:
    """All of it, by default what was never set. What an older version left there, and nobody knows now, stays away."""
    kept = user.display if isinstance(user.display, dict) else {}
    chosen = {name: kept[name] if kept.get(name) in legal else legal[0] for name, legal in CHOICES.items()}
    layout = kept.get(LAYOUT)
    return {**chosen, LAYOUT: layout if isinstance(layout, dict) else {}}


def change(user: User, time_zone: str | None = None, display: Mapping[str, Any] | None = None) -> User:
    """Sets what is named and leaves the rest: of `display` each of its names by itself, and so of `layout`, where null
    takes a name away; all of them where it is null itself. Raises RefusedError naming `time_zone`, `display.theme` and so
    on."""
    display = display or {}
    problems = [*_wrong_zone(time_zone), *(one for name, value in display.items() for one in _wrong(name, value))]
    if problems:
        raise RefusedError(*problems)
    with transaction.atomic():
        # What two tabs or browsers set at the same time shall all be there.
        now = User.objects.select_for_update().get(pk=user.pk)
        kept = display_of(now)
        if LAYOUT in display:
            display = {**display, LAYOUT: _merged(kept[LAYOUT], display[LAYOUT])}
        if time_zone is not None:
            user.time_zone = now.time_zone = time_zone
        user.display = now.display = {**kept, **display}
        # Past the signals: nobody's way in changes by a colour.
        User.objects.filter(pk=user.pk).update(time_zone=now.time_zone, display=now.display)
    return user


def _merged(layout: dict[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Raises RefusedError where both together are too much."""
    merged = {} if changes is None else {**layout, **changes}
    merged = {name: value for name, value in merged.items() if value is not None}
    if said := _too_large(merged):
        raise RefusedError(Problem(f"display.{LAYOUT}", *said))
    return merged


def _too_large(layout: Mapping[str, Any]) -> tuple[str, str] | None:
    if len(msgspec.json.encode(layout)) <= LAYOUT_BYTES:
        return None
    return "too_large", f"As JSON it may have {LAYOUT_BYTES:,} bytes in all."


@cache
def time_zones() -> frozenset[str]:
    """Names of the IANA database. Some systems keep files beside it that are no places."""
    return frozenset(zoneinfo.available_timezones() - {"localtime", "posixrules", "Factory"})


def _wrong_zone(name: str | None) -> list[Problem]:
    if not name or name in time_zones():
        return []
    message = "It takes a name of the IANA time zone database, such as Europe/Zurich, or nothing for the browser's own."
    return [Problem("time_zone", "invalid_choice", message)]


def _wrong(name: str, value: Any) -> list[Problem]:
    field = f"display.{name[:100]}"
    if name == LAYOUT:
        return [Problem(field, *said) for said in _wrong_layout(value)]
    if name not in CHOICES:
        return [Problem(field, "unknown_field", f"This cannot be set; there are: {', '.join([*CHOICES, LAYOUT])}.")]
    if value not in CHOICES[name]:
        return [Problem(field, "invalid_choice", f"It takes one of {', '.join(CHOICES[name])}.")]
    return []


def _wrong_layout(value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, dict):
        return [("not_an_object", "It takes a JSON object.")]
    if _depth_is_beyond(value, LAYOUT_DEPTH):
        return [("too_deep", f"It may be nested {LAYOUT_DEPTH} deep.")]
    if said := _too_large(value):
        return [said]
    if b"\\u0000" in msgspec.json.encode(value):  # PostgreSQL keeps no such character
        return [("null_characters_not_allowed", "Null characters are not allowed.")]
    return []


def _depth_is_beyond(value: Any, most: int) -> bool:
    """Without recursion: it may be nested by the thousand."""
    level = [value]
    for _ in range(most):
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)
