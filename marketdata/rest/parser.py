"""Request bodies: JSON, bounded, and refused where Python's own parser would raise what nobody answers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any, Final

import msgspec
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

# 500 symbols of 64 characters are 40 KB; nothing that a client may send is larger.
MOST_BYTES: Final = 256 * 1024


class TooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "too_large"


class JSONParser(BaseParser):
    media_type = "application/json"
    most_bytes = MOST_BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ParseError, and TooLarge beyond `most_bytes`. NaN, lone surrogates and nesting by the
        thousand are errors."""
        body = stream.read(self.most_bytes + 1)
        if len(body) > self.most_bytes:
            raise TooLarge(f"A body has at most {self.most_bytes:,} bytes.")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}") from error
