"""What one may do about a feed's failure, told from its cause. Venue-free; `doctor` and whoever shows a failure ask it."""

import errno
import socket
import ssl
from collections.abc import Iterator

from .base import FeedError, PermanentFeedError


def hint_for(error: FeedError) -> str:
    """A sentence on what to look at."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "The name cannot be resolved: look at the address in the settings, then at this machine's DNS."
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "The certificate is not trusted: a proxy in between, a wrong clock, or missing root certificates."
        if isinstance(cause, ssl.SSLError):
            return "TLS failed: is the address one that speaks TLS (wss), on that port?"
        if isinstance(cause, ConnectionRefusedError) or getattr(cause, "errno", None) == errno.ECONNREFUSED:
            return "Nothing listens there: look at the address and port in the settings, or the venue is down."
        if isinstance(cause, ConnectionError | EOFError):
            return (
                "It was cut while it opened: by the venue or a firewall, or that port speaks TLS (wss) where we do not."
            )
        if isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return "There is no route: look at this machine's network."
        if isinstance(cause, TimeoutError):
            return "Nobody answered: a firewall may swallow it, or the address is a wrong one."
    text = str(error)
    if "HTTP status" in text:
        return "It is a web server, but opens no WebSocket there: look at the path, and whether this address is let in."
    if "nothing came for" in text:
        return "The connection is open but silent: the venue may be under maintenance, or a proxy holds messages back."
    if "Errno 111" in text:
        return "Nothing listens there: look at the address and port in the settings, or the venue is down."
    if "too_many_requests" in text or "too many requests" in text:
        return "The venue has had too many calls from this address: wait a minute; is another program of yours there?"
    if "was refused" in text:
        return "The venue said no; its code and words stand above."
    if isinstance(error, PermanentFeedError):
        return "Trying again will not help: change the setting that it names."
    return "It may pass by itself: try again in a minute."


def hint_for_rejected(reason: str) -> str:
    """The same, for messages that were passed over."""
    if "does not know the channel" in reason:
        return "The contract expired or was withdrawn since it was listed; or the venue has renamed its channels."
    if reason == "out of order":
        return "Harmless where it is rare: the newer quote stands."
    return (
        "The venue sent what does not fit its own documents. Record it with capture_feed, and see whether it goes on."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it came from, and what that came from; each of several that came at once."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        for one in getattr(seen, "exceptions", ()):
            yield from _causes(one)
        seen = seen.__cause__ or seen.__context__
