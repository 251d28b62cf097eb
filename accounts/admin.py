"""Users, their tokens and watchlists, as the administrator sees them."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib import admin, messages
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

from . import announcing, deletion, sharing, watchlists
from .models import ApiToken, RollingEntry, User, Watchlist, WatchlistEntry, WatchlistSection
from .rights_admin import FeedGrantInline, GroupLimitsInline  # registers the use of feeds too
from .sign_in_admin import grantable, take_second_factor  # registers invitations and attempts too


@admin.register(User)
class UserAdmin(DjangoUserAdmin, Trailed):  # type: ignore[type-arg, misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    actions = [take_second_factor]

    # Django lets whoever may change users make themselves a superuser. Here only superusers give rights in the
    # administration, and touch those who have some.
    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_below(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return (
            super().has_delete_permission(request, obj)
            and _is_below(request, obj)
            and (obj is None or not deletion.why_it_stays(obj, by_administrator=True))
        )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return [] if request.user.is_superuser else ["is_staff", "is_superuser", "user_permissions"]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "groups" and field is not None and request.resolver_match is not None:
            # Those that the user has already stay among them, or saving would take them away.
            of = request.resolver_match.kwargs.get("object_id", "")
            held = Group.objects.filter(user__pk=of) if of.isdecimal() else Group.objects.none()
            chosen = [*grantable(request).values_list("pk", flat=True), *held.values_list("pk", flat=True)]
            field.queryset = Group.objects.filter(pk__in=chosen)
        return field

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            # Who has the former address shall not set a new password by it.
            EmailAddress.objects.filter(user=obj).exclude(email__iexact=obj.email).delete()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """All that hangs on a user goes too, also what nobody takes away by hand."""
        going, counts, needed, protected = super().get_deleted_objects(objs, request)
        return going, counts, needed & {self.opts.verbose_name}, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._delete(request, list(queryset))

    def _delete(self, request: HttpRequest, users: Sequence[User]) -> None:
        for user in users:
            try:
                deletion.delete_account(user, by_administrator=True)
            except deletion.NotDeletableError as error:  # the last of several at once
                messages.error(request, f"{user} stays. {error}")


def _is_below(request: HttpRequest, user: User | None) -> bool:
    return user is None or request.user.is_superuser or not (user.is_staff or user.is_superuser)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, Trailed):  # type: ignore[misc]
    inlines: ClassVar = [FeedGrantInline, GroupLimitsInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        """Rights in the administration are the superusers' to give."""
        return [] if request.user.is_superuser else ["permissions"]


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
