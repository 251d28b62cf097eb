"""Answers that a client may already have: an entity tag on each, and 304 where it is the one that the client names.

Tags are weak: they say that nothing that was quoted or listed has changed, not that the bytes are the same, since ages and
days left go on by themselves.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from django.http import HttpResponse, HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.request import Request


def tag_of(*parts: Any) -> str:
    """A tag that changes with any of `parts`, which are whatever JSON can say."""
    return f'W/"{hashlib.blake2b(msgspec.json.encode(parts), digest_size=12).hexdigest()}"'


def answered(request: Request, tag: str, make: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """What `make` gives, with its tag; or, not made, 304 where the client has it."""
    # Compared as weak ones whatever the client sent, as RFC 9110 wants it for If-None-Match.
    known = {one.removeprefix("W/") for one in parse_etags(request.headers.get("If-None-Match", ""))}
    has_it = bool(known & {"*", tag.removeprefix("W/")})
    response = HttpResponse(status=304) if has_it else make()
    if has_it:
        del response.headers["Content-Type"]
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"  # may be kept, by the user's own client, and is asked about
    return response
