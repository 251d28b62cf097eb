"""Secrets that have to be read again, as those of authenticator apps: the database, and a copy of it, has them only sealed
by the site's secret key. Before this is allauth, which asks as it writes and reads; after it the database.
"""

import base64
import hashlib
from typing import Any, Final

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

# No secret that was ever stored unsealed has a colon in it: those are base32 and hexadecimal.
_MARK: Final = "fernet:"
_PURPOSE: Final = b"strikewire: what the database keeps sealed"
# Where an authenticator has a secret; passkeys have none.
_FIELDS: Final = {Authenticator.Type.TOTP.value: "secret", Authenticator.Type.RECOVERY_CODES.value: "seed"}
_BATCH: Final = 200


class SealedError(Exception):
    """Neither the secret key nor a former one that is named opens it."""


def seal(text: str) -> str:
    return _MARK + _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed; what an older version stored unsealed, as it is. Raises SealedError."""
    if not sealed.startswith(_MARK):
        return sealed
    try:
        return _keys().decrypt(sealed.removeprefix(_MARK)).decode()
    except InvalidToken as error:
        raise SealedError("no secret key of the settings opens what was sealed") from error


def seal_anew(authenticators: Any = Authenticator.objects) -> tuple[int, int]:
    """Seals all that is stored by the newest key: how many secrets, and how many no key opens. Those stay as they are.
    One lock a batch, so that a recovery code used meanwhile stays used."""
    sealed = closed = last = 0
    while True:
        with transaction.atomic():
            rows = authenticators.select_for_update().filter(type__in=_FIELDS, pk__gt=last).order_by("pk")[:_BATCH]
            for one in rows:
                last = one.pk
                field = _FIELDS[one.type]
                try:
                    one.data[field] = seal(unseal(str(one.data[field])))
                except SealedError:
                    closed += 1
                    continue
                one.save(update_fields=["data"])
                sealed += 1
            if len(rows) < _BATCH:
                return sealed, closed


def _keys() -> MultiFernet:
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret_key: str) -> Fernet:
    # A key of its own, so that nothing which another use of the secret key gives away opens this. The secret key is
    # random and long: a slow derivation would add nothing.
    return Fernet(base64.urlsafe_b64encode(hashlib.blake2b(secret_key.encode(), key=_PURPOSE, digest_size=32).digest()))
