"""Making an account of one's own, where the setting lets one: anybody, or whoever has an invitation."""

from http import HTTPStatus
from typing import Any

from allauth.account.forms import SignupForm
from allauth.account.views import SignupView
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from . import invitations, lock_out
from .adapter import AccountAdapter
from .fields import MOST_NAME, Plain
from .guard import guarded
from .models import Invitation, User


class SignUpForm(Plain, SignupForm):  # type: ignore[misc] # allauth's clean() has hints of its own
    """Name, address and password; whatever else is posted counts for nothing."""

    labels = {
        "username": "User name",
        "email": "Email",
        "password1": "Password",
        "password2": "Password, again",
    }
    most = {"email": MOST_NAME}
    invitation: Invitation | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = "Letters, digits and @ . + - _"
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        self.fields["password1"].help_text = "At least 10 characters, and nothing that is often used."

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if self.invitation is not None and self.invitation.email and email != self.invitation.email:
            raise ValidationError(f"This invitation is for {self.invitation.email}.", code="wrong_address")
        return email

    def save(self, request: HttpRequest) -> User:
        """Raises InvitationError where the invitation was used meanwhile; then there is no user either."""
        with transaction.atomic():
            user = super().save(request)
            assert isinstance(user, User)
            if self.invitation is not None:
                invitations.redeem(self.invitation, user)
        invitations.leave(request)
        return user


class SignUpView(SignupView):
    def get_initial(self) -> dict[str, Any]:
        invitation = invitations.of_session(self.request)
        return {"email": invitation.email} if invitation is not None and invitation.email else {}

    def get_form(self, form_class: type[SignUpForm] | None = None) -> SignUpForm:
        form: SignUpForm = super().get_form(form_class)  # type: ignore[no-untyped-call]
        # An invitation counts wherever one may sign up: it may bring groups with it.
        form.invitation = invitations.of_session(self.request)
        return form

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except IntegrityError:  # somebody took the name between the check and now
            form.add_error("username", AccountAdapter.error_messages["username_taken"])
            response = self.form_invalid(form)
        except invitations.InvitationError as error:
            form.add_error(None, str(error))
            response = self.form_invalid(form)
        return response

    def closed(self) -> HttpResponse:
        context = {"by_invitation": settings.SIGN_UP == "invitation"}
        response = self.response_class(self.request, self.template_name_signup_closed, context)
        response.status_code = HTTPStatus.FORBIDDEN
        return response


sign_up = guarded(SignUpView.as_view(), lock_out.SIGN_UP_FROM)
