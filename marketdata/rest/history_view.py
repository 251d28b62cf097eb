"""What the views of history have in common: the instrument by its name, pages by signed cursors, and what to say when the
history database is away.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from django.core import signing
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from .. import lookup
from ..history.outage import HistoryDownError
from ..models import Instrument
from . import live, rights
from .formats import FORMATS, Column, Negotiation, format_parameter, is_json
from .problems import Unavailable
from .times import SCHEMA, refused
from .view import View

PAGE: Final = 1_000
MOST_PAGE: Final = 10_000
# What may differ from page to page; all else belongs to the question, and the cursor to that.
_FREE: Final = ("cursor", "page_size", "format")
_LONGEST_CURSOR: Final = 1_000


class StoredView(View):
    """What is read from the history database."""

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, HistoryDownError):
            exc = Unavailable("The history database does not answer, or takes too long. Try again in a few seconds.")
        return super().handle_exception(exc)


class HistoryView(StoredView):
    """The same in every format."""

    content_negotiation_class = Negotiation
    renderer_classes = FORMATS


def received_between(most_days: int) -> tuple[OpenApiParameter, OpenApiParameter]:
    """`from` and `to`, for what is told of a time in which it was received."""
    return (
        OpenApiParameter(
            "from",
            SCHEMA,
            description=f"Only what was received from this instant on; RFC 3339 with an offset. At most {most_days} "
            "days before `to`; one day before it unless told.",
            examples=[OpenApiExample("The opening in New York", "2026-01-15T14:30:00Z")],
        ),
        OpenApiParameter(
            "to",
            SCHEMA,
            description="Only what was received before this instant; RFC 3339 with an offset. Up to the newest unless "
            "told.",
            examples=[OpenApiExample("The close in New York", "2026-01-15T21:00:00Z")],
        ),
    )


def paged(description: str) -> tuple[OpenApiParameter, OpenApiParameter, OpenApiParameter]:
    """`page_size`, of which `description` says what a page holds, `cursor` and `format`."""
    return (
        OpenApiParameter(
            "page_size",
            {"type": "integer", "minimum": 1, "maximum": MOST_PAGE, "default": PAGE},
            description=f"{description}, 1 to {MOST_PAGE:,}; {PAGE:,} unless told.",
        ),
        OpenApiParameter("cursor", description="Where a page of JSON begins: from `next` of the one before."),
        format_parameter(),
    )


def instrument_of(request: Request, symbol: str) -> Instrument:
    """The instrument of that name, also a retired one, whose history is about to be told. Raises NotFound, ForbiddenError,
    or ValidationError where two feeds have it."""
    found = lookup.find_any(symbol, rights.access_of(request))
    if isinstance(found, Instrument):
        rights.used(request, found.feed)
        return found
    rights.refuse_forbidden(found, "symbol")
    if found.code == "unknown_symbol":
        raise NotFound(found.message)
    raise ValidationError({"symbol": [ErrorDetail(found.message, found.code)]})


def whole(request: Request, name: str, least: int, most: int) -> int | None:
    """The whole number that the parameter holds; None where it is not given. Raises ValidationError naming it."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise refused(name, f"It takes a whole number from {least:,} to {most:,}.", "invalid")
    return int(text)


def page_size(request: Request) -> int:
    return whole(request, "page_size", 1, MOST_PAGE) or PAGE


def fields_of(columns: Iterable[Column], never_null: Collection[str]) -> dict[str, live.AnyField]:
    """Serializer fields of the rows of a page."""
    made = live.fields_of(columns)
    for name in never_null:
        made[name].allow_null = False
    return made


def refuse_pages_of_tables(request: Request) -> None:
    """The formats beside JSON give all that was asked for in one answer. Raises ValidationError."""
    if is_json(request):
        return
    message = "Only JSON comes in pages: the other formats give all that was asked for in one answer."
    errors = {
        name: [ErrorDetail(message, "not_paged")] for name in ("cursor", "page_size") if name in request.query_params
    }
    if errors:
        raise ValidationError(errors)


def next_address(request: Request, instrument: Instrument, state: Sequence[int | str]) -> str:
    """The address of the next page of the same question. `state` comes back from `cursor_of`."""
    text = signing.dumps(list(state), salt=_salt(request, instrument))
    return replace_query_param(request.build_absolute_uri(), "cursor", text)


def cursor_of(request: Request, instrument: Instrument) -> list[Any] | None:
    """What `next_address` was given; None on the first page. Raises ValidationError naming `cursor`."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        state: list[Any] = signing.loads(text[:_LONGEST_CURSOR], salt=_salt(request, instrument))
    except signing.BadSignature as error:
        message = "This is not a cursor of this question: take `next` of a page as it is, with nothing else changed."
        raise refused("cursor", message, "invalid") from error
    return state


def _salt(request: Request, instrument: Instrument) -> str:
    """Signed with the question, so that what comes back can be used as it is, and for nothing else."""
    asked: list[tuple[str, Any]] = sorted(
        (name, value) for name, value in request.query_params.items() if name not in _FREE
    )
    return f"history:{request.path}:{instrument.pk}:{asked}"
