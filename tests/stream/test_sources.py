"""Sources are sets with names: what a connection holds is their union, and begins and ends with it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.stream.sources import Sources

NAMES = st.sampled_from("abc")
IDS = st.lists(st.integers(1, 12), max_size=10)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, IDS, st.booleans()),
        st.tuples(st.just("take"), NAMES, IDS, st.booleans()),
        st.tuples(st.just("end"), NAMES, st.just([]), st.booleans()),
    ),
    max_size=30,
)
LIMIT = 8


@given(STEPS)
@settings(deadline=None)
def test_any_sequence_of_changes_agrees_with_plain_sets(steps: list[tuple[str, str, list[int], bool]]) -> None:
    sources = Sources(LIMIT)
    model: dict[str, set[int]] = {}
    for kind, name, ids, replace in steps:
        before = set().union(*model.values())
        if kind == "put":
            change = sources.put(name, "symbols", None, ids, replace)
            held = model.setdefault(name, set())
            assert set(change.removed) == (held - set(ids) if replace else set())
            held -= set(change.removed)
            others = set().union(*(model[other] for other in model if other != name))
            assert set(change.added) | set(change.refused) == set(ids) - held
            held |= set(change.added)
            if change.refused:
                assert len(held | others) == LIMIT
                assert not set(change.refused) & (held | others)
        elif kind == "take":
            change = sources.take(name, ids)
            assert set(change.removed) == model.get(name, set()) & set(ids)
            model.setdefault(name, set()).difference_update(ids)
        else:
            change = sources.take(name)
            assert set(change.removed) == model.pop(name, set())
        after = set().union(*model.values())
        assert set(sources.held) == after
        assert sources.total == len(after) <= LIMIT
        assert set(change.begun) == after - before
        assert set(change.ended) == before - after
        for group in change:
            assert len(group) == len(set(group))


def test_a_source_keeps_the_order_it_was_asked_in() -> None:
    sources = Sources(10)
    assert sources.put("a", "symbols", None, [3, 1, 2, 1], replace=False).added == [3, 1, 2]
    source = sources.get("a")
    assert source is not None
    assert list(source.ids) == [3, 1, 2]


def test_room_is_made_before_it_is_taken() -> None:
    sources = Sources(2)
    sources.put("a", "symbols", None, [1, 2], replace=False)
    change = sources.put("a", "symbols", None, [3, 4, 5], replace=True)
    assert (change.added, change.removed, change.refused) == ([3, 4], [1, 2], [5])


def test_an_instrument_that_another_source_holds_needs_no_room() -> None:
    sources = Sources(2)
    sources.put("a", "symbols", None, [1, 2], replace=False)
    change = sources.put("b", "chain", ("X", "2030-01-18"), [2, 3], replace=True)
    assert (change.added, change.refused, change.begun) == ([2], [3], [])
