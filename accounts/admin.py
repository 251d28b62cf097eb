"""Users, their tokens and watchlists, as the administrator sees them."""

from collections.abc import Iterable
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from marketdata.admin import trail
from marketdata.admin.trail import Trailed

from . import announcing, sharing, watchlists
from .models import ApiToken, RollingEntry, User, Watchlist, WatchlistEntry, WatchlistSection
from .rights_admin import FeedGrantInline, GroupLimitsInline  # registers the use of feeds too
from .sign_in_admin import take_second_factor  # registers invitations and attempts too


@admin.register(User)
class UserAdmin(DjangoUserAdmin, Trailed):  # type: ignore[type-arg, misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    actions = [take_second_factor]


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, Trailed):  # type: ignore[misc]
    inlines: ClassVar = [FeedGrantInline, GroupLimitsInline]


# A user's address stands with the user; nothing here confirms addresses.
admin.site.unregister(EmailAddress)


@admin.register(ApiToken)
class TokenAdmin(Trailed):
    """API tokens: seen by their first characters, and revoked. Their users make them, and `manage.py issue_token`."""

    list_display = ["token_key", "name", "user", "scopes", "created", "expiry", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["token_key", "name", "user__username"]
    fields = ["token_key", "name", "user", "scopes", "created", "expiry", "last_used_at"]
    readonly_fields = fields

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return trail.called("API token", "API tokens", super().changelist_view(request, extra_context))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> list[LogEntry]:
        """Without what proves the token."""
        assert request.user.pk is not None
        said = [(one, DELETION, "revoked") for one in queryset]
        return trail.enter(int(request.user.pk), said, lambda token: f"{token.token_key}… of {token.user}")


class WatchlistEntryInline(TabularInline):
    model = WatchlistEntry
    raw_id_fields = ["instrument"]
    extra = 0


class WatchlistSectionInline(TabularInline):
    model = WatchlistSection
    extra = 0


class RollingEntryInline(TabularInline):
    """What an entry stands for is ingest's to say."""

    model = RollingEntry
    raw_id_fields = ["underlying"]
    fields = ["underlying", "rule", "strikes", "rights", "position", "state", "expiry", "centre"]
    readonly_fields = ["state", "expiry", "centre"]
    extra = 0


@admin.register(Watchlist)
class WatchlistAdmin(Trailed):
    list_display = ["name", "owner", "position", "version", "is_shared", "updated_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    raw_id_fields = ["owner"]
    readonly_fields = ["version", "created_at", "updated_at"]
    inlines = [WatchlistEntryInline, WatchlistSectionInline, RollingEntryInline]
    actions = ["withdraw"]

    @admin.display(boolean=True, description="shared")
    def is_shared(self, watchlist: Watchlist) -> bool:
        return watchlist.share_key is not None

    @admin.action(description="Withdraw the links of", permissions=["change"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[Watchlist]) -> None:
        shared = list(chosen.exclude(share_key=None))
        for watchlist in shared:
            sharing.withdraw(watchlist)
            self.log_change(request, watchlist, "link: withdrawn")
        self.message_user(request, f"Links withdrawn: {len(shared)}.")

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: list, change: bool) -> None:  # type: ignore[type-arg]
        super().save_related(request, form, formsets, change)
        watchlists.touch(form.instance)  # open pages show the edit
        announcing.rolling_changed(form.instance.rolling.values_list("underlying__feed", flat=True))
