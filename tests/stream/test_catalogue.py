"""What a process knows of instruments: by name, by chain, and what changed since."""

import pytest

from marketdata.stream.catalogue import Catalogue, wire_facts
from marketdata.stream.protocol import ProtocolError

from .second_feed import index, option


def test_it_tells_what_came_what_changed_and_what_went() -> None:
    catalogue = Catalogue()
    one, two, three = option(1), option(2), option(3)
    first = catalogue.take(1, [one, two])
    assert (first.added, first.changed, first.gone) == ({one.id, two.id}, set(), set())
    assert not catalogue.take(2, [two, one])
    second = catalogue.take(3, [option(1, tick=0.05), three])
    assert (second.added, second.changed, second.gone) == ({three.id}, {one.id}, {two.id})
    third = catalogue.take(4, [option(1, tick=0.05, active=False), three])
    assert third.gone == {one.id}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SPX", None),
        ("second.SPX", None),
        ("second.", "unknown_symbol"),
        (".SPX", "unknown_symbol"),
        ("third.SPX", "unknown_symbol"),
        ("second.second.SPX", "unknown_symbol"),
        ("twice", "ambiguous_symbol"),
        ("second.twice", None),
        ("third.twice", None),
        ("still", "not_streaming"),
        ("second.still", "not_streaming"),
    ],
)
def test_a_name_means_one_streaming_instrument_or_none(name: str, code: str | None) -> None:
    catalogue = Catalogue()
    catalogue.take(
        1,
        [
            index("SPX", 1),
            index("twice", 2),
            index("twice", 3, feed="third"),
            index("still", 4, streaming=False),
        ],
    )
    if code is not None:
        with pytest.raises(ProtocolError) as refused:
            catalogue.find(name)
        assert refused.value.code == code
        return
    facts = catalogue.find(name)
    assert name in (catalogue.name_of(facts), f"{facts.feed}.{facts.symbol}")


def test_a_chain_stands_by_strike_with_calls_first() -> None:
    catalogue = Catalogue()
    put = option(2, symbol="SPXP2", right="P", id=77)
    catalogue.take(1, [index(), option(3), put, option(2), option(4, streaming=False), option(9, day="2026-02-20")])
    assert catalogue.chain("SPX", "2026-01-16") == [option(2).id, 77, option(3).id]
    assert catalogue.chain("second.SPX", "2026-01-16.SPX") == [option(2).id, 77, option(3).id]


def test_the_facts_on_the_wire_are_those_of_the_protocol() -> None:
    assert set(wire_facts(option(1))) >= {
        *("id", "feed", "kind", "underlying", "root", "expiry", "strike", "right"),
        *("currency", "tick", "multiplier", "exercise"),
    }
