"""One expiry as it is now: its options' newest rows, forward, volatility at the money and expected move. `chain` and
`smile` show it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from .. import expiry_cycle, greeks, smile
from ..bus import newest
from ..bus.beacon import Beacon
from ..bus.last_values import Row
from ..ingest import money
from ..models import Instrument
from . import chain_queries, etag, live, parameters, rights
from .chain_queries import Expiry, ExpiryTerms
from .formats import Column, chosen
from .instrument_filter import MOST_STRIKE

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
STRIKE_PARAMETERS: Final = ("strike_from", "strike_to")

UNDERLYING_FIELDS: Final[Mapping[str, live.AnyField]] = {
    "feed": serializers.CharField(help_text="The feed that it comes from."),
    "underlying": serializers.CharField(help_text="Symbol of the underlying, on this feed."),
    "underlying_currency": serializers.CharField(
        help_text="Of strikes, forward, expected move and the underlying's price."
    ),
}
TERMS_FIELDS: Final[Mapping[str, live.AnyField]] = {
    "currency": serializers.CharField(help_text="Of the options' prices."),
    "multiplier": serializers.FloatField(help_text="Units of the underlying per contract."),
    "exercise": serializers.ChoiceField(
        Instrument.Exercise.choices, allow_null=True, help_text="When an option may be exercised."
    ),
}
COLUMNS: Final = (
    Column("name", "text", "What to put into the path: YYYY-MM-DD, with .ROOT where several roots share the day."),
    Column("expiry", "text", "The venue's own day of expiry, YYYY-MM-DD."),
    Column("root", "text", "Symbol root of its options (SPXW), which need not be the underlying."),
    Column(
        "cycle",
        "text",
        "monthly: the third Friday, or the last one at venues around the clock that settle at 08:00 UTC; weekly: another "
        "Friday; daily: another day. The day before counts where Friday is a holiday in New York.",
    ),
    Column(
        "expires_at",
        "time",
        "The instant at which it expires and settles, on the feed's clock; RFC 3339 in UTC. Null where unknown.",
    ),
    Column(
        "days_left",
        "number",
        "Days of 24 hours until then, on the feed's clock, at least 0; null where that is not heard.",
    ),
    Column("strikes", "whole", "How many strikes are offered."),
    Column("options", "whole", "How many options are offered."),
    Column(
        "forward",
        "number",
        "Price that its greeks refer to, in the underlying's currency: `underlying_price` of its newest row, or where "
        "there is none, the underlying's own price. Null where neither is known.",
    ),
    Column(
        "at_the_money_volatility",
        "number",
        "Implied volatility at a strike equal to the forward, a fraction per year: linear in log-moneyness between the "
        "nearest strikes, each seen from its out-of-the-money side. Null where one side has none.",
    ),
    Column(
        "expected_move",
        "number",
        "One standard deviation of the price until expiry, in the underlying's currency: forward times volatility at "
        "the money times the root of the years left, of 365 days. Null where one of them is unknown.",
    ),
)


class ExpirySerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, live.AnyField]:
        fields = live.fields_of(COLUMNS, ("name", "expiry", "root", "cycle", "strikes", "options"))
        cycles = [(cycle, cycle) for cycle in ("daily", "weekly", "monthly")]
        fields["cycle"] = serializers.ChoiceField(cycles, help_text=fields["cycle"].help_text)
        fields["expiry"] = serializers.DateField(help_text=fields["expiry"].help_text)
        return fields


class Seen(NamedTuple):
    """Through an expiry's rows: `at` is its forward, `volatility` that at the money."""

    at: float | None
    volatility: float | None
    points: list[smile.Point]


class Quoted(NamedTuple):
    """One expiry with its newest rows; `name` as it was asked for."""

    instrument: Instrument
    name: str
    expiry: Expiry
    terms: ExpiryTerms
    rows: Mapping[int, Row]
    beacon: Beacon | None
    now_ms: float | None
    seen: Seen

    def facts(self) -> dict[str, Any]:
        """What answers say of it that does not move."""
        return {**underlying_shown(self.instrument), **self.terms._asdict()}

    def head(self) -> dict[str, Any]:
        """What answers in JSON begin with."""
        return {
            **self.facts(),
            "feed_status": live.feed_shown(self.instrument.feed, self.beacon),
            "expiry": by_name(shown(self.name, self.expiry, self.seen, self.now_ms)),
        }

    def tag(self, request: Request, what: str) -> str:
        """Of the answer about `what` of it."""
        return etag.tag_of(
            what,
            chosen(request).format,
            self.facts(),
            self.name,
            self.expiry.expires_at,
            [(*option, live.seq(self.rows.get(option.id))) for option in self.expiry.options],
            self.seen.at,
            live.feed_state(self.beacon),
            minute(self.now_ms),
        )


def strike_parameters() -> list[OpenApiParameter]:
    bounds = {"type": "number", "minimum": 0, "maximum": MOST_STRIKE}
    unit = "in the underlying's currency."
    return [
        OpenApiParameter("strike_from", bounds, description=f"Only strikes from here, {unit}"),
        OpenApiParameter("strike_to", bounds, description=f"Only strikes up to here, {unit}"),
    ]


def read(request: Request, underlying: str, expiry: str) -> Quoted:
    """What a path and its range of strikes ask for: three queries and one round trip, beside what the
    user's rights cost. Raises ValidationError, MissingError, ForbiddenError and redis.RedisError."""
    least, most = parameters.between(request, "strike", 0, MOST_STRIKE)
    instrument = chain_queries.underlying(underlying, rights.access_of(request))
    found, terms = chain_queries.expiry(instrument, expiry, least, most)
    rights.used(request, instrument.feed)
    now = newest.read({instrument.feed: {instrument.symbol: [instrument.id, *(option.id for option in found.options)]}})
    beacon = now.beacons[instrument.feed]
    at = forward(found, now.rows, own_price(instrument, now.rows))
    return Quoted(
        instrument, expiry, found, terms, now.rows, beacon, live.feed_now_ms(beacon), seen(found, now.rows, at)
    )


def shown(name: str, one: Expiry, through: Seen, now_ms: float | None) -> tuple[Any, ...]:
    """An expiry by COLUMNS."""
    expires_ms = None if one.expires_at is None else one.expires_at.timestamp() * 1000
    left_ms = None if expires_ms is None or now_ms is None else max(0.0, expires_ms - now_ms)
    move = None
    if left_ms is not None and through.at is not None and through.volatility is not None:
        move = smile.expected_move(through.at, through.volatility, left_ms / greeks.MS_PER_YEAR)
    return (
        name,
        one.day.isoformat(),
        one.root,
        expiry_cycle.cycle(one.day, one.expires_at),
        None if expires_ms is None else round(expires_ms * 1000),
        None if left_ms is None else round(left_ms / _DAY_MS, 6),
        len(one.strikes()),
        len(one.options),
        through.at,
        None if through.volatility is None else round(through.volatility, 6),
        None if move is None else round(move, 6),
    )


def by_name(row: tuple[Any, ...]) -> dict[str, Any]:
    """What `shown` gave, as an object for JSON."""
    named = dict(zip((column.name for column in COLUMNS), row, strict=True))
    if named["expires_at"] is not None:
        named["expires_at"] = live.rfc3339(named["expires_at"] / 1000)
    return named


def underlying_shown(instrument: Instrument) -> dict[str, str]:
    """An underlying as UNDERLYING_FIELDS describe it."""
    return {
        "feed": instrument.feed,
        "underlying": instrument.symbol,
        "underlying_currency": instrument.currency,
    }


def minute(now_ms: float | None) -> int | None:
    """Days left and the expected move go on by themselves: what a client has of them is good for a minute."""
    return None if now_ms is None else int(now_ms // _MINUTE_MS)


def own_price(instrument: Instrument, rows: Mapping[int, Row]) -> float | None:
    """The underlying's newest price: mark, else last, else the middle of its book."""
    return money.spots([instrument.facts()], rows.get).get(instrument.symbol) or None


def forward(one: Expiry, rows: Mapping[int, Row], own: float | None) -> float | None:
    """As `smile.forward`; `own`, the underlying's price, where no row has one."""
    return smile.forward(rows.get(option.id) for option in one.options) or own


def seen(one: Expiry, rows: Mapping[int, Row], at: float | None) -> Seen:
    """The smile of the expiry from a forward of `at`, and what follows from it."""
    if at is None:
        return Seen(None, None, [])
    pairs: dict[float, dict[str, Row | None]] = {}
    for option in one.options:
        pairs.setdefault(option.strike, {})[option.right] = rows.get(option.id)
    points = smile.smile(_strikes(pairs), at)
    return Seen(at, smile.at_the_money_volatility(points), points)


def _strikes(pairs: Mapping[float, Mapping[str, Row | None]]) -> Iterable[smile.Strike]:
    return (smile.Strike(strike, each.get("C"), each.get("P")) for strike, each in pairs.items())
