"""Users and watchlists, as the administrator sees them."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.forms import ModelForm
from django.http import HttpRequest

from . import watchlists
from .models import User, Watchlist, WatchlistEntry

admin.site.register(User, UserAdmin)


class WatchlistEntryInline(admin.TabularInline):  # type: ignore[type-arg]
    model = WatchlistEntry
    raw_id_fields = ["instrument"]
    extra = 0


@admin.register(Watchlist)
class WatchlistAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "owner", "position", "version", "updated_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    raw_id_fields = ["owner"]
    readonly_fields = ["version", "created_at", "updated_at"]
    inlines = [WatchlistEntryInline]

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: list, change: bool) -> None:  # type: ignore[type-arg]
        super().save_related(request, form, formsets, change)
        watchlists.touch(form.instance)  # open pages show the edit
