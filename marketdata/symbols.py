"""How instruments are named: Strikewire's own symbols, OSI names and their parts. Pure; feeds and `rest` use it.

A symbol is safe as a Channels group name. Listed options are named by OSI without padding (`SPY260116C00500000`),
crypto options as their venue names them (`BTC-27DEC24-50000-C`).
"""

import datetime as dt
import re
from typing import Final, NamedTuple, cast

from .facts import Right

SYMBOL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_OSI: Final = re.compile(r"([A-Z0-9.]{1,6}?) *(\d{6})([CP])(\d{8})\Z", re.ASCII)
_VENUE_OPTION: Final = re.compile(r"([A-Z0-9_]+)-(\d{1,2})([A-Z]{3})(\d{2})-(\d+(?:d\d+)?)-([CP])\Z", re.ASCII)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class InvalidSymbolError(ValueError):
    """A text that names no instrument."""


class OptionName(NamedTuple):
    root: str
    expiry: dt.date
    right: Right
    strike: float


def is_symbol(text: str) -> bool:
    """Whether `text` may name an instrument at all: 1 to 64 letters, digits, dots, underscores or hyphens."""
    return SYMBOL.match(text) is not None


def parse_osi(name: str) -> OptionName:
    """Parts of an OSI name, padded (`SPY   260116C00500000`) or not. Raises InvalidSymbolError."""
    match = _OSI.match(name)
    if match is None:
        raise InvalidSymbolError(f"{name!r} is not an OSI option name")
    root, day, right, strike = match.groups()
    try:
        expiry = dt.date(2000 + int(day[:2]), int(day[2:4]), int(day[4:]))
    except ValueError as error:
        raise InvalidSymbolError(f"{name!r}: {day} is not a day") from error
    return OptionName(root, expiry, cast(Right, right), int(strike) / 1000)


def format_osi(option: OptionName) -> str:
    """The unpadded OSI name. Raises InvalidSymbolError for a strike that is not whole thousandths below 100,000."""
    thousandths = round(option.strike * 1000) if 0 < option.strike < 100_000 else 0
    if not 0 < thousandths < 100_000_000 or abs(thousandths - option.strike * 1000) > 1e-6:
        raise InvalidSymbolError(f"a strike of {option.strike} cannot be written in OSI")
    return f"{option.root}{option.expiry:%y%m%d}{option.right}{thousandths:08d}"


def parse_deribit(name: str) -> OptionName:
    """Parts of a Deribit option name; the day may have one digit, and `d` is the decimal point of a strike."""
    match = _VENUE_OPTION.match(name)
    if match is None:
        raise InvalidSymbolError(f"{name!r} is not a Deribit option name")
    root, day, month, year, strike, right = match.groups()
    try:
        expiry = dt.date(2000 + int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError as error:
        raise InvalidSymbolError(f"{name!r}: {day}{month}{year} is not a day") from error
    return OptionName(root, expiry, cast(Right, right), float(strike.replace("d", ".")))


def format_deribit(option: OptionName) -> str:
    strike = f"{option.strike:.10f}".rstrip("0").rstrip(".").replace(".", "d")
    day = option.expiry
    return f"{option.root}-{day.day}{_MONTHS[day.month - 1]}{day:%y}-{strike}-{option.right}"
