"""What the OpenAPI schema says of each operation beside what its view says. REST framework loads this before there are
views, and so it knows none.
"""

from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from .strict import StrictSerializer

IF_NONE_MATCH: Final = "If-None-Match"
IF_MATCH: Final = "If-Match"
# What stands in paths; said once, since many operations share it.
_PATH: Final[dict[str, tuple[Any, str]]] = {
    "symbol": (OpenApiTypes.STR, "Symbol of an instrument, or feed.symbol where two feeds have it."),
    "underlying": (OpenApiTypes.STR, "Symbol of an underlying, or feed.underlying where two feeds have it."),
    "expiry": (
        {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}(\.[A-Za-z0-9_]{1,16})?$"},
        "The venue's own day of expiry, YYYY-MM-DD, or YYYY-MM-DD.ROOT where several roots share the day.",
    ),
    "watchlist": (OpenApiTypes.INT, "Id of one of the user's watchlists."),
    "token": ({"type": "string", "pattern": "^[0-9a-f]{16}$"}, "Id of one of the user's API tokens."),
    "entry": (OpenApiTypes.INT, "Id of an entry of the watchlist."),
    "section": (OpenApiTypes.INT, "Id of a section of the watchlist."),
    "rolling_entry": (OpenApiTypes.INT, "Id of a rolling entry of the watchlist."),
}


class Operation(AutoSchema):
    """What every operation has, beside what its view says."""

    def get_override_parameters(self) -> list[Any]:
        found = [
            OpenApiParameter(name, type_, OpenApiParameter.PATH, description=about)
            for name, (type_, about) in _PATH.items()
            if f"{{{name}}}" in self.path
        ]
        if getattr(self.view, "tagged", False) and self.method == "GET":
            about = "`ETag` of an answer that the client has: 304 says that it still holds."
            found.append(OpenApiParameter(IF_NONE_MATCH, location=OpenApiParameter.HEADER, description=about))
        if getattr(self.view, "conditional", False) and self.method != "GET":
            about = "`ETag` of the watchlist as the client has it: 412, and nothing done, where it was edited since."
            found.append(OpenApiParameter(IF_MATCH, location=OpenApiParameter.HEADER, description=about))
        return found

    def get_auth(self) -> list[dict[str, Any]]:
        """Without tokens where none is enough."""
        found: list[dict[str, Any]] = super().get_auth()
        return [one for one in found if self._needed() is not None or "token" not in one]

    def get_description(self) -> str:  # type: ignore[override] # as drf-spectacular has it
        """With the scope that a token needs."""
        scope = self._needed()
        needs = "By session only: no token may." if scope is None else f"A token needs the scope `{scope}`."
        return f"{super().get_description()}\n\n{needs}"

    def _needed(self) -> str | None:
        needed: str | None = getattr(self.view, "write_scope", None)
        return getattr(self.view, "read_scope", "read") if self.method in ("GET", "HEAD") else needed

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """Bodies that name something unknown are refused, and so the schema has to say."""
        found = super()._map_serializer(serializer, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(force_instance(serializer), StrictSerializer):
            found["additionalProperties"] = False
        return found
