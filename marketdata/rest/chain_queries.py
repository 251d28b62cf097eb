"""Which chains there are: the offered options of an underlying, by expiry and strike, from the database. Names that lead to
none are refused with what there is instead.
"""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db.models import CharField, Max, Min, QuerySet
from django.db.models.functions import Cast
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.access import Access

from .. import lookup
from ..facts import Right
from ..models import Instrument
from . import rights

OFFERED: Final = {"active": True, "streaming": True, "covered": True}  # as Instrument.offered
# More than any underlying has: a few of the largest have 25,000.
MOST_OPTIONS: Final = 50_000
# Of one expiry; the largest have 1,500. Beyond, the range of strikes has to be narrowed.
MOST_OF_EXPIRY: Final = 4_000
_EXPIRY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.([A-Za-z0-9_]{1,16}))?\Z")
_SHOWN: Final = 40


class MissingError(ValidationError):
    """A part of the path that names nothing, said as a wrong field is."""

    status_code = 404


class Option(NamedTuple):
    strike: float
    right: Right
    id: int
    symbol: str


class Expiry(NamedTuple):
    """The options of one expiry of one root, by strike and right. `expires_at` is the instant, with the venue's cut-off."""

    day: dt.date
    root: str
    expires_at: dt.datetime | None
    options: list[Option]

    def strikes(self) -> list[float]:
        return list(dict.fromkeys(option.strike for option in self.options))


class ExpiryTerms(NamedTuple):
    """What the options of an expiry have in common."""

    currency: str
    multiplier: float
    exercise: str | None


def underlying(name: str, access: Access) -> Instrument:
    """The instrument that `name`, a symbol or `feed.symbol`, means as an underlying. Raises MissingError, ForbiddenError,
    and ValidationError naming the choices where several feeds have it."""
    found = lookup.find([name], access)[name]
    if isinstance(found, Instrument):
        return found
    rights.refuse_forbidden(found, "underlying")
    refused = {"underlying": [ErrorDetail(found.message, found.code)]}
    raise ValidationError(refused) if found.code == "ambiguous_symbol" else MissingError(refused)


def offered_options(**of: Any) -> QuerySet[Instrument]:
    """The offered options that fit `of`."""
    return Instrument.objects.filter(kind=Instrument.Kind.OPTION, strike__gt=0, expiry__isnull=False, **OFFERED, **of)


def options_of(instrument: Instrument) -> QuerySet[Instrument]:
    """The offered options on `instrument`."""
    return offered_options(feed=instrument.feed, underlying=instrument.symbol)


def expiries(instrument: Instrument) -> list[Expiry]:
    """All expiries of `instrument`, by day and root. Two queries. Raises MissingError where it has no options."""
    of_it = options_of(instrument)
    heads = of_it.order_by("expiry", "root").values_list("expiry", "root").annotate(Max("expires_at"))
    found = {(str(day), root): Expiry(day, root, expires_at, []) for day, root, expires_at in heads if day is not None}
    # The day as text: SQLite has no dates, and to read 10,000 as such takes longer than all the rest.
    rows = (
        of_it.annotate(day=Cast("expiry", CharField()))
        .order_by("expiry", "root", "strike", "right")
        .values_list("day", "root", *Option._fields)
    )
    for day, root, *option in rows[:MOST_OPTIONS]:
        if (one := found.get((day, root))) is not None:  # else it was listed between the two queries
            one.options.append(Option(*option))
    if not found:
        message = f"{instrument} has no options that are offered; /api/v1/chains/ lists what has."
        raise MissingError({"underlying": [ErrorDetail(message, "no_chain")]})
    return list(found.values())


def expiry(instrument: Instrument, name: str, least: float | None, most: float | None) -> tuple[Expiry, ExpiryTerms]:
    """One expiry, `YYYY-MM-DD` or `YYYY-MM-DD.ROOT`, with its strikes from `least` to `most`. Two queries. Raises
    ValidationError for a name that is none or is of several roots, and MissingError where there is no such expiry."""
    match = _EXPIRY.match(name)
    try:
        day = dt.date.fromisoformat(match[1] if match else "")
    except ValueError as error:
        message = "It takes YYYY-MM-DD, or YYYY-MM-DD.ROOT where several roots share the day."
        raise ValidationError({"expiry": [message]}) from error
    root = match[2] if match else None
    of_day = options_of(instrument).filter(expiry=day)
    # By root, of which a day has a few; all options of one have the same terms.
    shared = [Min("currency"), Min("multiplier"), Min("exercise"), Max("expires_at")]
    terms = {root: common for root, *common in of_day.order_by("root").values_list("root").annotate(*shared)[:100]}
    if not terms or (root is not None and root not in terms):
        raise MissingError({"expiry": [ErrorDetail(_which_there_are(instrument, name), "unknown_expiry")]})
    if root is None and len(terms) > 1:
        choices = " or ".join(f"{day}.{one}" for one in sorted(terms))
        message = f"Several roots expire on {day}: write {choices}."
        raise ValidationError({"expiry": [ErrorDetail(message, "ambiguous_expiry")]})
    root = root if root is not None else next(iter(terms))
    narrowed = of_day.filter(root=root)
    if least is not None:
        narrowed = narrowed.filter(strike__gte=least)
    if most is not None:
        narrowed = narrowed.filter(strike__lte=most)
    rows = narrowed.order_by("strike", "right").values_list(*Option._fields)
    options = [Option(*row) for row in rows[: MOST_OF_EXPIRY + 1]]
    if len(options) > MOST_OF_EXPIRY:
        message = f"It has more than {MOST_OF_EXPIRY} options: narrow it by strike_from and strike_to."
        raise ValidationError({"expiry": [ErrorDetail(message, "too_many")]})
    currency, multiplier, exercise, expires_at = terms[root]
    return Expiry(day, root, expires_at, options), ExpiryTerms(currency, multiplier, exercise or None)


def names_of(found: Iterable[Expiry]) -> list[str]:
    """How each of `found`, all of one underlying, is called in a path: with its root where the day alone is not enough."""
    found = list(found)
    days = [one.day for one in found]
    return [f"{one.day}.{one.root}" if days.count(one.day) > 1 else one.day.isoformat() for one in found]


def _which_there_are(instrument: Instrument, name: str) -> str:
    pairs = options_of(instrument).order_by("expiry", "root").values_list("expiry", "root").distinct()
    there = names_of(Expiry(day, root, None, []) for day, root in pairs[: _SHOWN + 1] if day is not None)
    if not there:
        return f"{instrument} has no options that are offered."
    more = ", and later ones" if len(there) > _SHOWN else ""
    return f"{instrument} has no expiry {name[:40]}; it has {', '.join(there[:_SHOWN])}{more}."
