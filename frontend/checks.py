"""What `manage.py check` says of the front end, and with `--deploy` of settings that only together are wrong."""

import os
from collections.abc import Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from project import environment

from .vite_manifest import NotBuiltError, built

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@checks.register
def front_end_is_built(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    # A warning: migrations, feeds and programs need no page.
    try:
        built("src/main.tsx")
    except NotBuiltError as error:
        return [checks.Warning(str(error), id="frontend.W001")]
    return []


@checks.register
def settings_are_known(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Warning(line, hint="docs/operating.md lists all settings.", id="frontend.W006")
        for line in environment.unknown()
    ]


@checks.register(checks.Tags.security, deploy=True)
def site_can_be_reached(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        found.append(
            checks.Warning(
                "STRIKEWIRE_HTTPS is on and STRIKEWIRE_TRUSTED_PROXIES is 0: no server here ends TLS itself, so every "
                "request would look like HTTP and be redirected for ever.",
                hint="Set STRIKEWIRE_TRUSTED_PROXIES to how many proxies of yours stand before it.",
                id="frontend.W002",
            )
        )
    if all(host in _LOOPBACK for host in settings.ALLOWED_HOSTS):
        found.append(
            checks.Warning(
                "STRIKEWIRE_ALLOWED_HOSTS has no name but this machine's own: all others are answered by 400.",
                hint="Name the hosts by which the site is reached.",
                id="frontend.W003",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            checks.Warning(
                "STRIKEWIRE_ALLOWED_HOSTS takes any name, and mails with links in them would believe it.",
                hint="Name the hosts by which the site is reached.",
                id="frontend.W004",
            )
        )
    if settings.SECRET_KEY_FALLBACKS and not os.environ.get("STRIKEWIRE_INSTALLATION"):
        found.append(
            checks.Warning(
                "STRIKEWIRE_INSTALLATION is derived from the oldest of STRIKEWIRE_SECRET_KEY_FALLBACKS: when that is taken "
                "out, all in Redis would be looked for under another name, history that is not stored yet among it.",
                hint=f"Set STRIKEWIRE_INSTALLATION to {settings.INSTALLATION}, and leave it so.",
                id="frontend.W005",
            )
        )
    return found
