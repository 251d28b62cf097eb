"""Client messages: what is read, and that whatever else comes raises the one error."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.stream import protocol
from marketdata.stream.protocol import BEATS, ProtocolError, beat_for, decode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["op", "id", "source", "symbols", "watchlist", "chain", "replace", "all", "interval_ms", "n"])


@given(st.text() | JSON.map(json.dumps))
def test_any_other_text_raises_the_one_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


@given(st.sampled_from(protocol.OPS), st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=6))
def test_any_fields_of_any_op_are_a_message_or_the_one_error(op: str, fields: dict[str, Any]) -> None:
    with contextlib.suppress(ProtocolError):
        assert decode(json.dumps({**fields, "op": op})).__struct_config__.tag == op


@given(st.integers(0, 3_600_000))
def test_the_beat_is_the_next_slower_one(asked: int) -> None:
    beat = beat_for(asked)
    assert beat in BEATS
    assert beat >= asked or beat == BEATS[-1]
    assert not [other for other in BEATS if asked <= other < beat]


def test_a_ticket_is_not_shown_by_its_message() -> None:
    assert "secret" not in repr(decode('{"op":"auth","ticket":"secret-ticket"}'))
