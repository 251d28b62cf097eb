"""Instruments, as the administrator sees them. Feeds list them: a person only decides what is offered."""

from django.contrib import admin
from django.http import HttpRequest

from .models import Instrument


@admin.register(Instrument)
class InstrumentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["symbol", "feed", "kind", "underlying", "expiry", "strike", "right", "active", "streaming"]
    list_filter = ["feed", "active", "streaming", "kind", "right", "underlying", "expiry"]
    search_fields = ["symbol", "venue_symbol", "underlying"]
    # Counting all of a large table costs more than the page.
    show_full_result_count = False
    list_per_page = 50

    def get_readonly_fields(self, request: HttpRequest, obj: Instrument | None = None) -> list[str]:
        return [field.name for field in Instrument._meta.fields if field.name != "streaming"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Instrument | None = None) -> bool:
        return False
