"""What ingest adds to a quote."""

from marketdata.ingest.enrich import enriched
from marketdata.quotes import BOOK_UNKNOWN, CROSSED, NO_BID, STALE_AT_VENUE
from tests.builders import make_quote


def test_a_quote_that_needs_nothing_is_the_same_object() -> None:
    quote = make_quote(bid=1.0, ask=2.0)
    assert enriched(quote) is quote


def test_a_quote_that_has_its_flag_already_is_the_same_object() -> None:
    quote = make_quote(bid=2.0, ask=1.0, flags=CROSSED)
    assert enriched(quote) is quote


def test_only_the_flags_change() -> None:
    quote = make_quote(bid=None, flags=STALE_AT_VENUE)
    assert enriched(quote) == make_quote(bid=None, flags=STALE_AT_VENUE | NO_BID)


def test_nothing_is_said_of_a_book_that_the_venue_said_nothing_of() -> None:
    quote = make_quote(bid=None, ask=None, flags=BOOK_UNKNOWN | STALE_AT_VENUE)
    assert enriched(quote) == make_quote(bid=None, ask=None, flags=STALE_AT_VENUE)
