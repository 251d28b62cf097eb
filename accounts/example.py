"""What a first watchlist holds: an underlying, and six contracts on it near the money."""

import datetime as dt
from collections.abc import Collection
from typing import Final

from django.db.models import Count, Min, Q, QuerySet

from marketdata.expiry_cycle import cycle
from marketdata.models import Instrument

NAME: Final = "Start here"
CONTRACTS: Final = 6
# A contract that expires within a day would leave the example nearly at once.
_LEAST_LIFE: Final = dt.timedelta(days=1)
# Of the nearer and of the farther expiry: which rights at how many strikes from the middle one.
_AROUND: Final = ({0: "CP", 1: "C", -1: "P"}, {0: "CP"})


def offered(*feeds: str) -> QuerySet[Instrument]:
    return Instrument.objects.filter(feed__in=feeds, active=True, streaming=True, covered=True)


def of_the_busiest(feeds: Collection[str], seen: Q) -> list[Instrument]:
    """The example of the underlying with the most options among the instruments of `feeds` that the condition `seen` lets
    through: where a venue lists the most, the most is traded. Empty where there is nothing to show yet."""
    options = offered(*feeds).filter(seen, kind=Instrument.Kind.OPTION)
    by_size = options.values("feed", "underlying").annotate(size=Count("id"), first=Min("id"))
    for one in by_size.order_by("-size", "first")[:1]:
        among = offered(one["feed"]).filter(seen, underlying=one["underlying"])
        return near_the_money(among) or first_listed(among)
    return []


def first_listed(among: QuerySet[Instrument]) -> list[Instrument]:
    """Of a recorded market, where neither the money nor our clock says anything."""
    underlying = among.exclude(kind=Instrument.Kind.OPTION).order_by("id")
    options = among.filter(kind=Instrument.Kind.OPTION).order_by("id")
    return [*underlying[:1], *options[:CONTRACTS]]


def near_the_money(among: QuerySet[Instrument]) -> list[Instrument]:
    """The first underlying, then calls and puts around the middle strikes of its next two monthly expiries; of the next
    two of any kind where fewer than two are monthly, as where a venue is covered for some days only."""
    underlying = among.exclude(kind=Instrument.Kind.OPTION).order_by("id").first()
    if underlying is None:
        return []
    options = among.filter(
        kind=Instrument.Kind.OPTION,
        underlying=underlying.symbol,
        expires_at__gt=dt.datetime.now(dt.UTC) + _LEAST_LIFE,
    )
    listed = options.order_by("expiry").values_list("expiry", "expires_at").distinct()
    days = {day: expires_at for day, expires_at in listed if day is not None}
    monthly = [day for day, expires_at in days.items() if cycle(day, expires_at) == "monthly"]
    chosen = (monthly if len(monthly) > 1 else list(days))[:2]
    picked = [underlying]
    for day, rights_by_step in zip(chosen, _AROUND, strict=False):
        of_day = list(options.filter(expiry=day))
        roots = {one.root for one in of_day}  # several may share the day, each with strikes of its own
        root = underlying.symbol if underlying.symbol in roots else min(roots)
        at = {(one.strike, one.right): one for one in of_day if one.root == root}
        strikes = sorted({strike for strike, _ in at if strike is not None})
        for step, rights in rights_by_step.items():
            place = len(strikes) // 2 + step
            if 0 <= place < len(strikes):
                picked += [at[strikes[place], right] for right in rights if (strikes[place], right) in at]
    # An underlying that is listed before its contracts is not an example yet.
    return picked if len(picked) > 1 else []
