"""What an answer can look like: JSON, and tables as CSV, NDJSON or Arrow. A view that has a table to give takes
`content_negotiation_class = Negotiation` and `renderer_classes = FORMATS`. Where `is_json(request)`, it answers as
others do or by `json_response`; else by `table_response`.
"""

from .choice import FORMATS, Negotiation, chosen, format_parameter, is_json
from .json_page import json_response
from .response import table_response
from .table import Column, Kind, Table

__all__ = [
    "FORMATS",
    "Column",
    "Kind",
    "Negotiation",
    "Table",
    "chosen",
    "format_parameter",
    "is_json",
    "json_response",
    "table_response",
]
