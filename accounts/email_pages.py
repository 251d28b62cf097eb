"""A user's own email address: confirming it, and changing it for another."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.forms import AddEmailForm
from allauth.account.views import ConfirmEmailView, EmailVerificationSentView, EmailView
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from . import lock_out
from .fields import MOST_NAME, Plain
from .guard import guarded


class EmailForm(Plain, AddEmailForm):
    labels = {"email": "New address"}
    most = {"email": MOST_NAME}

    def save(self, request: HttpRequest) -> Any:
        """Raises LockedOutError: nobody's mailbox is filled from here."""
        claim_mail(request, self.cleaned_data["email"])
        return super().save(request)


class OwnEmailView(EmailView):
    def _action_send(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        if self._get_email_address(request) is not None:
            claim_mail(request, request.POST["email"])
        response: HttpResponse | None = super()._action_send(request, *args, **kwargs)
        return response


def claim_mail(request: HttpRequest, email: str) -> None:
    """Counts a mail by who asks for it and by where it goes."""
    lock_out.claim((lock_out.MAIL_TO, email.lower()), (lock_out.MAIL_TO, f"user {request.user.pk}"))


# Who has the address can have the password: a changed one is asked for who is there.
own_email = guarded(login_required(reauthentication_required(OwnEmailView.as_view(), allow_get=True)))
confirm_email = guarded(ConfirmEmailView.as_view())
confirmation_sent = EmailVerificationSentView.as_view()
