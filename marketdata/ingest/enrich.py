"""What ingest adds to a quote before it is numbered: the flags that follow from its two sides, and what a feed says only
once for an instrument.
"""

import msgspec

from ..quotes import BOOK_UNKNOWN, Quote, book_flags


def enriched(quote: Quote, has_book: bool = True) -> Quote:
    """The quote with the flags of its book set; an index has none, and lacks nothing, and of an unknown book nothing is
    said. A quote that needs nothing is returned as it is."""
    if quote.flags & BOOK_UNKNOWN:
        return msgspec.structs.replace(quote, flags=quote.flags & ~BOOK_UNKNOWN)
    flags = quote.flags | (book_flags(quote.bid, quote.ask) if has_book else 0)
    return quote if flags == quote.flags else msgspec.structs.replace(quote, flags=flags)
