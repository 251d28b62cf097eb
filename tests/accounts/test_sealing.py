"""What the database has of second factors, and what a new secret key means for it."""

import importlib
import json
import secrets
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts import sealing
from accounts.models import User

from .people import CODE, code_of, name_of, recovery_codes, set_up_app, sign_in
from .proving import prove

OVERVIEW = "/accounts/2fa/"


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis, db: None) -> None:
    """Codes are counted there."""


def rotate(settings: Settings, keep: bool = True) -> str:
    former: str = settings.SECRET_KEY
    settings.SECRET_KEY = secrets.token_urlsafe(48)
    settings.SECRET_KEY_FALLBACKS = [former] if keep else []
    return former


def stored() -> str:
    """The whole table, as a thief would have it."""
    return json.dumps(list(Authenticator.objects.values_list("data", flat=True)))


def signed_in(code: str) -> str:
    client = Client()
    sign_in(client)
    client.post(CODE, {"code": code})
    return name_of(client)


def test_a_copy_of_the_database_shows_no_code(owner: User) -> None:
    secret, codes = set_up_app(owner), recovery_codes(owner)
    assert secret not in stored()
    kept = [one.data.get("secret", one.data.get("seed")) for one in Authenticator.objects.order_by("type")]
    assert [one.partition(":")[0] for one in kept] == ["fernet", "fernet"]
    assert signed_in(code_of(secret)) == "owner"
    assert signed_in(codes[3]) == "owner"
    assert signed_in(codes[3]) == ""
    assert codes[3] not in stored()


def test_the_same_secret_is_never_sealed_the_same_and_a_changed_one_is_refused() -> None:
    sealed = sealing.seal("secret")
    assert sealed != sealing.seal("secret")
    assert sealing.unseal(sealed) == "secret"
    for place in (10, len(sealed) // 2, len(sealed) - 5):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(sealing.SealedError):
            sealing.unseal(sealed[:place] + other + sealed[place + 1 :])


def test_what_was_stored_unsealed_works_and_is_sealed_by_the_migration(owner: User, stranger: User) -> None:
    secret = generate_totp_secret()
    Authenticator.objects.create(user=owner, type="totp", data={"secret": secret})
    Authenticator.objects.create(user=owner, type="recovery_codes", data={"seed": "ab" * 40, "used_mask": 1})
    Authenticator.objects.create(user=stranger, type="webauthn", data={"name": "key"})
    codes = recovery_codes(owner)
    assert len(codes) == 9
    assert signed_in(code_of(secret)) == "owner"
    migration: Any = importlib.import_module("accounts.migrations.0006_sealed_secrets")
    migration.seal(apps, SimpleNamespace(connection=connection))
    assert secret not in stored()
    assert "ab" * 40 not in stored()
    assert recovery_codes(owner) == codes
    assert Authenticator.objects.get(type="webauthn").data == {"name": "key"}
    assert signed_in(code_of(secret, steps=-1)) == "owner"


def test_a_new_key_opens_what_a_former_one_sealed_and_the_command_lets_that_one_go(
    owner: User, settings: Settings
) -> None:
    secret, codes = set_up_app(owner), recovery_codes(owner)
    rotate(settings)
    assert signed_in(code_of(secret)) == "owner"
    out = StringIO()
    call_command("seal_secrets", stdout=out)
    assert out.getvalue() == "2 secrets sealed by the newest key.\n"
    settings.SECRET_KEY_FALLBACKS = []
    assert signed_in(code_of(secret, steps=-1)) == "owner"
    assert recovery_codes(owner) == codes


def test_more_than_a_batch_is_sealed(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_BATCH", 2)
    for number in range(5):
        user = User.objects.create_user(f"user {number}")
        Authenticator.objects.create(user=user, type="totp", data={"secret": f"PLAIN{number}"})
    assert sealing.seal_anew() == (5, 0)
    assert "PLAIN" not in stored()


def test_without_the_key_it_is_said_and_nobody_comes_in_and_with_it_all_is_as_before(
    owner: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    secret = set_up_app(owner)
    codes = recovery_codes(owner)
    former = rotate(settings, keep=False)
    client = Client()
    sign_in(client)
    for code in (code_of(secret), codes[0], "000000"):
        refused = client.post(CODE, {"code": code})
        assert refused.status_code == 503
        assert "Tell its administrators" in refused.content.decode()
    assert name_of(client) == ""
    assert "STRIKEWIRE_SECRET_KEY_FALLBACKS" in caplog.text
    client.force_login(owner)
    for path in (OVERVIEW, "/accounts/2fa/recovery-codes/", "/accounts/2fa/recovery-codes/new/"):
        assert prove(client).get(path).status_code == 503, path
    with pytest.raises(CommandError, match="2 could not be read"):
        call_command("seal_secrets", stdout=StringIO())
    settings.SECRET_KEY_FALLBACKS = [former]
    assert "10 left" in client.get(OVERVIEW).content.decode()
    assert signed_in(code_of(secret)) == "owner"
