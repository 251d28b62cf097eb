"""Passwords: changing one's own, proving it again before something that matters, and a new one by mail."""

from typing import Any

from allauth.account.forms import (
    ChangePasswordForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
)
from allauth.account.views import (
    PasswordChangeView,
    PasswordResetDoneView,
    PasswordResetFromKeyDoneView,
    PasswordResetFromKeyView,
    PasswordResetView,
    PasswordSetView,
    ReauthenticateView,
)
from allauth.core import context
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from . import lock_out
from .adapter import AccountAdapter, check_own_password
from .addresses import network_of
from .fields import MOST_NAME, Plain
from .guard import guarded
from .models import User

_NEW = {"password1": "New password", "password2": "New password, again"}
_HINT = "At least 10 characters, and nothing that is often used."


class ChangeForm(Plain, ChangePasswordForm):
    labels = {"oldpassword": "Your password now", **_NEW}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""
        self.fields["password1"].help_text = _HINT

    def clean_oldpassword(self) -> str:
        password: str = self.cleaned_data["oldpassword"]
        assert isinstance(self.user, User)
        if not check_own_password(self.user, password):
            raise ValidationError(AccountAdapter.error_messages["enter_current_password"])
        return password


class SetForm(Plain, SetPasswordForm):
    labels = _NEW


class AgainForm(Plain, ReauthenticateForm):
    labels = {"password": "Your password"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs["autofocus"] = True

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not check_own_password(self.user, password):
            raise ValidationError(AccountAdapter.error_messages["incorrect_password"])
        return password


class ResetForm(Plain, ResetPasswordForm):
    labels = {"email": "Email"}
    most = {"email": MOST_NAME}

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Counted by the address that was typed, known or not. Raises LockedOutError."""
        lock_out.claim((lock_out.MAIL_TO, self.cleaned_data["email"].lower()))
        email: str = super().save(request, **kwargs)
        return email


class NewPasswordForm(Plain, ResetPasswordKeyForm):
    labels = _NEW

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = _HINT


class NewPasswordView(PasswordResetFromKeyView):
    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        forget_guesses(self.reset_user)
        return response


def forget_guesses(user: User) -> None:
    """Who has the mailbox is let in at once: what others guessed is not held against them."""
    who = f"user {user.pk}"
    lock_out.forget(
        ((lock_out.PASSWORD, f"{who} from {network_of(context.request)}"), (lock_out.PASSWORD_OF, who)),
    )


change_password = guarded(login_required(PasswordChangeView.as_view()))
set_password = guarded(PasswordSetView.as_view())
reset_password = guarded(PasswordResetView.as_view(), lock_out.RESET_FROM)
reset_password_done = PasswordResetDoneView.as_view()
new_password = guarded(NewPasswordView.as_view(), lock_out.NEW_PASSWORD_FROM)
new_password_done = PasswordResetFromKeyDoneView.as_view()
prove_password = guarded(ReauthenticateView.as_view())
