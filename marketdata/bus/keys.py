"""The name of every key, channel and group in Redis. Each begins with the installation's id."""

import re

from django.conf import settings

from ..shares import WHOLE, Share


def _name(*parts: str) -> str:
    return ":".join((settings.INSTALLATION, *parts))


def _of_share(name: str, feed: str, share: Share) -> str:
    """A feed that is not split has names without a share."""
    return _name(name, feed) if share.is_whole else _name(name, feed, str(share))


def lease(feed: str, share: Share = WHOLE) -> str:
    """Who leads the feed, or that share of it: `term:owner`, expiring."""
    return _of_share("lease", feed, share)


def term(feed: str) -> str:
    """The highest term that the feed has had, whichever share of it."""
    return _name("term", feed)


def shares(feed: str) -> str:
    """In how many shares the leases split the feed that are alive; expires with the last of them. A feed that is not
    split has none."""
    return _name("shares", feed)


def share_terms(feed: str) -> str:
    """Hash: the highest term of each share, by its number, and in how many (`of`) they split the feed."""
    return _name("terms", feed)


def last_values(feed: str) -> str:
    """Hash: instrument id → framed row."""
    return _name("last", feed)


def status(feed: str, share: Share = WHOLE) -> str:
    """The newest beacon of the feed, for whoever does not listen; expires by itself. Of a split feed it is that of any
    share, and each share has a key of its own."""
    return _of_share("status", feed, share)


def beacons() -> str:
    """Channel on which every leader says each second that it lives."""
    return _name("beacons")


def catalogue(feed: str) -> str:
    """Hash: instrument id → facts."""
    return _name("catalogue", feed)


def catalogue_feeds() -> str:
    """Set of the feeds that have a catalogue."""
    return _name("catalogue", "feeds")


def catalogue_version() -> str:
    """A number that rises with every change of any catalogue."""
    return _name("catalogue", "version")


def catalogue_channel() -> str:
    """Channel on which a new version is announced."""
    return _name("catalogue", "changed")


def history_stream() -> str:
    """Stream of accepted batches."""
    return _name("history")


def history_size() -> str:
    """Bytes of rows that the history stream holds."""
    return _name("history", "size")


def history_gaps() -> str:
    """Hash: `feed|term|reason` → `from to count` of what was taken off the stream unread; the recorder moves it on."""
    return _name("history", "gaps")


def recorder(name: str) -> str:
    """What a recorder says of itself each second; expires by itself."""
    return _name("recorder", name)


def recorders() -> str:
    """Sorted set: the names of recorders, by when they last said so."""
    return _name("recorders")


def history_term(feed: str) -> str:
    """On the history server: the highest term it saw of the feed."""
    return _name("history", "term", feed)


def history_share_terms(feed: str) -> str:
    """On the history server, hash: the highest term it saw of each share (`2/3`), and of all shares of so many (`/3`)."""
    return _name("history", "terms", feed)


def webs() -> str:
    """Set of the ids of web processes."""
    return _name("webs")


def web(process: str) -> str:
    """What a web process says of itself each second; expires by itself."""
    return _name("web", process)


def held(process: str) -> str:
    """Set of the instruments that open sockets of a web process asked for by name or watchlist; expires by itself."""
    return _name("held", process)


def credentials() -> str:
    """Channel on which the id of a user is told whose sign-ins, tokens or rights may have changed; `*` says that what
    groups may see or use did, and concerns whoever is in them."""
    return _name("credentials")


def sockets(process: str) -> str:
    """What a web process says of its open sockets every 2 s; expires by itself."""
    return _name("sockets", process)


def sockets_of_user(user: int) -> str:
    """Sorted set: the channels of the user's open sockets, by when each last answered, ms."""
    return _name("user-sockets", str(user))


def orders(feed: str) -> str:
    """Channel on which the administrator tells the feed's leaders what to do."""
    return _name("orders", feed)


def vitals(feed: str, share: Share = WHOLE) -> str:
    """What the feed's leader says of its work each second, for the feed page; expires by itself. Of a split feed as
    `status` is."""
    return _of_share("feed", feed, share)


def rates(feed: str, share: Share = WHOLE) -> str:
    """Quotes a second of each instrument, as last measured."""
    return _of_share("rates", feed, share)


def standbys(feed: str, share: Share = WHOLE) -> str:
    """Sorted set: who stands by for the feed, or that share of it, by when it last said so."""
    return _of_share("standbys", feed, share)


def applied_rules(feed: str, share: Share = WHOLE) -> str:
    """The coverage rules that the leader of the feed, or of that share, applied last, as a fingerprint."""
    return _of_share("rules", feed, share)


def requests(scope: str, user: int) -> str:
    """How many REST requests the user made in the running minute; expires by itself."""
    return _name("requests", scope, str(user))


def row_group(feed: str, symbol: str) -> str:
    """The Channels group of an instrument: at most 99 characters, as Channels asks."""
    return f"q.{feed}.{symbol}"


def rolling(feed: str) -> str:
    """A number that rises when somebody makes, changes or removes a rolling entry of the feed."""
    return _name("rolling", feed)


# ── Of the rows on a cluster: all of one underlying have one slot, by the name in braces ──────────────────────────────────


def shard(feed: str, underlying: str) -> str:
    """Hash: as `last_values`, of the instruments on one underlying."""
    return _name("last", _tag(feed, underlying))


def shard_told(feed: str, underlying: str) -> str:
    """The highest term that wrote there, and its last flush: `term flush`."""
    return _name("told", _tag(feed, underlying))


def shard_channel(feed: str, underlying: str, symbol: str) -> str:
    """Sharded channel of an instrument's rows."""
    return _name("rows", _tag(feed, underlying), symbol)


def shards(feed: str) -> str:
    """Pattern of `shard` for every underlying of the feed."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", _name("last", f"{{{feed}.")) + "*}"


def _tag(feed: str, underlying: str) -> str:
    return f"{{{feed}.{underlying}}}"
