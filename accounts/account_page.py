"""The page of one's own account: what there is, and how it stands."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .models import ApiToken, User


@require_safe
@never_cache
@login_required
def account_page(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    address = EmailAddress.objects.filter(user=user, primary=True).first()
    return render(
        request,
        "account/index.html",
        {
            "email": address.email if address is not None else user.email,
            "email_confirmed": address is not None and address.verified,
            "has_password": user.has_usable_password(),
            "has_app": Authenticator.Type.TOTP in kinds,
            "keys": kinds.count(Authenticator.Type.WEBAUTHN),
            "sessions": UserSession.objects.filter(user=user).count(),
            "tokens": ApiToken.objects.filter(user=user).count(),
        },
    )
