"""Every HTTP route of the URLconf, so that one without a row in a table is found."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

_METHODS = ("get", "post", "put", "patch", "delete")


class Route(NamedTuple):
    """`path` as it is routed, with `<name>` where something has to be filled in; `view` is the class of REST framework."""

    path: str
    name: str
    view: Any

    @property
    def methods(self) -> list[str]:
        """Those of a REST view."""
        return [one.upper() for one in _METHODS if hasattr(self.view, one)]


def routes() -> list[Route]:
    return list(_walk(get_resolver(), "/", ""))


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Route]:
    for part in resolver.url_patterns:
        path = prefix + str(part.pattern)
        if isinstance(part, URLResolver):
            inner = f"{namespace}{part.namespace}:" if part.namespace else namespace
            yield from _walk(part, path, inner)
        elif isinstance(part, URLPattern):
            shown = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", re.sub(r"<\w+:(\w+)>", r"<\1>", path))
            view = getattr(part.callback, "cls", None)
            yield Route(re.sub(r"[\^$]", "", shown), f"{namespace}{part.name}", view)
