"""TLS to a server, as the options of its address ask for it, and what is wrong where it fails: in words that name the
setting, since whoever reads them has to change that.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from . import cluster_address

# Where the address of a server stands.
SETTINGS: Final = ("REDIS_URL", "HISTORY_REDIS_URL", "ROWS_REDIS_URL")
_STRICTNESS: Final = ("none", "optional", "required")
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class TlsOptionError(ValueError):
    """An option that cannot be used: which, and why."""


def context(options: Mapping[str, Any]) -> ssl.SSLContext:
    """As redis-py reads options of the same names. Raises TlsOptionError."""
    strictness = options.get("ssl_cert_reqs") or "required"
    if strictness not in _STRICTNESS:
        raise TlsOptionError(f"ssl_cert_reqs takes one of {', '.join(_STRICTNESS)}")
    for name in _FILES:
        if path := options.get(name):
            try:
                with Path(path).open("rb"):
                    pass
            except OSError as error:
                raise TlsOptionError(f"{name} names {path}, which cannot be read: {error.strerror}") from error
    try:
        made = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
    except ssl.SSLError as error:
        raise TlsOptionError(f"ssl_ca_certs names {options['ssl_ca_certs']}, which holds no certificate") from error
    if certificate := options.get("ssl_certfile"):
        try:
            made.load_cert_chain(certificate, options.get("ssl_keyfile"))
        except ssl.SSLError as error:
            raise TlsOptionError(
                f"ssl_certfile and ssl_keyfile, {certificate} and {options.get('ssl_keyfile') or certificate}, are no "
                "certificate and its key"
            ) from error
    elif options.get("ssl_keyfile"):
        raise TlsOptionError("ssl_keyfile is of no use without ssl_certfile")
    if strictness == "none" or options.get("ssl_check_hostname") is False:
        made.check_hostname = False
    if strictness == "none":
        made.verify_mode = ssl.CERT_NONE
    return made


def trouble(error: BaseException | None, url: str) -> str:
    """What is wrong with TLS, where that is why `error` was raised for the address `url`; else nothing."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, TlsOptionError):
            return f"{_setting_of(url)}: {error}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"the server's certificate is not trusted ({error.verify_message.rstrip('.')}): look at ssl_ca_certs in "
                f"{_setting_of(url)}, and at the names and addresses that the certificate is for"
            )
        if isinstance(error, ssl.SSLError):
            return f"TLS fails ({error.reason or error}): does the server in {_setting_of(url)} speak it on that port?"
        error = error.__cause__ or error.__context__
    return ""


def _setting_of(url: str) -> str:
    """Which setting an address is of; a node's is that of its cluster."""
    for name in SETTINGS:
        value: str = getattr(settings, name, "")
        if value and (url == value or (cluster_address.is_cluster(value) and cluster_address.parse(value).is_of(url))):
            return name
    return " or ".join(SETTINGS)
