"""Query parameters read and refused by name: numbers and lists. Filters of lists from the database have their own."""

import math
import re
from typing import Final

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

# As JSON writes them. Python would take 1_000 and blanks too.
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")


def number(request: Request, name: str, least: float, most: float) -> float | None:
    """The number that the parameter holds; None where it is not given. Raises ValidationError naming it."""
    text = request.query_params.get(name)
    if text is None:
        return None
    value = float(text) if _NUMBER.match(text) else math.nan
    if not least <= value <= most:
        raise ValidationError({name: [ErrorDetail(f"It takes a number from {least:g} to {most:g}.", "invalid")]})
    return value


def between(request: Request, name: str, least: float, most: float) -> tuple[float | None, float | None]:
    """The bounds that `name_from` and `name_to` hold. Raises ValidationError naming the bad one."""
    start, stop = number(request, f"{name}_from", least, most), number(request, f"{name}_to", least, most)
    if start is not None and stop is not None and start > stop:
        message = f"It is above {name}_to: nothing lies between."
        raise ValidationError({f"{name}_from": [ErrorDetail(message, "reversed")]})
    return start, stop


def listed(request: Request, name: str, most: int, what: str) -> list[str]:
    """The parts of a list with commas, each once, in order. Raises ValidationError where there is none or too many."""
    text = request.query_params.get(name, "")
    found = text.split(",", most + 1)
    if "" in found:
        raise ValidationError({name: [ErrorDetail(f"It takes 1 to {most} {what}, with commas between.", "required")]})
    if len(found) > most:
        raise ValidationError({name: [ErrorDetail(f"It takes at most {most} {what}.", "too_many")]})
    return list(dict.fromkeys(found))
