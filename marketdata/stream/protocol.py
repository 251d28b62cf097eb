"""Stream protocol, version 1: what clients may say, typed and bounded, and the codes of what the server answers.

docs/protocol.md says the same in prose; a test holds the two together.
"""

import re
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

SUBPROTOCOL: Final = "strikewire.v1.json"
VERSION: Final = 1
# Beats that a connection may have, ms. A request between two gets the slower one.
BEATS: Final = (0, 10, 50, 100, 250, 500, 1000)
DEFAULT_BEAT: Final = 100

# ── Close codes ───────────────────────────────────────────────────────────────────────────────────────────────────────
NOT_SIGNED_IN: Final = 4401
NOT_ALLOWED: Final = 4403
NO_ANSWER: Final = 4408
TOO_MANY: Final = 4429
TOO_LARGE: Final = 1009
RESTARTING: Final = 1012

ErrorCode = Literal[
    "bad_json",
    "bad_message",
    "unknown_op",
    "unknown_symbol",
    "ambiguous_symbol",
    "not_streaming",
    "too_many_symbols",
    "too_many_messages",
    "forbidden",
]
Cause = Literal["request", "edited", "listed", "rolled", "retired", "forbidden"]

MessageId = Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=-(2**53), le=2**53)] | None
SourceName = Annotated[str, Meta(min_length=1, max_length=64)]


class ProtocolError(Exception):
    """What a client said wrong. It is answered by an `error` and costs nothing else."""

    def __init__(self, code: ErrorCode, message: str, field: str | None = None, **more: Any) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.field = field
        self.more = more


class Message(msgspec.Struct, forbid_unknown_fields=True, tag_field="op"):
    id: MessageId = None


class Auth(Message, tag="auth", kw_only=True):
    ticket: Annotated[str, Meta(min_length=1, max_length=256)]

    # A ticket is a secret until it is used, and a repr may reach a log.
    def __repr__(self) -> str:
        return "Auth(…)"


class Chain(msgspec.Struct, forbid_unknown_fields=True):
    underlying: Annotated[str, Meta(min_length=1, max_length=97)]
    expiry: Annotated[str, Meta(min_length=10, max_length=32)]


class Subscribe(Message, tag="subscribe", kw_only=True):
    source: SourceName
    symbols: list[str] | None = None
    # One's own by its id, another's by the key of its link.
    watchlist: Annotated[int, Meta(ge=1, le=2**53)] | Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    chain: Chain | None = None
    replace: bool = False


class Unsubscribe(Message, tag="unsubscribe", kw_only=True):
    source: SourceName | None = None
    all: bool = False


class Configure(Message, tag="configure", kw_only=True):
    interval_ms: Annotated[int, Meta(ge=0, le=3_600_000)]


class Ping(Message, tag="ping"):
    pass


class Pong(Message, tag="pong", kw_only=True):
    n: Annotated[int, Meta(ge=0, le=2**53)]


class WatchFeeds(Message, tag="watch_feeds", kw_only=True):
    on: bool = True


class _Envelope(msgspec.Struct):
    op: str
    id: MessageId = None


_TYPES: Final[dict[str, type[Message]]] = {
    "auth": Auth,
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "configure": Configure,
    "ping": Ping,
    "pong": Pong,
    "watch_feeds": WatchFeeds,
}
OPS: Final = tuple(_TYPES)
_envelope = msgspec.json.Decoder(_Envelope).decode
_decoders: Final = {op: msgspec.json.Decoder(kind).decode for op, kind in _TYPES.items()}
_PATH: Final = re.compile(r" - at `\$\.?([^`]*)`\Z")
_NAMED: Final = re.compile(r"(?:unknown|required) field `([^`]{1,64})`")


def decode(text: str) -> Message:
    """One client message. Raises ProtocolError, with the message's id in `more` where it could be read."""
    try:
        envelope = _envelope(text)
    except msgspec.ValidationError as error:
        raise _bad_message(error, None) from error
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ProtocolError("bad_json", f"not JSON: {error}") from error
    decoder = _decoders.get(envelope.op)
    if decoder is None:
        message = f"unknown op {envelope.op[:32]!r}; there are {', '.join(OPS)}"
        raise ProtocolError("unknown_op", message, "op", id=envelope.id)
    try:
        return decoder(text)
    except msgspec.ValidationError as error:
        raise _bad_message(error, envelope.id) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError("bad_json", f"not JSON: {error}", id=envelope.id) from error


def _bad_message(error: msgspec.ValidationError, message_id: Any) -> ProtocolError:
    text = str(error)
    path = _PATH.search(text)
    named = _NAMED.search(text)
    parts = [match.group(1) for match in (path, named) if match is not None and match.group(1)]
    return ProtocolError("bad_message", _PATH.sub("", text)[:300], ".".join(parts) or None, id=message_id)


def beat_for(interval_ms: int) -> int:
    """The beat that a request gets: the next slower one there is."""
    return next((beat for beat in BEATS if beat >= interval_ms), BEATS[-1])
