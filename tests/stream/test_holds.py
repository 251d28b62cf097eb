"""What sockets hold in the coverage: counted as sources come, change and go, whatever the order."""

from hypothesis import given
from hypothesis import strategies as st

from marketdata.stream.sources import Holds, SourceKind, Sources

kinds = st.sampled_from(["symbols", "watchlist", "chain"])
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"), st.integers(0, 1), st.sampled_from("ab"), kinds, st.lists(st.integers(1, 6)), st.booleans()
        ),
        st.tuples(st.just("take"), st.integers(0, 1), st.sampled_from("ab"), st.none() | st.lists(st.integers(1, 6))),
        st.tuples(st.just("release"), st.integers(0, 1)),
    ),
    max_size=25,
)


@given(steps)
def test_held_is_exactly_what_some_source_names_that_is_no_chain(some: list[tuple[object, ...]]) -> None:
    holds = Holds()
    sockets = [Sources(4, holds), Sources(4, holds)]
    for what, socket, *rest in some:
        sources = sockets[socket]  # type: ignore[call-overload]
        if what == "put":
            name, kind, ids, replace = rest
            sources.put(name, kind, None, ids, replace)
        elif what == "take":
            sources.take(*rest)
        else:
            sources.release()
        held = {
            i
            for each in sockets
            for name in each.names()
            if (source := each.get(name)) is not None and source.kind != "chain"
            for i in source.ids
        }
        assert holds.ids == held


def test_a_chain_that_becomes_a_list_is_held_from_then_on() -> None:
    holds, order = Holds(), list[SourceKind](["chain", "symbols", "watchlist", "chain"])
    sources = Sources(10, holds)
    seen = []
    for kind in order:
        sources.put("a", kind, None, [1, 2], True)
        seen.append(holds.ids)
    assert seen == [set(), {1, 2}, {1, 2}, set()]
