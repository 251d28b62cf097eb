"""Instruments, as the administrator sees them. Feeds list them and coverage chooses among them: a person switches what is
offered on and off.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from ..models import Instrument
from . import orders, trail
from .trail import Trailed

# Expiries that the filter offers: the nearest ones.
EXPIRIES: Final = 60
BATCH: Final = 500
# By chain. The heads of the columns show the first of it only: signs on six of them would leave no room for the rest.
CHAIN: Final = ("feed", "underlying", "expiry", "strike", "right", "symbol")


class ExpiryFilter(admin.SimpleListFilter):
    """The expiries of what is listed; those that are past come with the retired."""

    title = "expiry"
    parameter_name = "expiry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        listed = Instrument.objects.filter(active=True, expiry__isnull=False)
        for name in ("feed", "underlying"):
            if chosen := request.GET.get(f"{name}__exact") or request.GET.get(name):
                listed = listed.filter(**{name: chosen})
        days = listed.order_by("expiry").values_list("expiry", flat=True).distinct()[:EXPIRIES]
        return [(day.isoformat(), day.isoformat()) for day in days if day is not None]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Instrument]) -> QuerySet[Instrument]:
        try:
            return queryset.filter(expiry=dt.date.fromisoformat(self.value() or ""))
        except ValueError:
            return queryset


@admin.register(Instrument)
class InstrumentAdmin(Trailed):
    list_display: ClassVar = [
        "symbol", "feed", "underlying", "expiry", "struck", "right", "streaming", "covered", "active",
    ]  # fmt: skip
    list_filter: ClassVar = ["feed", "active", "covered", "streaming", "kind", "right", "underlying", ExpiryFilter]
    search_fields: ClassVar = ["symbol", "venue_symbol", "underlying"]
    actions: ClassVar = ["switch_on", "switch_off"]
    ordering = CHAIN[:1]
    list_per_page = 50

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        return CHAIN

    @admin.display(description="strike", ordering="strike")
    def struck(self, instrument: Instrument) -> str | None:
        return None if instrument.strike is None else f"{instrument.strike:g}"

    def get_readonly_fields(self, request: HttpRequest, obj: Instrument | None = None) -> list[str]:
        return [field.name for field in Instrument._meta.fields if field.name != "streaming"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Instrument | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Instrument, form: Any, change: bool) -> None:
        # Only the switch: ingest may have changed the rest since the page was opened.
        obj.save(update_fields=["streaming", "updated_at"])
        orders.look_again_after_commit(request, obj.feed)

    @admin.action(description="Switch streaming on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Instrument]) -> None:
        self._switch(request, queryset, streaming=True)

    @admin.action(description="Switch streaming off, whoever watches", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Instrument]) -> None:
        self._switch(request, queryset, streaming=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Instrument], streaming: bool) -> None:
        with transaction.atomic():
            chosen = list(queryset.exclude(streaming=streaming).order_by())
            for start in range(0, len(chosen), BATCH):
                part = [one.pk for one in chosen[start : start + BATCH]]
                Instrument.objects.filter(pk__in=part).update(streaming=streaming)
            said = trail.difference({"streaming": not streaming}, {"streaming": streaming})
            assert request.user.pk is not None
            trail.enter(int(request.user.pk), [(one, CHANGE, said) for one in chosen])
            for feed in sorted({one.feed for one in chosen}):
                orders.look_again_after_commit(request, feed)
        messages.success(request, f"Streaming is {'on' if streaming else 'off'} now for {len(chosen):,} more.")
