"""The OpenAPI schema: what the views alone do not say, and the page that shows it."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase
from django_filters.filters import Filter, NumberFilter
from django_filters.filterset import FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers

from . import pages
from .formats.choice import TABLES
from .formats.table import Column
from .operation import IF_NONE_MATCH
from .problems import CONTENT_TYPE
from .view import View

# The split form has no script in the page itself, which the content security policy would refuse.
docs: Callable[..., HttpResponseBase] = login_required(
    SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="marketdata/api_docs.html")
)


class SchemaView(View, SpectacularAPIView):
    query = ()


schema: Callable[..., HttpResponseBase] = SchemaView.as_view()

_RATE: Final = {
    "RateLimit-Limit": "Requests that the user may make in a minute.",
    "RateLimit-Remaining": "Of these, how many are left.",
    "RateLimit-Reset": "Seconds until all are there again.",
}

_TYPES = {"DateFilter": OpenApiTypes.DATE}


def tables_beside(json: Any, columns: Iterable[Column]) -> dict[Any, Any]:
    """The answers of a view that gives `json`, or tables of `columns` in the other formats."""
    names = ", ".join(column.name for column in columns)
    answers: dict[Any, Any] = {(200, "application/json"): json}
    for one in TABLES:
        binary = {"format": "binary"} if one.render_style == "binary" else {}
        answers[200, one.media_type] = {"type": "string", **binary, "description": f"A table with the columns {names}."}
    return answers


def parameters_of(filters: type[FilterSet]) -> list[OpenApiParameter]:
    """The query parameters that a filter set takes."""
    return [
        OpenApiParameter(
            name,
            _TYPES.get(type(one).__name__) or _number(one) or _text(one),
            description=one.extra["help_text"],
            enum=[value for value, _ in one.extra["choices"]] if "choices" in one.extra else None,
        )
        for name, one in filters.get_filters().items()
    ]


def _number(one: Filter) -> dict[str, Any] | None:
    """A number with its bounds; None for what is none."""
    if not isinstance(one, NumberFilter):
        return None
    return {"type": "number", "minimum": one.extra["min_value"], "maximum": one.extra["max_value"]}


def _text(one: Filter) -> dict[str, Any]:
    """Texts are not empty, save what a person types; the choices say the rest."""
    most = one.extra.get("max_length")
    return {"type": "string", **({"minLength": 1} if most is None else {"maxLength": most})}


def page_parameters() -> list[OpenApiParameter]:
    size = f"Results on a page, 1 to {pages.MOST}; {pages.DEFAULT} unless told."
    return [
        OpenApiParameter(
            "page_size",
            {"type": "integer", "minimum": 1, "maximum": pages.MOST, "default": pages.DEFAULT},
            description=size,
        ),
        OpenApiParameter("cursor", description="Where the page begins: from `next` or `previous` of another."),
    ]


def page_of(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """A page of such things."""
    page: serializers.Serializer[Any] = inline_serializer(
        f"{serializer.__name__.removesuffix('Serializer')}Page",
        {
            "next": serializers.URLField(allow_null=True, help_text="Address of the next page; null on the last."),
            "previous": serializers.URLField(
                allow_null=True, help_text="Address of the page before; null on the first."
            ),
            "results": serializer(many=True, help_text="What is on this page, in order."),
        },
    )
    return page


def add_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Says of every operation that it may answer by a problem."""
    text, null = {"type": "string"}, {"type": "string", "nullable": True}
    wrong = {
        "field": {**null, "description": "The field or parameter; `symbols.3` is the fourth of a list; null is all."},
        "code": {**text, "description": "For programs."},
        "message": {**text, "description": "For people."},
    }
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "description": "Problem details as in RFC 9457.",
        "required": ["type", "title", "status", "detail", "errors"],
        "properties": {
            "type": {**text, "format": "uri", "description": "`about:blank`, or which kind of problem."},
            "title": {**text, "description": "The status in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {**text, "description": "What went wrong here."},
            "errors": {
                "type": "array",
                "description": "The fields that were wrong, if it was that.",
                "items": {"type": "object", "required": list(wrong), "properties": wrong},
            },
        },
    }
    answer = {
        "description": "Anything but success, as a problem.",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    rate = {name: {"description": about, "schema": {"type": "integer"}} for name, about in _RATE.items()}
    tag = {"ETag": {"description": "Names this answer, for `If-None-Match`.", "schema": text}}
    wait = {"Retry-After": {"description": "Seconds to wait, of 429 and 503.", "schema": {"type": "integer"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            tagged = any(one["name"] == IF_NONE_MATCH for one in operation.get("parameters", ()))
            for response in operation["responses"].values():
                response["headers"] = {**rate, **(tag if tagged else {})}
                response["description"] = response.get("description") or "Done."
            if tagged:
                operation["responses"]["304"] = {
                    "description": "The client has it: nothing has changed but ages and days left.",
                    "headers": {**rate, **tag},
                }
            operation["responses"]["default"] = {**answer, "headers": {**rate, **wait}}
    return result
