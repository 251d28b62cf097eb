"""Deribit's error codes, sorted into what passes and what does not. `client` raises what this returns."""

from typing import Final

from ..base import FeedError, PermanentFeedError, TemporaryFeedError

TOO_MANY_REQUESTS: Final = 10028
RAW_NEEDS_LOGIN: Final = 13778

# What the venue's documents say to try again later. Any code that stands in neither table counts as one of these: a feed
# must not end for good over a code that the venue added.
TEMPORARY: Final = {
    TOO_MANY_REQUESTS: "too many requests",
    10040: "retry",
    10041: "settlement in progress",
    10047: "the matching engine's queue is full",
    10066: "too many concurrent requests",
    11051: "system maintenance",
    11094: "internal server error",
    13028: "temporarily unavailable",
    13888: "timed out",
}
# What asking again the same way cannot change.
PERMANENT: Final = {
    -32700: "not JSON",
    -32600: "not a request",
    -32601: "no such method",
    -32602: "bad parameters",
    13009: "not authorised",
    RAW_NEEDS_LOGIN: "raw subscriptions need a login",
}


class VenueBusyError(TemporaryFeedError):
    """An error reply that time cures. `code` is the venue's own."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class VenueRefusalError(PermanentFeedError):
    """An error reply that time does not cure. `code` is the venue's own."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def error_of(what: str, code: int, message: str) -> FeedError:
    """The exception for an error reply to `what`."""
    told = f"{what} was refused: {message[:200] or TEMPORARY.get(code) or PERMANENT.get(code) or 'no reason'} ({code})"
    return VenueRefusalError(code, told) if code in PERMANENT else VenueBusyError(code, told)
