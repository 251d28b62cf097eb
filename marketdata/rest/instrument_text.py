"""What a person types to find an instrument (`ACME 515 C`, `acme 20feb 515c`, `BTC-27DEC`), as a database condition. Pure
but for Django's Q. Each word narrows: it may be part of a name, a strike, a right or an expiry.
"""

import datetime as dt
import re
from typing import Final

from django.db.models import Q

MOST_CHARACTERS: Final = 100
MOST_WORDS: Final = 8

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_RIGHTS: Final = {"C": "C", "CALL": "C", "CALLS": "C", "P": "P", "PUT": "P", "PUTS": "P"}
_STRIKE: Final = re.compile(r"(\d{1,9}(?:\.\d{0,4})?)([CP]?)\Z")
_DAY: Final = re.compile(rf"(\d{{1,2}})?({'|'.join(_MONTHS)})[A-Z]{{0,6}}(?:20)?(\d{{2}})?\Z")
_LARGEST_STRIKE: Final = 10_000_000


def condition(text: str) -> Q:
    """Instruments that every word of `text` fits. An empty text fits all."""
    found = Q()
    for word in text.upper().split()[:MOST_WORDS]:
        found &= _name(word) | _right(word) | _strike(word) | _expiry(word)
    return found


def exact(text: str) -> Q:
    """The instruments that `text` names fully: the symbol itself, or with each number in it read as the whole strike."""
    found = Q(symbol__iexact=text.strip())
    words = text.upper().split()[:MOST_WORDS]
    strikes = [Q(strike=float(match[1])) for word in words if (match := _STRIKE.match(word))]
    return found | Q(*strikes) if strikes else found


def _name(word: str) -> Q:
    if word.isdecimal():
        return Q(symbol__startswith=word)
    named = Q(underlying__istartswith=word) | Q(root__istartswith=word) | Q(symbol__istartswith=word)
    if len(word) >= 3:  # a C or a 51 is somewhere in nearly every symbol
        named |= Q(symbol__icontains=word) | Q(underlying__icontains=word)
    return named


def _right(word: str) -> Q:
    return Q(right=_RIGHTS[word]) if word in _RIGHTS else Q(pk__in=())


def _strike(word: str) -> Q:
    """Strikes that begin with these digits, since a person is still typing: 51 is 51.5, 510, 515 and 5100 too."""
    match = _STRIKE.match(word)
    if match is None:
        return Q(pk__in=())
    digits, right = match.groups()
    decimals = len(digits.partition(".")[2])
    low, width = float(digits), 10.0**-decimals
    begins = Q(strike__gte=low, strike__lt=low + width)
    if "." not in digits and not right and low > 0:
        while (low := low * 10) < _LARGEST_STRIKE:
            width *= 10
            begins |= Q(strike__gte=low, strike__lt=low + width)
    return begins & Q(right=right) if right else begins


def _expiry(word: str) -> Q:
    """`20FEB`, `20FEB26`, `FEB`, `FEB26`, `2026-02-20`, `20260220`, `260220`."""
    match = _DAY.match(word)
    if match is not None:
        day, month, year = match.groups()
        expires = Q(expiry__month=_MONTHS.index(month) + 1)
        if day:
            expires &= Q(expiry__day=int(day))
        if year:
            expires &= Q(expiry__year=2000 + int(year))
        return expires
    for form in ("%Y-%m-%d", "%Y%m%d", "%y%m%d"):
        try:
            return Q(expiry=dt.datetime.strptime(word, form).replace(tzinfo=dt.UTC).date())
        except ValueError:
            continue
    return Q(pk__in=())
