"""What stands in a watchlist beside instruments, sections and rolling entries, and the order of all of it."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import items, rolling, sections, watchlists
from accounts.models import RollingEntry

from . import rights
from .own_watchlist import WatchlistEditView, answered, body, own, tagged
from .strict import StrictSerializer
from .watchlist_shown import (
    RIGHTS,
    RULE,
    SECTION_NAME,
    STRIKES,
    RollingItemSerializer,
    SectionItemSerializer,
    WatchlistSerializer,
    one_item_shown,
)
from .watchlists import NameField


def _position(about: str = "") -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=0,
        max_value=watchlists.MOST_POSITION,
        required=False,
        help_text=f"Its place: the number of items before it; beyond the last is the end.{about}",
    )


@extend_schema_field({"type": "string", "enum": list(items.KINDS)})
class KindField(serializers.ChoiceField):
    def __init__(self) -> None:
        super().__init__(list(items.KINDS), help_text="Which kind of item it is.")


class ItemSerializer(StrictSerializer):
    kind = KindField()
    id = serializers.IntegerField(min_value=1, max_value=2**53, help_text="Names the item among those of its kind.")


class OrderSerializer(StrictSerializer):
    items = serializers.ListField(
        child=ItemSerializer(),
        max_length=watchlists.ITEMS_PER_WATCHLIST,
        help_text="The items in their new order. Those that it does not name stand after them, in the order that they had.",
    )


class NewSectionSerializer(StrictSerializer):
    name = NameField(help_text=SECTION_NAME)
    position = _position(" Unless told, it is the last.")


class SectionChangeSerializer(StrictSerializer):
    name = NameField(required=False, help_text=SECTION_NAME)
    position = _position()


class RollingChangeSerializer(StrictSerializer):
    rule = serializers.ChoiceField(RollingEntry.Rule.choices, required=False, help_text=RULE)
    strikes = serializers.IntegerField(min_value=0, max_value=rolling.MOST_STRIKES, required=False, help_text=STRIKES)
    rights = serializers.ChoiceField(RollingEntry.Rights.choices, required=False, help_text=RIGHTS)
    position = _position()


class NewRollingSerializer(RollingChangeSerializer):
    """Unless told, of the next expiry, with 2 strikes on each side, calls and puts, as the last item."""

    underlying = serializers.CharField(
        max_length=1_000, help_text="Symbol of the underlying, or feed.symbol where two feeds have it."
    )


class ItemsView(WatchlistEditView):
    @extend_schema(operation_id="order_items", request=OrderSerializer, responses=WatchlistSerializer)
    def put(self, request: Request, watchlist: int) -> Response:
        """Another order of all items. With `If-Match`, 412 where somebody else edited meanwhile; without, the last one
        wins. An item that is not there, or no longer, is refused by 409, naming its place."""
        found = own(request, watchlist)
        asked = body(OrderSerializer, request)
        watchlists.arrange(found, [(one["kind"], one["id"]) for one in asked["items"]])
        return answered(request, watchlist)


class SectionsView(WatchlistEditView):
    @extend_schema(operation_id="add_section", request=NewSectionSerializer, responses={201: SectionItemSerializer})
    def post(self, request: Request, watchlist: int) -> Response:
        """A heading between the items."""
        found = own(request, watchlist)
        section = sections.make(found, **body(NewSectionSerializer, request))
        return tagged(Response(one_item_shown(section), status=201), found)


class SectionView(WatchlistEditView):
    @extend_schema(operation_id="change_section", request=SectionChangeSerializer, responses=WatchlistSerializer)
    def patch(self, request: Request, watchlist: int, section: int) -> Response:
        """Another name, another place, or both. What it heads stays where it is."""
        found = own(request, watchlist)
        sections.change(found, section, **body(SectionChangeSerializer, request))
        return answered(request, watchlist)

    @extend_schema(operation_id="remove_section", responses={204: None})
    def delete(self, request: Request, watchlist: int, section: int) -> Response:
        """The heading goes; what stands under it stays."""
        found = own(request, watchlist)
        sections.remove(found, section)
        return tagged(Response(status=204), found)


class RollingsView(WatchlistEditView):
    @extend_schema(operation_id="add_rolling", request=NewRollingSerializer, responses={201: RollingItemSerializer})
    def post(self, request: Request, watchlist: int) -> Response:
        """An entry that follows the money. It holds contracts at once where the price of the underlying is known; else
        `state` is `waiting`, and it does within a second of the first price. Codes: those of an entry, and
        `not_an_underlying`."""
        found = own(request, watchlist)
        asked = body(NewRollingSerializer, request)
        entry = rolling.make(found, access=rights.access_of(request), **asked)
        return tagged(Response(one_item_shown(entry), status=201), found)


class RollingView(WatchlistEditView):
    @extend_schema(operation_id="change_rolling", request=RollingChangeSerializer, responses=WatchlistSerializer)
    def patch(self, request: Request, watchlist: int, rolling_entry: int) -> Response:
        """Another rule, number of strikes, rights or place. Another underlying is another entry."""
        found = own(request, watchlist)
        rolling.change(found, rolling_entry, **body(RollingChangeSerializer, request))
        return answered(request, watchlist)

    @extend_schema(operation_id="remove_rolling", responses={204: None})
    def delete(self, request: Request, watchlist: int, rolling_entry: int) -> Response:
        """The entry goes, with what it holds."""
        found = own(request, watchlist)
        rolling.remove(found, rolling_entry)
        return tagged(Response(status=204), found)
