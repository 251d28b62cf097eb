"""What each underlying is worth, from the newest quotes there are: pure. Coverage measures strikes by it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ..facts import InstrumentFacts

Columns = Mapping[str, float | None]

# Options of an underlying that says nothing itself that are asked for its price.
ASKED: Final = 50


def spots(instruments: Iterable[InstrumentFacts], latest: Callable[[int], Columns | None]) -> dict[str, float]:
    """{underlying: price} of those whose price is known, from the columns of an instrument's newest row. The underlying's
    own row goes first; where it says nothing, any of its options' rows does, which carry its price."""
    own: dict[str, float] = {}
    told: dict[str, float] = {}
    for facts in instruments:
        if facts.symbol == facts.underlying:
            row = latest(facts.id)
            price = None if row is None else _price(row)
            if price is not None:
                own[facts.symbol] = price
        elif facts.underlying not in told and facts.underlying not in own:
            row = latest(facts.id)
            price = None if row is None else row.get("underlying_price")
            if price:
                told[facts.underlying] = price
    return {**told, **own}


def of_rows(own: Columns | None, options: Iterable[Columns | None]) -> float | None:
    """The same of one underlying: by its own newest row, else by the first of its options' rows that carries its price."""
    price = None if own is None else _price(own)
    return price or next((told for row in options if row is not None and (told := row.get("underlying_price"))), None)


def _price(row: Columns) -> float | None:
    """The mark, else the last trade, else the middle of the book."""
    bid, ask = row.get("bid"), row.get("ask")
    middle = (bid + ask) / 2 if bid and ask else None
    return row.get("mark") or row.get("last") or middle
