"""What a format of tables is. REST framework and the schema know it as a renderer; what it does is `blocks`."""

from collections.abc import Iterator
from typing import Any

from rest_framework.renderers import BaseRenderer

from .table import Table


class TableFormat(BaseRenderer):
    media_type: str
    format: str
    charset: str | None

    @classmethod
    def missing(cls) -> str | None:
        """What it needs and is not there, as a sentence."""
        return None

    def blocks(self, table: Table) -> Iterator[bytes]:
        """The whole table in pieces, each made when it is asked for."""
        raise NotImplementedError

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"".join(self.blocks(data))
