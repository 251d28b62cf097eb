"""Which format a request asks for: by `?format=`, or else by its Accept header."""

from collections.abc import Iterable
from typing import Final

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotAcceptable, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from .arrow import Arrow
from .csv import CSV
from .ndjson import NDJSON
from .table_format import TableFormat

PARAMETER: Final = "format"
TABLES: Final[tuple[type[TableFormat], ...]] = (CSV, NDJSON, Arrow)
FORMATS: Final[tuple[type[BaseRenderer], ...]] = (JSONRenderer, *TABLES)
_NAMES: Final = ", ".join(str(one.format) for one in FORMATS)
_TYPES: Final = ", ".join(str(one.media_type) for one in FORMATS)


class Negotiation(DefaultContentNegotiation):
    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Raises ValidationError naming `format`, or NotAcceptable, each with what there is."""
        known = list(renderers)
        wanted = request.query_params.get(PARAMETER)
        if wanted is not None:
            found = next((one for one in known if one.format == wanted), None)
            if found is None:
                raise ValidationError({PARAMETER: [f"It takes one of: {_NAMES}."]})
            if missing := _missing(found):
                raise NotAcceptable(missing)
            return found, str(found.media_type)
        there = {str(one.media_type): one for one in known if _missing(one) is None}
        best = request.get_preferred_type(list(there))
        if best is None:
            absent = [one for one in known if (_missing(one) and request.accepts(str(one.media_type)))]
            raise NotAcceptable((_missing(absent[0]) if absent else None) or f"There are: {_TYPES}.")
        return there[best], best


def chosen(request: Request) -> BaseRenderer:
    """The format of the answer."""
    renderer: BaseRenderer = request.accepted_renderer
    return renderer


def is_json(request: Request) -> bool:
    return not isinstance(chosen(request), TableFormat)


def format_parameter() -> OpenApiParameter:
    return OpenApiParameter(
        PARAMETER,
        enum=[one.format for one in FORMATS],
        description=f"Form of the answer; else the Accept header chooses among {_TYPES}, and JSON where it does not say.",
    )


def _missing(renderer: BaseRenderer) -> str | None:
    return renderer.missing() if isinstance(renderer, TableFormat) else None
