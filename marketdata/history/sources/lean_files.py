"""How QuantConnect's Lean names its minute files, and what their names say of a contract.

    option/usa/minute/goog/20151224_quote_american.zip
        20151224_goog_minute_quote_american_call_7500000_20151231.csv
    equity/usa/minute/goog/20151224_trade.zip
        20151224_goog_minute_trade.csv

The same with underscores for slashes, as one flat folder, is read too. Strikes are in 1/10,000 USD.
"""

import datetime as dt
import re
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ...facts import Exercise, InstrumentFacts, Right
from ...symbols import InvalidSymbolError, OptionName, format_osi, is_symbol
from ..sessions import LATE, UsOptions

SCALE: Final = 10_000
Data = Literal["quote", "trade"]

_ZIP: Final = re.compile(
    r"(?:\A|[/_])(?P<kind>option|equity)[/_]usa[/_]minute[/_](?P<ticker>[a-z0-9.]{1,12})[/_]"
    r"(?P<day>\d{8})_(?P<data>quote|trade)(?:_(?P<style>american|european))?\.zip\Z"
)
_CONTRACT: Final = re.compile(
    r"(?P<day>\d{8})_(?P<ticker>[a-z0-9.]{1,12})_minute_(?P<data>quote|trade)_(?P<style>american|european)_"
    r"(?P<right>call|put)_(?P<strike>\d{1,10})_(?P<expiry>\d{8})\.csv\Z"
)
# The exchange is open at least once a week; expiries of long ago were on Saturdays, their last session on the day before.
_MOST_CLOSED: Final = 7


class ZipName(NamedTuple):
    """A zip: one underlying's day of quotes or trades, of its options (`style`) or of itself."""

    kind: Literal["option", "equity"]
    ticker: str
    day: dt.date
    data: Data
    style: str | None


def zip_name(path: Path) -> ZipName | None:
    """What the path says; None where it is no minute file of American options or stocks."""
    match = _ZIP.search(path.as_posix())
    if match is None or (match["kind"] == "option") != (match["style"] is not None):
        return None
    try:
        day = _day(match["day"])
    except ValueError:
        return None
    return ZipName(match["kind"], match["ticker"], day, match["data"], match["style"])  # type: ignore[arg-type]


def contract(entry: str, of: ZipName) -> OptionName:
    """The contract that a file in an option zip is of. Raises ValueError that says what is wrong."""
    match = _CONTRACT.match(entry)
    if match is None:
        raise ValueError("its name is none of a contract's minute file")
    for name, expected in (
        ("day", f"{of.day:%Y%m%d}"),
        ("ticker", of.ticker),
        ("data", of.data),
        ("style", of.style),
    ):
        if match[name] != expected:
            raise ValueError(f"its name says {match[name]}, that of its zip {expected}")
    right: Right = "C" if match["right"] == "call" else "P"
    option = OptionName(of.ticker.upper(), _day(match["expiry"]), right, int(match["strike"]) / SCALE)
    try:
        format_osi(option)
    except InvalidSymbolError as error:
        raise ValueError(str(error)) from error
    return option


def option_facts(option: OptionName, style: str | None) -> InstrumentFacts:
    """Standard contracts of 100, which expire when the last session ends that is not after their day."""
    symbol = format_osi(option)
    exercise: Exercise = "european" if style == "european" else "american"
    return InstrumentFacts(
        symbol=symbol,
        feed="",
        kind="option",
        underlying=option.root,
        venue_symbol=symbol,
        root=option.root,
        expiry=option.expiry.isoformat(),
        expires_ms=_closing(option) * 1000,
        strike=option.strike,
        right=option.right,
        exercise=exercise,
        multiplier=100,
    )


def stock_facts(ticker: str) -> InstrumentFacts:
    symbol = ticker.upper()
    if not is_symbol(symbol):
        raise ValueError(f"{symbol!r} cannot be a symbol")
    return InstrumentFacts(symbol=symbol, feed="", kind="stock", underlying=symbol, venue_symbol=symbol)


def _closing(option: OptionName) -> int:
    exchange = UsOptions(late=option.root in LATE)
    for back in range(_MOST_CLOSED):
        session = exchange.on(option.expiry - dt.timedelta(days=back))
        if session is not None:
            return session.closes_s
    raise AssertionError(f"no session in the week before {option.expiry}")


def _day(text: str) -> dt.date:
    return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
