"""The OpenAPI schema: what the views alone do not say, and the page that shows it."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase
from django_filters.filterset import FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers

from . import pages
from .problems import CONTENT_TYPE
from .view import View

# The split form has no script in the page itself, which the content security policy would refuse.
docs: Callable[..., HttpResponseBase] = login_required(
    SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="marketdata/api_docs.html")
)


class SchemaView(View, SpectacularAPIView):
    query = ()


schema: Callable[..., HttpResponseBase] = SchemaView.as_view()

_TYPES = {"NumberFilter": OpenApiTypes.DOUBLE, "DateFilter": OpenApiTypes.DATE}


def parameters_of(filters: type[FilterSet]) -> list[OpenApiParameter]:
    """The query parameters that a filter set takes."""
    return [
        OpenApiParameter(
            name,
            _TYPES.get(type(one).__name__, OpenApiTypes.STR),
            description=one.extra["help_text"],
            enum=[value for value, _ in one.extra["choices"]] if "choices" in one.extra else None,
        )
        for name, one in filters.get_filters().items()
    ]


def page_parameters() -> list[OpenApiParameter]:
    size = f"Results on a page, 1 to {pages.MOST}; {pages.DEFAULT} unless told."
    return [
        OpenApiParameter("page_size", OpenApiTypes.INT, description=size),
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
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = answer
    return result
