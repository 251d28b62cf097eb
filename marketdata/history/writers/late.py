"""The bar that late ticks join in its midst: made of the bar that stands and of those ticks, by some looks at the index.
Making it of all ticks of its minute took ten times as long, and each batch that came late did so for each of its minutes: a
busy recorder that had batches of another to catch up with fell ever further behind.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from .. import bars
from ..columns import BAR, TICK
from ..entries import Tick

Question = tuple[str, Sequence[int]]
Answer = list[tuple[Any, ...]]
# What queries on the writer's own connection answer, each by itself.
Ask = Callable[[Sequence[Question]], list[Answer]]

_SECOND, _SEQ, _VOLUME = (TICK.index(name) for name in ("second", "seq", "volume"))
_MINUTE: Final = "FROM history_tick WHERE instrument = %s AND second >= %s AND second < %s"
_STANDS: Final = f"SELECT {', '.join(BAR)} FROM history_bar WHERE instrument = %s AND minute = %s"
# How many, from which number to which, and how many stand, by their times, after one of a higher number.
_COUNT: Final = (
    "SELECT count(*), min(seq), max(seq), count(CASE WHEN seq < before THEN 1 END) FROM ("
    f"SELECT seq, lag(seq) OVER (ORDER BY second, seq) AS before {_MINUTE}) AS numbered"
)


def _edge(value: str, is_known: str, order: str) -> str:
    return f"SELECT {value} {_MINUTE} AND {is_known} ORDER BY second {order}, seq {order} LIMIT 1"


_MID: Final = ("(bid + ask) / 2", "bid <= ask")
# What a bar has of its first or its last tick that has it.
_EDGES: Final = {
    "mid_open": _edge(*_MID, "ASC"),
    "mid_close": _edge(*_MID, "DESC"),
    "last_open": _edge("last", "last IS NOT NULL", "ASC"),
    "last_close": _edge("last", "last IS NOT NULL", "DESC"),
    "volume_first": _edge("volume", "volume IS NOT NULL", "ASC"),
    "volume_last": _edge("volume", "volume IS NOT NULL", "DESC"),
    "implied_volatility": _edge("implied_volatility", "implied_volatility IS NOT NULL", "DESC"),
}
_BEFORE: Final = f"SELECT volume {_MINUTE} AND volume IS NOT NULL AND seq < %s ORDER BY second DESC, seq DESC LIMIT 1"
_AFTER: Final = f"SELECT volume {_MINUTE} AND volume IS NOT NULL AND seq > %s ORDER BY second, seq LIMIT 1"
_AROUND: Final = f"SELECT ({_BEFORE}), ({_AFTER})"
_WITHIN: Final = f"SELECT seq, volume {_MINUTE} AND volume IS NOT NULL AND seq >= %s AND seq <= %s ORDER BY seq"


def with_late(ask: Ask, ticks: Mapping[bars.Key, Sequence[Tick]]) -> dict[bars.Key, bars.Bar | None]:
    """The bars with these ticks of theirs, all new: they are stored by now, and not in the bars that stand. None where that
    bar is of other ticks than are stored, or a clock was set back: then it has to be made of all.

    Questions about all bars are asked together, two times: one by one, most of the time is spent on the way."""
    made: dict[bars.Key, bars.Bar | None] = {}
    work = {key: _with_late(key, rows) for key, rows in ticks.items()}
    asked = {key: next(one) for key, one in work.items()}
    while asked:
        answers = iter(ask([question for questions in asked.values() for question in questions]))
        answered = {key: [next(answers) for _ in questions] for key, questions in asked.items()}
        asked = {}
        for key, found in answered.items():
            try:
                asked[key] = work[key].send(found)
            except StopIteration as end:
                made[key] = end.value
    return made


def _with_late(key: bars.Key, ticks: Sequence[Tick]) -> Generator[Sequence[Question], list[Answer], bars.Bar | None]:
    ticks = sorted(ticks, key=lambda tick: tick[_SEQ])
    instrument, minute = key
    begins, ends = minute * 60, minute * 60 + 60
    minute_of = (instrument, begins, ends)
    found, [(count, first, last, set_back)] = yield (_STANDS, key), (_COUNT, minute_of)
    if not found or set_back:
        return None
    stands = bars.Bar(*found[0])
    late = bars.of_ticks(ticks)[key]
    bar = bars.joined(stands, late)
    seqs = [seq for one in (stands, late) for seq in (one.first_seq, one.last_seq) if seq is not None]
    if (bar.ticks, min(seqs), max(seqs)) != (count, first, last):
        return None
    bar.first_seq, bar.last_seq = first, last
    # Of what no tick has, the edge would be looked for among all of them.
    known = [name for name in _EDGES if getattr(bar, name) is not None]
    questions: list[Question] = []
    if known:
        questions.append((f"SELECT {', '.join(f'({_EDGES[name]})' for name in known)}", minute_of * len(known)))
    # Of volume, only the stretch in which these ticks lie.
    new = {tick[_SEQ]: tick[_SECOND] for tick in ticks if tick[_VOLUME] is not None}
    has_both = stands.volume_gain is not None and bool(new)
    if has_both:
        one, other = min(new), max(new)
        questions += [
            (_AROUND, (instrument, begins, new[one] + 1, one, instrument, new[other], ends, other)),
            (_WITHIN, (instrument, new[one], new[other] + 1, one, other)),
        ]
    answers = yield questions
    if known:
        for name, value in zip(known, answers[0][0], strict=True):
            setattr(bar, name, value)
    if has_both:
        assert stands.volume_gain is not None
        [around], within = answers[-2:]
        bar.volume_gain = max(0.0, stands.volume_gain + _more(around, within, new))
    return bar


def _more(around: tuple[Any, ...], within: Answer, new: Mapping[int, int]) -> float:
    """How much more volume rises with the `new` ticks than without. `around` are the volumes before and after them."""
    before, after = around
    now = [before, *(volume for _, volume in within), after]
    was = [before, *(volume for seq, volume in within if seq not in new), after]
    return _rise(now) - _rise(was)


def _rise(volumes: Sequence[float | None]) -> float:
    """Of those that are known."""
    known = [volume for volume in volumes if volume is not None]
    return sum(max(0.0, later - earlier) for earlier, later in pairwise(known))
