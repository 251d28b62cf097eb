"""The name of every key, channel and group in Redis. Each begins with the installation's id."""

from django.conf import settings


def _name(*parts: str) -> str:
    return ":".join((settings.INSTALLATION, *parts))


def lease(feed: str) -> str:
    """Who leads the feed: `term:owner`, expiring."""
    return _name("lease", feed)


def term(feed: str) -> str:
    """The highest term that the feed has had."""
    return _name("term", feed)


def last_values(feed: str) -> str:
    """Hash: instrument id → framed row."""
    return _name("last", feed)


def status(feed: str) -> str:
    """The newest beacon of the feed, for whoever does not listen; expires by itself."""
    return _name("status", feed)


def beacons() -> str:
    """Channel on which every feed's leader says each second that it lives."""
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
    """Channel on which the administrator tells the feed's leader what to do."""
    return _name("orders", feed)


def vitals(feed: str) -> str:
    """What the feed's leader says of its work each second, for the feed page; expires by itself."""
    return _name("feed", feed)


def rates(feed: str) -> str:
    """Quotes a second of each instrument, as last measured."""
    return _name("rates", feed)


def standbys(feed: str) -> str:
    """Sorted set: who stands by for the feed, by when it last said so."""
    return _name("standbys", feed)


def applied_rules(feed: str) -> str:
    """The coverage rules that the feed's leader applied last, as a fingerprint."""
    return _name("rules", feed)


def requests(scope: str, user: int) -> str:
    """How many REST requests the user made in the running minute; expires by itself."""
    return _name("requests", scope, str(user))


def row_group(feed: str, symbol: str) -> str:
    """The Channels group of an instrument: at most 99 characters, as Channels asks."""
    return f"q.{feed}.{symbol}"


def rolling(feed: str) -> str:
    """A number that rises when somebody makes, changes or removes a rolling entry of the feed."""
    return _name("rolling", feed)
