"""A session that has just proved again that it is still its user, as sensitive steps ask."""

import time

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, record_authentication
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.test import Client

from accounts.models import User


def prove(client: Client, ago_s: float = 0) -> Client:
    """As allauth notes it; `ago_s` seconds before now."""
    request = HttpRequest()
    request.session = client.session
    user = get_user(request)
    assert isinstance(user, User)
    record_authentication(request, user, method="password", reauthenticated=True)
    request.session[AUTHENTICATION_METHODS_SESSION_KEY][-1]["at"] = time.time() - ago_s
    request.session.save()
    return client
