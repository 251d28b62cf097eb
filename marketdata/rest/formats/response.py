"""A table as an answer. Its first piece is made at once, so that what is wrong with it is still answered by a problem."""

import itertools
from collections.abc import Mapping

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

from . import streaming
from .choice import chosen
from .table import Table
from .table_format import TableFormat


def table_response(
    request: Request, table: Table, filename: str, headers: Mapping[str, str] | None = None
) -> HttpResponseBase:
    """`table` in the format that `request` asks for. `filename` has no ending: the format gives one.

    Raises what reading the first rows raises, and Unavailable when too many tables are being sent already. What goes
    wrong later breaks the connection off: no client can take a part for the whole.
    """
    form = chosen(request)
    assert isinstance(form, TableFormat)
    type_ = f"{form.media_type}; charset={form.charset}" if form.charset else form.media_type
    named = {"Content-Disposition": f'attachment; filename="{filename}.{form.format}"', **(headers or {})}
    if request.method == "HEAD":
        return HttpResponse(content_type=type_, headers=named)
    streaming.refuse_when_full()
    blocks = form.blocks(table)
    first = next(blocks, b"")
    second = next(blocks, None)
    if second is None:
        return HttpResponse(first, content_type=type_, headers=named)
    whole = itertools.chain((first, second), blocks)
    # Without ASGI there is no loop to be kept free.
    pieces = streaming.Pieces(whole) if isinstance(request._request, ASGIRequest) else whole
    return StreamingHttpResponse(pieces, content_type=type_, headers=named)
