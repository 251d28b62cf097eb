"""What Strikewire decides of allauth's behaviour."""

import logging
from smtplib import SMTPException
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from allauth.core import context
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from . import attempts, invitations, lock_out
from .addresses import address_of, network_of
from .guard import MailUnavailableError
from .lock_out import Claim, LockedOutError
from .models import SignInAttempt, User

logger = logging.getLogger(__name__)

# What leads to a page that shows no messages, where it would wait in a cookie and come up at the wrong place later; and
# what the page that it leads to says itself.
_UNSHOWN: Final = (
    "account/messages/logged_in.txt",
    "account/messages/logged_out.txt",
    "mfa/messages/recovery_codes_generated.txt",
)
# What only tells of something that is done already.
_TIDINGS: Final = ("_changed", "_set", "_deleted", "_activated", "_deactivated", "_added", "_removed", "_generated")


class AccountAdapter(DefaultAccountAdapter):
    """Who may sign up is a setting; wrong passwords are counted and written down; an inactive user is told what a wrong
    password is told; a mail that cannot be sent is said, not a broken page."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "The name or the password is wrong.",
        "email_password_mismatch": "The address or the password is wrong.",
        "incorrect_password": "That is not your password.",
        "enter_current_password": "That is not your password.",
        "duplicate_email": "That is your address already.",
        "username_taken": "Somebody has this name already.",
        "invalid_password_reset": "This link was used before, or is too old.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        if settings.SIGN_UP == "invitation":
            return invitations.of_session(request) is not None
        return bool(settings.SIGN_UP == "open")

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        raise NotImplementedError("authenticate() counts by itself")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Raises LockedOutError, and RedisError."""
        typed = str(credentials.get("username") or credentials.get("email") or "")
        meant = meant_by(typed)
        claim = claim_password(request, typed, meant)
        if "username" in credentials and "email" in credentials:
            # allauth tries the name as an address too. Tried twice, a known address would take longer than an unknown.
            del credentials["email"]
        user: AbstractBaseUser | None = authenticate(request, **credentials)
        # allauth lets an inactive user with the right password through to a page of their own. That page would tell
        # anyone with a list of passwords which of them is right. Django's own backends refuse such a user.
        if user is None:
            attempts.record(request, SignInAttempt.Outcome.WRONG, typed, meant)
            return None
        claim.give_back()
        return user

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        messages.error(request, "This passkey is not known here.")  # no other way leads an inactive user here
        return HttpResponseRedirect(reverse("account_login"))

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        if message_template not in _UNSHOWN:
            super().add_message(request, level, message_template, message_context, extra_tags, message)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raises MailUnavailableError, save for what only tells of something."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException) as error:
            # Not the error's text: a server's answer may repeat the address, and the sign-in to it.
            logger.error("a mail (%s) could not be sent: %s", template_prefix, type(error).__name__)
            if not template_prefix.endswith(_TIDINGS):
                raise MailUnavailableError from error


def meant_by(typed: str) -> User | None:
    """Whom a name or address means; of several with one address the oldest, as what is counted needs one."""
    typed = typed.strip()
    if not typed or len(typed) > 254 or "\x00" in typed:
        return None
    users = [get_user_by_username(typed)]
    if users == [None] and "@" in typed:
        users = filter_users_by_email(typed, prefer_verified=True, for_login=True)
    return min((one for one in users if isinstance(one, User)), key=lambda one: one.pk, default=None)


def claim_password(request: HttpRequest, typed: str, user: User | None) -> Claim:
    """Counts a guess at a password. Raises LockedOutError, which is written down once, and RedisError."""
    address = network_of(request)
    # By the user, so that each of a user's names does not bring new guesses.
    who = f"user {user.pk}" if user is not None else f"name {typed.strip().lower()}"
    try:
        return lock_out.claim(
            (lock_out.PASSWORD, f"{who} from {address}"),
            (lock_out.PASSWORD_FROM, address),
            (lock_out.PASSWORD_OF, who),
        )
    except LockedOutError as error:
        if error.first:
            attempts.record(request, SignInAttempt.Outcome.LOCKED, typed, user)
        raise


def check_own_password(user: User, password: str) -> bool:
    """Whether it is the signed-in user's password; wrong ones are counted as at the sign-in. Raises as that does."""
    claim = claim_password(context.request, user.get_username(), user)
    if not user.check_password(password):
        return False
    claim.give_back()
    return True
