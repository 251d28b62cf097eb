"""The second factor: codes of an authenticator app, and recovery codes. Wrong ones are counted by user. Also what keeps a
session that passed only the password out of the administration, where its user has a second factor.
"""

from collections.abc import Callable
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.base.views import AuthenticateView, IndexView, ReauthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from . import attempts, lock_out, sealing
from .fields import MOST_CODE, Plain
from .guard import guarded
from .lock_out import Claim
from .models import User

WRONG: Final = "That code is wrong, or was used before."


class SecondFactorAdapter(DefaultMFAAdapter):
    """Names, words, and what the database may have of a secret."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": WRONG,
        "cannot_generate_recovery_codes": "Recovery codes stand in for a second factor, and you have none.",
    }

    def get_totp_issuer(self) -> str:
        return f"Strikewire {self._get_site_name()}"

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def _get_user_identifier(self, user: Any) -> str:
        return str(user.get_username())

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises SealedError."""
        return sealing.unseal(encrypted_text)

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002 # allauth's name
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}"


def claim_code(user: User) -> Claim:
    """Counts a guess at the second factor. Raises LockedOutError, and RedisError."""
    return lock_out.claim((lock_out.SECOND_FACTOR, f"user {user.pk}"))


def _use_up(user: User, code: str) -> None:
    """Raises ValidationError for an app's code that was used before. allauth remembers it for one period, and a code is
    taken for longer: before and after its own, as clocks differ."""
    taken_for_s = (2 * app_settings.TOTP_TOLERANCE + 1) * app_settings.TOTP_PERIOD
    if not cache.add(f"second-factor:used:{user.pk}:{normalize_user_code(code)}", True, taken_for_s):
        raise ValidationError(WRONG, code="incorrect_code")


class _CountedCode(Plain):
    labels = {"code": "Code"}
    most = {"code": MOST_CODE}
    user: User
    authenticator: Authenticator  # that the code is of

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= {"inputmode": "numeric", "autocapitalize": "none", "autofocus": True}

    def clean_code(self) -> str:
        claim = claim_code(self.user)
        try:
            code: str = super().clean_code()  # type: ignore[misc]
            if self.authenticator.type == Authenticator.Type.TOTP:
                _use_up(self.user, code)
        except ValidationError:
            attempts.record_code(self.user)
            raise
        claim.give_back()
        return code


class CodeForm(_CountedCode, AuthenticateForm):
    """At the sign-in."""


class CodeAgainForm(_CountedCode, ReauthenticateForm):
    """Before something that matters."""


class ActivateForm(_CountedCode, ActivateTOTPForm):
    """Of the app that was just set up; a wrong one here is no attempt at anything."""

    def clean_code(self) -> str:
        code: str = ActivateTOTPForm.clean_code(self)
        _use_up(self.user, code)
        return code


class OwnFactorsView(IndexView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        codes = context["authenticators"].get(Authenticator.Type.RECOVERY_CODES)
        # Here and not in the template, where nobody would catch that they cannot be read.
        return {**context, "codes_left": len(codes.get_unused_codes()) if codes else 0}


# ── The administration ────────────────────────────────────────────────────────────────────────────────────────────────
def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the user has a second factor which this session has not shown, as one that was signed in before it was
    set up."""
    assert request.user.is_authenticated
    shown = any(one.get("method") == "mfa" for one in get_authentication_records(request, request.user))
    if shown:
        return False
    known: bool | None = getattr(request, "_has_second_factor", None)
    if known is None:
        known = bool(is_mfa_enabled(request.user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]))
        request._has_second_factor = known  # type: ignore[attr-defined] # asked several times a page
    return known


def protect(site: AdminSite) -> None:
    """Opens the administration only to sessions that showed the second factor, where the user has one. Who is not signed
    in goes through the site's own form, as the administration's would count no attempts."""
    allowed: Callable[[HttpRequest], bool] = site.has_permission

    def has_permission(request: HttpRequest) -> bool:
        return allowed(request) and not lacks_second_factor(request)

    login: Callable[..., HttpResponse] = site.login

    def sign_in(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated and allowed(request) and lacks_second_factor(request):
            methods = get_adapter().get_reauthentication_methods(request.user)
            address = next(one["url"] for one in methods if one["id"].startswith("mfa"))
            wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
            return HttpResponseRedirect(f"{address}?{urlencode({REDIRECT_FIELD_NAME: wanted})}" if wanted else address)
        return login(request, *args, **kwargs)

    def change_password(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("account_change_password"))

    # The account's own page counts the guesses.
    site.password_change = change_password  # type: ignore[method-assign, assignment]
    site.has_permission = has_permission  # type: ignore[method-assign]
    site.login = sign_in  # type: ignore[method-assign]


overview = guarded(OwnFactorsView.as_view())
authenticate = guarded(AuthenticateView.as_view())
prove_code = guarded(ReauthenticateView.as_view())
activate_app = guarded(login_required(ActivateTOTPView.as_view()))
remove_app = guarded(login_required(DeactivateTOTPView.as_view()))
recovery_codes = guarded(ViewRecoveryCodesView.as_view())
new_recovery_codes = guarded(login_required(GenerateRecoveryCodesView.as_view()))
