"""What people do at the account's pages, for tests: sign in, show a code, follow the link of a mail."""

import re
import time
from typing import Any, Final

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth import get_user
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.test import Client

from accounts.models import User
from tests.conftest import PASSWORD

LOGIN: Final = "/accounts/login/"
CODE: Final = "/accounts/login/second-factor/"


def name_of(client: Client) -> str:
    """Who is signed in, by the session alone; empty for nobody."""
    request = HttpRequest()
    request.session = client.session
    return str(get_user(request).get_username())


def sign_in(client: Client, login: str = "owner", password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(LOGIN, {"login": login, "password": password}, **extra)


def set_up_app(user: User) -> str:
    """An authenticator app; its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def recovery_codes(user: User) -> list[str]:
    return RecoveryCodes.activate(user).get_unused_codes()


def code_of(secret: str, steps: int = 0) -> str:
    """What the app shows now, or showed `steps` times 30 seconds ago."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 - steps))


def wrong_code(secret: str) -> str:
    right = {code_of(secret, steps) for steps in (-2, -1, 0, 1, 2)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in right)


def link_in(mail: EmailMessage) -> str:
    """The path of the first link."""
    found = re.search(r"https?://[^/\s]+(/\S+)", str(mail.body))
    assert found, mail.body
    return found.group(1)


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user).exists()
