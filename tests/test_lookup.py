"""Instruments by the names that people write."""

import pytest
from pytest_django import DjangoAssertNumQueries

from marketdata.lookup import NotFound, find, find_any
from marketdata.models import Instrument
from tests.builders import make_instrument


def code(answer: Instrument | NotFound) -> str:
    assert isinstance(answer, NotFound)
    return answer.code


def feed(answer: Instrument | NotFound) -> str:
    assert isinstance(answer, Instrument)
    return answer.feed


def test_many_names_cost_one_query(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for n in range(20):
        make_instrument(f"S{n}")
    names = [f"S{n}" for n in range(10)] + [f"simulated.S{n}" for n in range(10, 20)] + ["NONE"]
    with django_assert_num_queries(1):
        answers = find(names)
    assert [name for name in names if isinstance(answers[name], NotFound)] == ["NONE"]


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a b", "é", "x" * 100_000, "\0", "simulated.", "other.ACME"])
def test_what_is_no_name_is_unknown(db: None, name: str) -> None:
    make_instrument("ACME")
    answer = find([name])[name]
    assert code(answer) == "unknown_symbol"
    assert len(str(answer)) < 250


def test_one_offering_feed_needs_no_name(db: None) -> None:
    make_instrument("ACME", feed="replay", active=False)
    make_instrument("ACME")
    assert feed(find(["ACME"])["ACME"]) == "simulated"
    assert code(find(["replay.ACME"])["replay.ACME"]) == "not_streaming"
    assert feed(find_any("replay.ACME")) == "replay"


def test_two_offering_feeds_are_ambiguous(db: None) -> None:
    make_instrument("ACME", feed="replay")
    make_instrument("ACME")
    assert code(find(["ACME"])["ACME"]) == code(find_any("ACME")) == "ambiguous_symbol"
    assert feed(find(["replay.ACME"])["replay.ACME"]) == "replay"


def test_two_retired_ones_are_not_guessed_between(db: None) -> None:
    make_instrument("ACME", feed="replay", active=False)
    make_instrument("ACME", active=False)
    assert code(find_any("ACME")) == "ambiguous_symbol"
    assert code(find(["ACME"])["ACME"]) == "not_streaming"


def test_a_dot_may_belong_to_the_symbol(db: None) -> None:
    make_instrument("BRK.B")
    make_instrument("simulated.B", feed="replay")
    assert feed(find_any("BRK.B")) == feed(find_any("simulated.BRK.B")) == "simulated"
    assert feed(find_any("simulated.B")) == "replay"
