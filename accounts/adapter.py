"""What Strikewire decides of allauth's behaviour."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up by themselves; an inactive user is told what a wrong password is told; and no message waits in a
    cookie for a page that shows none."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        # allauth lets an inactive user with the right password through to a page of their own. That page would tell
        # anyone with a list of passwords which of them is right.
        user = super().authenticate(request, **credentials)
        if user is not None and not user.is_active:
            self.authentication_failed(request, **credentials)
            return None
        return user

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        return None
