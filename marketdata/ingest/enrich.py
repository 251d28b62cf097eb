"""What ingest adds to a quote before it is numbered: the flags that follow from its two sides, and what a feed says only
once for an instrument.
"""

import msgspec

from ..quotes import Quote, book_flags


def enriched(quote: Quote, has_book: bool = True) -> Quote:
    """The quote with the flags of its book set; an index has none, and lacks nothing. A quote that needs nothing is
    returned as it is."""
    flags = quote.flags | (book_flags(quote.bid, quote.ask) if has_book else 0)
    return quote if flags == quote.flags else msgspec.structs.replace(quote, flags=flags)
