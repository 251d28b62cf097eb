"""JSON out of rows: a page with its rows as objects. It is made in one go: REST framework's fields take much longer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from django.http import HttpResponse

from .ndjson import objects
from .table import Column, Row

_encode: Final = msgspec.json.Encoder().encode


def json_response(
    before: Mapping[str, Any],
    columns: tuple[Column, ...],
    rows: Sequence[Row],
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An object of what is in `before`, and then `results`: the rows."""
    body = _encode({**before, "results": objects(columns, rows)})
    return HttpResponse(body, content_type="application/json", headers=dict(headers or {}))
