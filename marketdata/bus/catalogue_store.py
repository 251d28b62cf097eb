"""The catalogue in Redis: the facts of every active instrument, by feed, with a version that rises at each change, also
over a Redis that forgot everything. Ingest writes it, web processes read it.
"""

import time
from collections.abc import Iterable
from typing import Final

import msgspec

from ..facts import InstrumentFacts
from ..shares import WHOLE, Share
from . import keys
from .client import Client, Script

CHUNK: Final = 1_000
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(InstrumentFacts).decode

# KEYS catalogue, feeds · ARGV feed, then 'set' or 'del', then the fields
_WRITE: Final = Script("""
redis.call('SADD', KEYS[2], ARGV[1])
local fields = {}
for i = 3, #ARGV do fields[#fields + 1] = ARGV[i] end
if ARGV[2] == 'set' then return redis.call('HSET', KEYS[1], unpack(fields)) end
return redis.call('HDEL', KEYS[1], unpack(fields))
""")
# KEYS version · ARGV channel, ms since 1970 → the new version
_ANNOUNCE: Final = Script("""
local version = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') + 1, tonumber(ARGV[2]))
local text = string.format('%.0f', version)
redis.call('SET', KEYS[1], text)
redis.call('PUBLISH', ARGV[1], text)
return text
""")


async def publish(client: Client, feed: str, instruments: Iterable[InstrumentFacts], share: Share = WHOLE) -> int:
    """Makes the catalogue of `feed`, or its `share` of it, hold exactly these; announces a new version if that changed
    anything. Returns the version in force. Raises RedisDownError."""
    wanted = {str(facts.id).encode(): _encode(facts) for facts in instruments}
    present = _pairs(await client.call("HGETALL", keys.catalogue(feed)))
    changed = [part for field, value in wanted.items() if present.get(field) != value for part in (field, value)]
    gone = [field for field in present if field not in wanted and _is_of(share, present[field])]
    names = [keys.catalogue(feed), keys.catalogue_feeds()]
    for start in range(0, len(changed), 2 * CHUNK):
        await client.run(_WRITE, names, [feed, "set", *changed[start : start + 2 * CHUNK]])
    for start in range(0, len(gone), CHUNK):
        await client.run(_WRITE, names, [feed, "del", *gone[start : start + CHUNK]])
    known = await version(client)
    if known and not changed and not gone:
        return known
    arguments = [keys.catalogue_channel(), int(time.time() * 1000)]
    return int(await client.run(_ANNOUNCE, [keys.catalogue_version()], arguments))


async def version(client: Client) -> int:
    """The version in force; 0 where Redis knows none."""
    return int(await client.call("GET", keys.catalogue_version()) or 0)


async def read(client: Client) -> dict[str, list[InstrumentFacts]]:
    """Every feed's instruments. Raises RedisDownError."""
    feeds = sorted(name.decode() for name in await client.call("SMEMBERS", keys.catalogue_feeds()))
    return {feed: await read_feed(client, feed) for feed in feeds}


async def read_feed(client: Client, feed: str) -> list[InstrumentFacts]:
    """One feed's instruments. Raises RedisDownError."""
    return [_decode(value) for value in _pairs(await client.call("HGETALL", keys.catalogue(feed))).values()]


def _is_of(share: Share, facts: bytes) -> bool:
    return share.is_whole or share.holds(_decode(facts).underlying)


def _pairs(answer: object) -> dict[bytes, bytes]:
    """A map of RESP3, which is a dict; RESP2 gives a flat list."""
    if isinstance(answer, dict):
        return answer
    flat = list(answer)  # type: ignore[call-overload]
    return dict(zip(flat[::2], flat[1::2], strict=True))
