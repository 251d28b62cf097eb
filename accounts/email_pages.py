"""A user's own email address: confirming it, and changing it for another."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.forms import AddEmailForm
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.views import ConfirmEmailView, EmailVerificationSentView, EmailView
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from . import lock_out
from .fields import MOST_NAME, Plain
from .guard import guarded
from .models import User


class EmailForm(Plain, AddEmailForm):
    labels = {"email": "New address"}
    most = {"email": MOST_NAME}

    def save(self, request: HttpRequest) -> Any:
        """Raises LockedOutError: nobody's mailbox is filled from here."""
        email = self.cleaned_data["email"]
        assert isinstance(self.user, User)
        claim_mail(request, email)
        with transaction.atomic():
            # The one before it that still waits goes; the one in use stays, confirmed or not, until this one is.
            waiting_of(self.user).delete()
            address = EmailAddress.objects.create(user=self.user, email=email)
        send_verification_email_to_address(request, address)
        return address


def waiting_of(user: Any) -> QuerySet[EmailAddress]:
    """The address that the user wants to change to, and has not confirmed."""
    return EmailAddress.objects.filter(user=user, verified=False).exclude(email=user.email)


class OwnEmailView(EmailView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        assert isinstance(user, User)
        current = EmailAddress.objects.filter(user=user, email=user.email).first() if user.email else None
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[no-untyped-call]
        return {**context, "current_emailaddress": current, "new_emailaddress": waiting_of(user).first()}

    def _action_remove(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        """Only what waits: an account does not lose its address here."""
        if not waiting_of(request.user).filter(email=request.POST["email"]).exists():
            return None
        response: HttpResponse | None = super()._action_remove(request, *args, **kwargs)
        return response

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
