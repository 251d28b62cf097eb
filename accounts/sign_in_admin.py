"""What the administrator sees of coming in: invitations, whose link is shown once, and attempts to sign in."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminIntegerFieldWidget

from marketdata.admin import trail
from marketdata.admin.trail import Trailed

from . import invitations
from .models import Invitation, SignInAttempt, User

# A second factor's secret, and where somebody is signed in, are that user's own; `take_second_factor` takes one away.
admin.site.unregister(Authenticator)
admin.site.unregister(UserSession)


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]
    days = forms.IntegerField(
        min_value=1,
        max_value=invitations.MOST_DAYS,
        initial=invitations.DEFAULT_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="How long the link is good.",
    )

    class Meta:
        model = Invitation
        fields = ["email", "groups"]
        widgets = {"email": UnfoldAdminEmailInputWidget}
        help_texts = {
            "email": "The only address that the account may have; empty for any.",
            "groups": "Which the new account belongs to.",
        }


@admin.register(Invitation)
class InvitationAdmin(Trailed):
    list_display = ["whom", "state", "by", "made_at", "expires_at", "used_by"]
    list_select_related = ["made_by", "used_by"]
    search_fields = ["email", "used_by__username", "made_by__username"]
    form = InvitationForm
    fields = ["email", "groups", "made_by", "made_at", "expires_at", "used_by", "used_at"]
    readonly_fields = ["made_by", "made_at", "expires_at", "used_by", "used_at"]

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        return ["email", "days", "groups"] if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        return [] if obj is None else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "groups" and field is not None:
            field.queryset = grantable(request)
        return field

    def save_model(self, request: HttpRequest, obj: Invitation, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        assert isinstance(request.user, User)
        made, key = invitations.make(request.user, obj.email, form.cleaned_data["days"])
        obj.__dict__.update(made.__dict__)
        link = request.build_absolute_uri(invitations.path_of(key))
        messages.warning(request, f"The link, shown only this once: {link}")

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> list[LogEntry]:
        """Without what proves the invitation."""
        assert request.user.pk is not None
        return trail.enter(int(request.user.pk), [(one, DELETION, "withdrawn") for one in queryset])

    @admin.display(description="for", ordering="email")
    def whom(self, invitation: Invitation) -> str:
        return invitation.email or "anybody"

    @admin.display(description="by", ordering="made_by")
    def by(self, invitation: Invitation) -> str:
        return "" if invitation.made_by is None else str(invitation.made_by)

    @admin.display(description="state")
    def state(self, invitation: Invitation) -> str:
        if invitation.used_at is not None:
            return "used"
        return "expired" if invitation.expires_at <= timezone.now() else "open"


def grantable(request: HttpRequest) -> QuerySet[Group]:
    """Groups that an invitation of this administrator may bring: none with more rights than the administrator has, or
    inviting somebody would be a way to them."""
    groups = Group.objects.all()
    user = request.user
    if user.is_superuser:
        return groups
    own = user.get_all_permissions()
    beyond = [
        group.pk
        for group in groups.prefetch_related("permissions__content_type")
        if any(f"{one.content_type.app_label}.{one.codename}" not in own for one in group.permissions.all())
    ]
    return groups.exclude(pk__in=beyond)


class _Period(admin.SimpleListFilter):
    title = "when"
    parameter_name = "within"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "last hour"), ("24", "last day"), ("168", "last week")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SignInAttempt]) -> QuerySet[SignInAttempt]:
        hours = dict(self.lookup_choices).keys() & {self.value()}
        return (
            queryset.filter(at__gte=timezone.now() - dt.timedelta(hours=int(hours.pop() or 0))) if hours else queryset
        )


@admin.register(SignInAttempt)
class AttemptAdmin(ModelAdmin):
    """Read only, for everybody."""

    list_display = ["when", "name", "whose", "address", "outcome"]
    list_filter = ["outcome", _Period]
    search_fields = ["name", "user__username", "address"]
    list_select_related = ["user"]
    list_per_page = 50

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return trail.called(
            "attempt to sign in", "attempts to sign in", super().changelist_view(request, extra_context)
        )

    @admin.display(description="when", ordering="at")
    def when(self, attempt: SignInAttempt) -> str:
        return f"{attempt.at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="user", ordering="user")
    def whose(self, attempt: SignInAttempt) -> str:
        return "" if attempt.user is None else str(attempt.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SignInAttempt | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SignInAttempt | None = None) -> bool:
        return False


@admin.action(description="Take the second factor away", permissions=["change"])
def take_second_factor(model_admin: Any, request: HttpRequest, queryset: QuerySet[User]) -> None:
    """For who lost the telephone and the recovery codes. Another's with more rights than one's own only by superusers."""
    assert isinstance(request.user, User)
    users = queryset if request.user.is_superuser else queryset.filter(is_staff=False, is_superuser=False)
    taken = []
    for user in users:
        count, _ = Authenticator.objects.filter(user=user).delete()
        if count:
            taken.append(user)
    trail.enter(request.user.pk, [(user, CHANGE, "second factor taken away") for user in taken])
    names = ", ".join(user.get_username() for user in taken[:20])
    said = f"Without a second factor now: {names}." if taken else "None of these has a second factor that you may take."
    messages.info(request, said)
