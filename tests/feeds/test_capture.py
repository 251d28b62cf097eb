"""Capture files: what is written is read again, and what is damaged is passed over with a reason."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.feeds.base import PermanentFeedError, Rejected
from marketdata.feeds.replay import capture, formats, lines
from marketdata.feeds.replay.capture import CaptureWriter, Message
from marketdata.feeds.replay.formats import recognised

T = 1_803_900_000_000.25
HEADER = b'{"strikewire_capture":1,"feed":"deribit"}\n'

MESSAGES = [
    Message(T, 0, '{"jsonrpc":"2.0"}'),
    Message(T + 0.125, 1, "two\nlines, a \u2028 separator, \x00 and \U0001f600"),
    Message(T + 3.5, 0, ""),
]


def messages(path: Path) -> list[Message]:
    return [one for one in recognised(path).records() if isinstance(one, Message)]


def rejected(path: Path) -> list[Rejected]:
    return [one for one in recognised(path).records() if isinstance(one, Rejected)]


def line(at: float, text: str = "x") -> bytes:
    return b'{"t":%f,"c":0,"m":"%s"}\n' % (at, text.encode())


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with CaptureWriter(path, "deribit", T) as writer:
        for message in MESSAGES:
            writer.write(message.received_ms, message.text, message.connection)
    found = recognised(path)
    assert (found.venue, found.first_ms) == ("deribit", T)
    assert messages(path) == MESSAGES
    assert rejected(path) == []
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


@given(st.text(max_size=200), st.integers(0, 2**31), st.integers(0, 4_000_000_000_000))
def test_any_message_survives_a_line(text: str, connection: int, thousandths: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # no text frame can hold half a surrogate pair
    written = capture._encode({"t": thousandths / 1000, "c": connection, "m": text})
    assert b"\n" not in written
    assert capture.read_line(written) == Message(thousandths / 1000, connection, text)


def test_a_capture_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        CaptureWriter(path, "deribit", T)
    assert path.read_text() == "precious"


def test_a_packed_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(HEADER + line(T)))
    assert messages(path) == [Message(T, 0, "x")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{\n", "truncated"),
        (b"\xff\xfe\x00\n", "line"),
        (b'{"t":1803900000000.5}\n', "`m`"),
        (b'{"m":"x"}\n', "`t`"),
        (b'{"t":NaN,"m":"x"}\n', "malformed"),
        (b'{"t":-1,"m":"x"}\n', "between 2000 and 2100"),
        (b'{"t":1803900000,"m":"x"}\n', "between 2000 and 2100"),
        (line(T + 40 * 86_400_000), "more than a day"),
        (line(T - 40 * 86_400_000), "more than a day"),
        (b'{"a":' * 100_000 + b"\n", "recursion"),
    ],
)
def test_a_damaged_line_is_passed_over_with_its_reason(tmp_path: Path, bad: bytes, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(HEADER + line(T) + bad + line(T + 1, "after"))
    assert [message.text for message in messages(path)] == ["x", "after"]
    (found,) = rejected(path)
    assert reason in found.reason
    assert len(found.text) <= 500


def test_a_line_of_ten_megabytes_is_passed_over_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(HEADER + line(T) + b"x" * 10_000_000 + b"\n" + line(T + 1, "after"))
    assert max(len(one) for one in lines.lines(path)) <= lines.LONGEST + 1
    assert [message.text for message in messages(path)] == ["x", "after"]
    (found,) = rejected(path)
    assert "longer than" in found.reason
    assert len(found.text) == 500


@pytest.mark.parametrize("length", [lines.LONGEST - 1, lines.LONGEST, lines.LONGEST + 1, 2 * lines.LONGEST + 2])
def test_lines_about_as_long_as_the_bound_do_not_run_together(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * length + b"\nlast\n")
    first, second = lines.lines(path)
    assert len(first) == min(length, lines.LONGEST + 1)
    assert second == b"last"


def test_a_real_pause_of_days_is_only_doubted_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    later = T + 3 * 86_400_000
    path.write_bytes(HEADER + line(T) + line(T + 1) + line(later) + line(later + 1) + line(later + 2))
    assert [message.received_ms for message in messages(path)] == [T, T + 1, later + 1, later + 2]


def test_a_damaged_first_time_does_not_date_the_capture(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(HEADER + line(T - 400 * 86_400_000) + line(T) + line(T + 1))
    assert recognised(path).first_ms == T
    assert [message.received_ms for message in messages(path)] == [T, T + 1]


def test_a_packed_file_that_was_cut_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(HEADER + b"".join(line(T + at, f"{at * 7919:x}") for at in range(5000)))
    path.write_bytes(whole[: len(whole) // 2])
    assert len(messages(path)) > 100
    (found,) = rejected(path)
    assert "ends early" in found.reason


def test_a_file_without_a_last_line_end_is_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(HEADER + line(T) + line(T + 1, "last").rstrip())
    assert [message.text for message in messages(path)] == ["x", "last"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"\n\n\n", "no capture"),
        (b"time,bid,ask\n1,2,3\n", "no capture"),
        (b"\x00\x01\x02" * 1000, "no capture"),
        (b"[" * 100_000, "no capture"),
        (b'{"strikewire_capture":2,"feed":"deribit"}\n', "version 2"),
        (HEADER, "no message"),
        (HEADER + b"junk\n", "no message"),
        (b"\x1f\x8b\x08\x00junk", "a.txt"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(PermanentFeedError, match=what) as caught:
        recognised(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["absent.txt", "."])
def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path, where: str) -> None:
    with pytest.raises(PermanentFeedError, match="no file"):
        recognised(tmp_path / where)


def test_raw_deribit_lines_are_recognised_after_a_recorders_preamble(tmp_path: Path) -> None:
    path = tmp_path / "raw.txt"
    frame = '{"jsonrpc":"2.0","id":1,"result":[]}'
    path.write_text(
        "wss://www.deribit.com/ws/api/v2 <-> 1803900000.0\n"
        f"wss://www.deribit.com/ws/api/v2 <- 1803900000.1: {frame}\n"
        f"1803900000.2000001: {frame}\n"
        f"1803900000.3: {frame}\n"
    )
    assert recognised(path).venue == "deribit"
    assert [one.received_ms for one in messages(path)] == [1_803_900_000_200.0, 1_803_900_000_300.0]
    assert formats.recognised(path).first_ms == 1_803_900_000_200.0
