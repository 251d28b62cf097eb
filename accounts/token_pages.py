"""The page of a user's API tokens: makes one and shows it once, lists what there is, revokes."""

from typing import Any, Final

from allauth.account.decorators import reauthentication_required
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from . import tokens
from .models import READ, SCOPES, WATCHLISTS, ApiToken, User
from .watchlists import NAME_LENGTH, GoneError, RefusedError

_SCOPES: Final = {
    READ: "Read all that you may see: quotes, chains, history, watchlists, and the stream",
    WATCHLISTS: "Change your watchlists",
}
assert tuple(_SCOPES) == SCOPES
_USUAL_DAYS: Final = 90


class TokenForm(forms.Form):
    """What a token is asked for with; `tokens.make` judges it."""

    name = forms.CharField(
        max_length=NAME_LENGTH,
        help_text="What uses it, so that you know later which one to revoke.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    days = forms.IntegerField(
        label="Days that it lives",
        min_value=1,
        max_value=tokens.MOST_DAYS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=list(_SCOPES.items()),
        initial=[READ],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].initial = settings.TOKEN_DAYS or _USUAL_DAYS
        if tokens.may_last_for_ever():
            self.fields["days"].required = False
            self.fields["days"].help_text = "Empty is for ever."
            self.fields["days"].initial = None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def tokens_page(request: HttpRequest) -> HttpResponse:
    """The list, and the form; posted, makes a token."""
    return _make(request) if request.method == "POST" else _page(request, TokenForm())


@reauthentication_required
def _make(request: HttpRequest) -> HttpResponse:
    """The token's text is in this answer and nowhere else: to survive a redirect it would have to lie in the session."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    said = form.cleaned_data
    try:
        record, text = tokens.make(_user(request), said["name"], said["days"] or 0, said["scopes"])
    except RefusedError as error:
        for one in error.problems:
            form.add_error(one.field, one.message)
        return _page(request, form)
    return _page(request, TokenForm(), made=record, text=text)


@never_cache
@require_POST
@login_required
def revoke_token(request: HttpRequest, token: str) -> HttpResponse:
    try:
        gone = tokens.revoke(_user(request), token)
    except GoneError:
        messages.info(request, "That token was gone already.")
    else:
        messages.info(request, f"{gone.name or 'The token'} is revoked; what was signed in by it is not any more.")
    return HttpResponseRedirect(reverse("account_tokens"))


def _page(request: HttpRequest, form: TokenForm, made: ApiToken | None = None, text: str = "") -> HttpResponse:
    user = _user(request)
    now = timezone.now()
    shown = [
        {
            "handle": tokens.handle_of(one),
            "name": one.name,
            "begins": one.token_key[: tokens.SHOWN_LENGTH],
            "scopes": ", ".join(tokens.scopes_of(one)),
            "created": one.created,
            "expiry": one.expiry,
            "is_over": one.expiry is not None and one.expiry <= now,
            "last_used_at": one.last_used_at,
            "is_new": made is not None and one.pk == made.pk,
        }
        for one in tokens.of(user)
    ]
    values = {
        "form": form,
        "tokens": shown,
        "most": tokens.PER_USER,
        "made": made,
        "text": text,
        "zone": user.time_zone or "UTC",
    }
    return render(request, "accounts/tokens.html", values)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
