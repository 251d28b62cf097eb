"""What `manage.py check` says of the front end."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from .vite_manifest import NotBuiltError, built


@checks.register
def front_end_is_built(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    # A warning: migrations, feeds and programs need no page.
    try:
        built("src/main.tsx")
    except NotBuiltError as error:
        return [checks.Warning(str(error), id="frontend.W001")]
    return []
