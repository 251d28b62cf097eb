"""Signing in and out: allauth's views, their attempts counted."""

from typing import Any

from allauth.account.forms import LoginForm
from allauth.account.internal.stagekit import clear_login
from allauth.account.views import LoginView, LogoutView
from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect

from . import lock_out
from .fields import MOST_NAME, Plain
from .guard import guarded


class SignInForm(Plain, LoginForm):
    labels = {"login": "User name or email", "password": "Password", "remember": "Stay signed in on this device"}
    most = {"login": MOST_NAME}  # nothing longer is anybody's, and what was typed is looked up


class SignInView(LoginView):
    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> HttpResponseRedirect | None:
        """Back to the second factor that another tab has begun; but who asks to start again does, perhaps as another."""
        if "again" in request.GET:
            clear_login(request)
            return None
        return super()._redirect_to_pending_stage(request, stage)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "may_sign_up": settings.SIGN_UP == "open"}


sign_in = guarded(SignInView.as_view(), lock_out.SIGN_IN_FROM)
sign_out = LogoutView.as_view()
