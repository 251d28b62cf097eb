"""Passkeys and security keys (WebAuthn): as the second factor, and to sign in without a password. The browser makes what is
posted here; what is not of a browser is refused by name, and bounded, since the stored part of it stays.
"""

from typing import Any, Final

from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    ListWebAuthnView,
    LoginWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from . import attempts, lock_out
from .addresses import network_of
from .fields import Plain
from .guard import guarded
from .models import User
from .second_factor import claim_code

MOST_KEYS: Final = 20
MOST_NAME: Final = 80
# Attestations with a chain of certificates have some kilobytes.
MOST_CREDENTIAL: Final = 16_384
UNKNOWN: Final = "This passkey is not known here."
# What the libraries below raise of what no browser sends.
_NONSENSE: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)
_KEPT: Final = ("id", "rawId", "type", "authenticatorAttachment")
_KEPT_RESPONSE: Final = ("clientDataJSON", "attestationObject", "transports")


class CredentialField(forms.JSONField):
    """An object of some length, however it is nested."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MOST_CREDENTIAL:
            raise ValidationError(UNKNOWN, code="max_length")
        try:
            read = super().to_python(value)
        except (RecursionError, *_NONSENSE) as error:
            raise ValidationError(UNKNOWN, code="invalid") from error
        if read is not None and not isinstance(read, dict):
            raise ValidationError(UNKNOWN, code="invalid")
        return read


class _Credential(Plain):
    most = {"name": MOST_NAME}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "credential" in self.fields:
            self.fields["credential"] = CredentialField(widget=forms.HiddenInput)


class _Shown(_Credential):
    """A key that was shown."""

    user: User | None

    def clean_credential(self) -> Authenticator:
        claim = None if self.user is None else claim_code(self.user)
        try:
            found: Authenticator = super().clean_credential()  # type: ignore[misc]
        except _NONSENSE as error:
            raise ValidationError(UNKNOWN, code="incorrect_code") from error
        except ValidationError as error:
            if self.user is not None:
                attempts.record_code(self.user)
            raise ValidationError(UNKNOWN, code="incorrect_code") from error
        if claim is not None:
            claim.give_back()
        return found


class SecondKeyForm(_Shown, AuthenticateWebAuthnForm):
    """As the second factor."""


class KeyAgainForm(_Shown, ReauthenticateWebAuthnForm):
    """Before something that matters."""


class SignInKeyForm(_Shown, LoginWebAuthnForm):
    """Without name and password."""


class AddKeyForm(_Credential, AddWebAuthnForm):
    labels = {"name": "Name", "passwordless": "Sign in with it alone, without a password"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = "To know it by, such as the device that it is on."
        self.fields["passwordless"].initial = True
        self.fields[
            "passwordless"
        ].help_text = "The device then asks for its PIN, a finger or a face. Without, it is a second factor only."

    def clean(self) -> dict[str, Any]:
        if Authenticator.objects.filter(user=self.user, type=Authenticator.Type.WEBAUTHN).count() >= MOST_KEYS:
            raise ValidationError(f"A user may have {MOST_KEYS} keys. Remove one first.", code="too_many")
        try:
            cleaned: dict[str, Any] = super().clean()
        except _NONSENSE as error:
            raise ValidationError("The browser sent no key. Try again.", code="incorrect_code") from error
        except ValidationError as error:
            raise ValidationError("The key was not made in time, or not here. Try again.", code=error.code) from error
        if isinstance(cleaned.get("credential"), dict):
            cleaned["credential"] = _kept(cleaned["credential"])
        return cleaned


class RenameKeyForm(_Credential, EditWebAuthnForm):
    labels = {"name": "Name"}


class SignInKeyView(LoginWebAuthnView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A challenge, for the page's script. Raises LockedOutError."""
        lock_out.claim((lock_out.PASSKEY_FROM, network_of(request)))
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def form_valid(self, form: SignInKeyForm) -> HttpResponse:
        """On to where one was going, as with a password."""
        key = form.cleaned_data["credential"]
        login = Login(user=key.user, redirect_url=get_next_redirect_url(self.request))
        response: HttpResponse = perform_passwordless_login(self.request, key, login)
        return response


class AddKeyView(AddWebAuthnView):
    def get_success_url(self) -> str:
        return reverse("mfa_view_recovery_codes" if self.did_generate_recovery_codes else "mfa_list_webauthn")


class KeyAgainView(ReauthenticateWebAuthnView):
    def form_invalid(self, form: KeyAgainForm) -> HttpResponse:
        messages.error(self.request, UNKNOWN)
        return HttpResponseRedirect(self.passthrough_next_url(self.request.path))  # type: ignore[no-untyped-call]


def _kept(credential: dict[str, Any]) -> dict[str, Any]:
    """Of what was posted that which is ever read again."""
    response = credential["response"]
    extensions = credential.get("clientExtensionResults")
    properties = extensions.get("credProps") if isinstance(extensions, dict) else None
    resident = properties.get("rk") if isinstance(properties, dict) else None
    return {
        **{name: credential[name] for name in _KEPT if name in credential},
        "response": {name: response[name] for name in _KEPT_RESPONSE if name in response},
        "clientExtensionResults": {"credProps": {"rk": resident}} if isinstance(resident, bool) else {},
    }


list_keys = guarded(ListWebAuthnView.as_view())
add_key = guarded(login_required(AddKeyView.as_view()))
remove_key = guarded(login_required(RemoveWebAuthnView.as_view()))
rename_key = guarded(login_required(EditWebAuthnView.as_view()))
prove_key = guarded(KeyAgainView.as_view())
sign_in_by_key = guarded(SignInKeyView.as_view(), lock_out.PASSKEY_FROM)
