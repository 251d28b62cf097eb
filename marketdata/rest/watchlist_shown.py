"""Watchlists as REST shows them, whole: their items in order, of three kinds, and beside them the instruments alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from accounts import items, queries, rolling, watchlists
from accounts.items import Item
from accounts.models import RollingEntry, Watchlist, WatchlistEntry, WatchlistSection

from ..models import Instrument

NAME: Final = f"1 to {watchlists.NAME_LENGTH} characters, unique among the user's watchlists."
SECTION_NAME: Final = f"1 to {watchlists.NAME_LENGTH} characters."
POSITION: Final = "Items stand in rising order of this; it may have holes."
_ITEM_ID: Final = "Names the item among the watchlist's of its kind."
RULE: Final = (
    "Which expiry: `next`, the first that has not expired; `weekly`, the first on the Friday of a week; `monthly`, the "
    "first monthly one; `30d` and `60d`, the nearest to so many days from now."
)
STRIKES: Final = (
    f"How many strikes on each side of the one at the money, which is there too: 0 to {rolling.MOST_STRIKES}."
)
RIGHTS: Final = "`CP`: calls and puts; `C`: calls; `P`: puts."


def _kind(kind: items.Kind) -> serializers.CharField:
    """The field that tells the kinds of items apart, which is one word for each."""

    @extend_schema_field({"type": "string", "enum": [kind]})
    class KindField(serializers.CharField):
        pass

    return KindField(help_text="Which kind of item it is.")


class EntrySerializer(serializers.Serializer[WatchlistEntry]):
    id = serializers.IntegerField(help_text="Names the entry within its watchlist.")
    feed = serializers.CharField(source="instrument.feed", help_text="Feed of the instrument.")
    symbol = serializers.CharField(source="instrument.symbol", help_text="Symbol of the instrument.")
    instrument = serializers.IntegerField(source="instrument_id", help_text="Id of the instrument.")
    position = serializers.IntegerField(help_text=POSITION)


class InstrumentItemSerializer(serializers.Serializer[Any]):
    kind = _kind("instrument")
    id = serializers.IntegerField(help_text=_ITEM_ID)
    position = serializers.IntegerField(help_text=POSITION)
    feed = serializers.CharField(help_text="Feed of the instrument.")
    symbol = serializers.CharField(help_text="Symbol of the instrument.")
    instrument = serializers.IntegerField(help_text="Id of the instrument.")


class SectionItemSerializer(serializers.Serializer[Any]):
    """A heading: it is over what stands after it, up to the next one."""

    kind = _kind("section")
    id = serializers.IntegerField(help_text=_ITEM_ID)
    position = serializers.IntegerField(help_text=POSITION)
    name = serializers.CharField(help_text=SECTION_NAME)


class HeldSerializer(serializers.Serializer[Any]):
    feed = serializers.CharField(help_text="Feed of the contract.")
    symbol = serializers.CharField(help_text="Symbol of the contract.")
    instrument = serializers.IntegerField(help_text="Id of the contract.")


class RollingItemSerializer(serializers.Serializer[Any]):
    """Follows the money: it stands for the contracts around it, and moves by itself."""

    kind = _kind("rolling")
    id = serializers.IntegerField(help_text=_ITEM_ID)
    position = serializers.IntegerField(help_text=POSITION)
    feed = serializers.CharField(help_text="Feed of the underlying.")
    underlying = serializers.CharField(help_text="Symbol of the underlying.")
    rule = serializers.ChoiceField(RollingEntry.Rule.choices, help_text=RULE)
    strikes = serializers.IntegerField(help_text=STRIKES)
    rights = serializers.ChoiceField(RollingEntry.Rights.choices, help_text=RIGHTS)
    state = serializers.ChoiceField(
        RollingEntry.State.choices,
        help_text="`following`; `waiting`: the price is not known yet, or the feed is not heard; `none`: no contract fits.",
    )
    expiry = serializers.DateField(
        allow_null=True, help_text="The venue's own day of expiry of what it holds; null where it holds nothing."
    )
    centre = serializers.FloatField(
        allow_null=True,
        help_text="The strike that it was chosen around, in the underlying's currency. It moves when the price is past the "
        "middle to the next strike by 20 % of the step between them.",
    )
    held = HeldSerializer(many=True, help_text="The contracts that it stands for now, by strike, calls first.")


_ITEMS: Final[Mapping[str, type[serializers.Serializer[Any]]]] = {
    "instrument": InstrumentItemSerializer,
    "section": SectionItemSerializer,
    "rolling": RollingItemSerializer,
}


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="WatchlistItem", serializers=dict(_ITEMS), resource_type_field_name="kind", many=True
    )
)
class ItemsField(serializers.Field[Any, Any, Any, Any]):
    """Made at once: a serializer for each would take most of the time of a long list."""

    def __init__(self) -> None:
        super().__init__(
            read_only=True,
            source="*",
            help_text="All that stands in it, in order: instruments, sections (headings) and rolling entries.",
        )

    def to_representation(self, value: Watchlist) -> Any:
        held: Mapping[int, Instrument] = self.context["held"]
        return [item_shown(one, held) for one in items.items_of(value)]


class WatchlistSerializer(serializers.Serializer[Watchlist]):
    id = serializers.IntegerField(help_text="Names the watchlist for ever.")
    name = serializers.CharField(help_text=NAME)
    position = serializers.IntegerField(help_text="Watchlists stand in rising order of this.")
    version = serializers.IntegerField(help_text="Rises with every edit, and when a rolling entry moves.")
    share_key = serializers.CharField(
        allow_null=True,
        help_text="The key of its link, where it is shared. Whoever is signed in and has it may read the watchlist.",
    )
    entries = EntrySerializer(many=True, help_text="The instruments alone, in order.")
    items = ItemsField()


class SharedSerializer(serializers.Serializer[Watchlist]):
    name = serializers.CharField(help_text="What its owner calls it.")
    owner = serializers.CharField(source="owner.username", help_text="The name of the user whose it is.")
    version = serializers.IntegerField(help_text="Rises with every edit, and when a rolling entry moves.")
    items = ItemsField()


def shown(found: Sequence[Watchlist]) -> Any:
    """Watchlists of `queries`, as their owner sees them."""
    some: Any = found  # the stubs know `many` as an afterthought
    return WatchlistSerializer(some, many=True, context={"held": queries.held_by(found)}).data


def shared_shown(found: Watchlist) -> Any:
    return SharedSerializer(found, context={"held": queries.held_by([found])}).data


def one_item_shown(item: Item) -> dict[str, Any]:
    """The item by itself, as it looks in its watchlist."""
    held = Instrument.objects.only("feed", "symbol").in_bulk(item.held) if isinstance(item, RollingEntry) else {}
    return item_shown(item, held)


def item_shown(item: Item, held: Mapping[int, Instrument]) -> dict[str, Any]:
    """As the serializer of its kind describes it; `held` are the instruments that rolling entries may hold, by id."""
    about = {"kind": items.kind_of(item), "id": item.pk, "position": item.position}
    match item:
        case WatchlistEntry():
            return about | _named(item.instrument, item.instrument_id)
        case WatchlistSection():
            return about | {"name": item.name}
        case RollingEntry():
            return about | {
                "feed": item.underlying.feed,
                "underlying": item.underlying.symbol,
                "rule": item.rule,
                "strikes": item.strikes,
                "rights": item.rights,
                "state": item.state,
                "expiry": item.expiry and item.expiry.isoformat(),
                "centre": item.centre,
                "held": [_named(held[one], one) for one in _there(item.held, held)],
            }


def _there(ids: Iterable[int], held: Mapping[int, Instrument]) -> Iterable[int]:
    return (one for one in ids if one in held)


def _named(instrument: Instrument, instrument_id: int) -> dict[str, Any]:
    return {"feed": instrument.feed, "symbol": instrument.symbol, "instrument": instrument_id}
