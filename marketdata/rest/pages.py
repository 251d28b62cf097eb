"""Pages of a list, found by where the last one ended and not by counting from the start: a page stays right while rows
come and go, and the thousandth costs what the first did.
"""

import datetime as dt
from typing import Any, Final, NamedTuple

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from . import etag

MOST: Final = 500
DEFAULT: Final = 100
PARAMETERS: Final = ("page_size", "cursor")


class _Cursor(NamedTuple):
    back: bool
    keys: list[Any]


class Pages:
    """`keys` are the columns to go by: never null, and together unique. Dates among them are named in `dates`."""

    def __init__(self, keys: tuple[str, ...], dates: tuple[str, ...] = ()) -> None:
        self._keys = keys
        self._dates = dates
        self._next: str | None = None
        self._previous: str | None = None

    def page(self, queryset: QuerySet[Any], request: Request) -> list[Any]:
        """The page that `request` asks for. One query. Raises ValidationError naming `cursor` or `page_size`."""
        size = _page_size(request.query_params.get("page_size"))
        text = request.query_params.get("cursor")
        cursor = self._decoded(text) if text is not None else None
        back = cursor is not None and cursor.back
        if cursor is not None:
            queryset = queryset.filter(self._beyond(cursor))
        rows = list(queryset.order_by(*(f"-{key}" if back else key for key in self._keys))[: size + 1])
        more = len(rows) > size
        rows = rows[:size][::-1] if back else rows[:size]
        if rows:
            self._next = self._link(request, rows[-1], back=False) if more or back else None
            self._previous = self._link(request, rows[0], back=True) if (more if back else cursor is not None) else None
        return rows

    def response(self, results: Any) -> Response:
        return Response({"next": self._next, "previous": self._previous, "results": results})

    def tag(self, response: Response) -> str:
        """The entity tag of what `response` gave. Cursors do not count: they are signed anew each time."""
        return etag.tag_of(response.data["results"], self._next is None, self._previous is None)

    def _beyond(self, cursor: _Cursor) -> Q:
        """Rows past the cursor: greater in the first key, or equal there and greater in the second, and so on."""
        beyond, equal = Q(), Q()
        for key, value in zip(self._keys, cursor.keys, strict=True):
            beyond |= equal & Q(**{f"{key}__{'lt' if cursor.back else 'gt'}": value})
            equal &= Q(**{key: value})
        return beyond

    # Signed, so that what comes back has the types that went out, and can go into a query as it is.

    def _link(self, request: Request, row: Model, back: bool) -> str:
        keys = [getattr(row, key) for key in self._keys]
        plain = [one.isoformat() if isinstance(one, dt.date) else one for one in keys]
        text = signing.dumps([back, plain], salt=self._salt)
        return replace_query_param(remove_query_param(request.build_absolute_uri(), "cursor"), "cursor", text)

    def _decoded(self, text: str) -> _Cursor:
        try:
            back, plain = signing.loads(text[:2000], salt=self._salt)
        except signing.BadSignature as error:
            message = "This is not a cursor of this list: take `next` or `previous` of a page as it is."
            raise ValidationError({"cursor": [message]}) from error
        pairs = zip(self._keys, plain, strict=True)
        return _Cursor(back, [dt.date.fromisoformat(one) if key in self._dates else one for key, one in pairs])

    @property
    def _salt(self) -> str:
        return f"cursor:{','.join(self._keys)}"


def _page_size(text: str | None) -> int:
    if text is None:
        return DEFAULT
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise ValidationError({"page_size": [f"A page has 1 to {MOST} results."]})
    return int(text)
