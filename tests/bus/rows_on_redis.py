"""Rows as ingest leaves them on Redis, without ingest: last values, and messages to the instruments' groups."""

from django.conf import settings
from redis import Redis

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus.place import Place
from tests.builders import make_quote

FEED = "simulated"


def symbol_of(instrument_id: int) -> str:
    return f"ACME260116C{instrument_id:08d}"


def places(*instrument_ids: int) -> dict[int, Place]:
    return {instrument_id: Place(FEED, symbol_of(instrument_id), "ACME") for instrument_id in instrument_ids}


def row(instrument_id: int, seq: int) -> bytes:
    """A framed row whose bid is its seq."""
    return rows.encode(instrument_id, seq, make_quote(symbol_of(instrument_id), bid=float(seq), ask=None))


def group_channel(instrument_id: int) -> str:
    return f"{settings.INSTALLATION}__group__{keys.row_group(FEED, symbol_of(instrument_id))}"


def keep(redis_client: Redis, seqs: dict[int, int]) -> None:
    """Writes last values, and tells nobody."""
    redis_client.hset(keys.last_values(FEED), mapping={str(i): row(i, seq) for i, seq in seqs.items()})


def publish(redis_client: Redis, instrument_id: int, seq: int) -> int:
    """Tells a row, and does not write it down. Returns how many connections got it."""
    return int(redis_client.publish(group_channel(instrument_id), row(instrument_id, seq)))
