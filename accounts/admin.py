"""Users and watchlists, as the administrator sees them."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from marketdata.admin.trail import Trailed

from . import watchlists
from .models import User, Watchlist, WatchlistEntry


@admin.register(User)
class UserAdmin(DjangoUserAdmin, Trailed):  # type: ignore[type-arg, misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, Trailed):  # type: ignore[misc]
    pass


class WatchlistEntryInline(TabularInline):
    model = WatchlistEntry
    raw_id_fields = ["instrument"]
    extra = 0


@admin.register(Watchlist)
class WatchlistAdmin(Trailed):
    list_display = ["name", "owner", "position", "version", "updated_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    raw_id_fields = ["owner"]
    readonly_fields = ["version", "created_at", "updated_at"]
    inlines = [WatchlistEntryInline]

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: list, change: bool) -> None:  # type: ignore[type-arg]
        super().save_related(request, form, formsets, change)
        watchlists.touch(form.instance)  # open pages show the edit
