"""Which share an underlying is in: the same for every process and version, and one for each."""

from collections import Counter

import pytest

from marketdata.shares import MOST, WHOLE, Share, shares_of
from tests.builders import make_facts


@pytest.mark.parametrize("count", [2, 3, 7, MOST])
def test_every_underlying_is_in_exactly_one_share(count: int) -> None:
    for number in range(500):
        assert sum(share.holds(f"U{number}") for share in shares_of(count)) == 1


def test_a_feed_that_is_not_split_holds_everything() -> None:
    assert WHOLE == Share(1, 1) == shares_of(1)[0]
    assert WHOLE.is_whole
    assert all(WHOLE.holds(f"U{number}") for number in range(50))


def test_where_an_underlying_is_never_changes() -> None:
    """Written out: two versions that differ here would both write an instrument."""
    names = ["SPX", "SPY", "QQQ", "NDX", "TSLA", "NVDA", "BTC", "ETH", "ZEPH", "NIMBU", "ACME", "GIZMO"]
    placed = [
        "".join(str(share.number) for name in names for share in shares_of(n) if share.holds(name)) for n in (2, 3)
    ]
    assert placed == ["211121211212", "231312111321"]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_many_underlyings_are_spread_evenly(count: int) -> None:
    of = Counter(share for share in shares_of(count) for number in range(3_000) if share.holds(f"U{number}"))
    assert min(of.values()) > 0.9 * 3_000 / count


def test_a_contract_is_where_its_underlying_is() -> None:
    listed = [make_facts(f"{name}-{n}", underlying=name) for name in ("SPX", "SPY") for n in range(5)]
    first, second = shares_of(2)
    assert [facts.underlying for facts in first.own(listed)] == ["SPY"] * 5
    assert [facts.underlying for facts in second.own(listed)] == ["SPX"] * 5
