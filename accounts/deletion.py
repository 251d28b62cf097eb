"""Deleting an account, one's own or by an administrator: what goes, what stays, and who may not."""

from typing import Final

from allauth.account.decorators import reauthentication_required
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from . import demo, watchlists
from .models import Invitation, User, Watchlist

# Whom the trail names where who did it is gone. The space keeps everybody from signing up as this.
FORMER: Final = "former user"


class NotDeletableError(Exception):
    """The account has to stay; the text says why."""


def delete_account(user: User, by_administrator: bool = False) -> None:
    """The account, and all that is kept of it but two things: that it used feeds, which data agreements ask for, and its
    entries in the trail of changes, which are others' to read. Its sockets are closed. Raises NotDeletableError."""
    with transaction.atomic():
        # Two superusers who leave at the same time shall not both find the other one there.
        superusers = list(User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk"))
        if reason := _why_it_stays(user, superusers, by_administrator):
            raise NotDeletableError(reason)
        for one in Watchlist.objects.filter(owner=user):
            watchlists.delete(one)  # tells those who read a shared one
        keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        Invitation.objects.filter(
            used_by=user
        ).delete()  # it has the address; as one that is not there it is refused too
        _keep_the_trail(user)
        user.delete()


def why_it_stays(user: User, by_administrator: bool = False) -> str:
    """Why the account cannot be deleted by its user, or by an administrator; empty where it can."""
    return _why_it_stays(user, list(User.objects.filter(is_superuser=True, is_active=True)[:2]), by_administrator)


def _why_it_stays(user: User, superusers: list[User], by_administrator: bool) -> str:
    if user.username == FORMER:
        return "It stands for those who are gone, where changes say who made them."
    if user.username == demo.USERNAME and not by_administrator:
        return "The demo user belongs to everybody who sees the start of this installation, and stays."
    if [one.pk for one in superusers] == [user.pk]:
        return "You are the only administrator with all rights. Give them to somebody else first."
    return ""


def _keep_the_trail(user: User) -> None:
    entries = LogEntry.objects.filter(user=user)
    if not entries.exists():
        return
    former, made = User.objects.get_or_create(username=FORMER, defaults={"is_active": False})
    if made:
        former.set_unusable_password()
        former.save(update_fields=["password"])
    by = Value(f"by {user.username}, whose account is deleted: ")
    entries.update(user=former, change_message=Concat(by, F("change_message")))


class DeletionForm(forms.Form):
    name = forms.CharField(
        label="Your user name, to be sure",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, user: User, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self._user = user

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self._user.username:
            raise forms.ValidationError("This is not your user name.")
        return name


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
def deletion_page(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    form = DeletionForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            delete_account(user)
        except NotDeletableError:
            pass  # the page says so
        else:
            logout(request)
            return render(request, "accounts/deleted.html")
    return render(request, "accounts/deletion.html", {"form": form, "why_it_stays": why_it_stays(user)})
