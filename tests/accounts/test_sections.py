"""Sections and the one order of all items."""

import pytest

from accounts import items, sections, watchlists
from accounts.models import User, Watchlist, WatchlistSection
from accounts.watchlists import ConflictError, GoneError, RefusedError, StaleError
from tests.builders import make_instrument


@pytest.fixture
def tech(owner: User) -> Watchlist:
    for symbol in ("A1", "B2", "C3"):
        make_instrument(symbol)
    return watchlists.create(owner, "Tech", ["A1", "B2", "C3"])


def order(watchlist: Watchlist) -> list[str]:
    return [
        one.name if isinstance(one, WatchlistSection) else one.instrument.symbol  # type: ignore[union-attr]
        for one in items.stored(watchlist)
    ]


def refs(watchlist: Watchlist) -> list[tuple[items.Kind, int]]:
    return [(items.kind_of(one), one.pk) for one in items.stored(watchlist)]


def test_a_section_stands_at_the_end_or_where_it_is_put(tech: Watchlist) -> None:
    sections.make(tech, " Last ")
    first = sections.make(tech, "First", 0)
    middle = sections.make(tech, "Middle", 2)
    sections.make(tech, "Beyond", 1_000_000)
    assert order(tech) == ["First", "A1", "Middle", "B2", "C3", "Last", "Beyond"]
    assert (first.position, middle.position) == (0, 2)
    assert [one.position for one in items.stored(tech)] == list(range(7))
    assert tech.version == 5


def test_a_section_is_renamed_moved_and_removed(tech: Watchlist) -> None:
    section = sections.make(tech, "Banks", 1)
    changed = sections.change(tech, section.pk, name="Bonds", position=2)
    assert (changed.name, changed.position) == ("Bonds", 2)
    assert order(tech) == ["A1", "B2", "Bonds", "C3"]
    sections.change(tech, section.pk)
    assert tech.version == 3  # nothing was no edit
    sections.remove(tech, section.pk)
    assert order(tech) == ["A1", "B2", "C3"]
    with pytest.raises(GoneError):
        sections.remove(tech, section.pk)


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb"])
def test_a_bad_name_is_refused(tech: Watchlist, name: str) -> None:
    section = sections.make(tech, "Banks")
    with pytest.raises(RefusedError) as made:
        sections.make(tech, name)
    with pytest.raises(RefusedError) as changed:
        sections.change(tech, section.pk, name=name)
    assert {error.value.problems[0].field for error in (made, changed)} == {"name"}
    assert order(tech) == ["A1", "B2", "C3", "Banks"]


def test_a_section_of_another_watchlist_is_not_there(owner: User, tech: Watchlist) -> None:
    other = watchlists.create(owner, "Other")
    section = sections.make(other, "Banks")
    for verb in (lambda: sections.change(tech, section.pk, name="x"), lambda: sections.remove(tech, section.pk)):
        with pytest.raises(GoneError, match="section"):
            verb()
    assert order(other) == ["Banks"]


def test_all_items_are_ordered_at_once_and_what_is_not_named_stands_last(tech: Watchlist) -> None:
    sections.make(tech, "Banks")
    wanted = refs(tech)
    watchlists.arrange(tech, [wanted[3], wanted[2]])
    assert order(tech) == ["Banks", "C3", "A1", "B2"]
    watchlists.arrange(tech, wanted)
    assert order(tech) == ["A1", "B2", "C3", "Banks"]


def test_an_order_that_names_twice_or_what_is_gone_changes_nothing(tech: Watchlist) -> None:
    first, second, third = refs(tech)
    with pytest.raises(RefusedError) as error:
        watchlists.arrange(tech, [third, first, third])
    assert [(one.field, one.code) for one in error.value.problems] == [("items.2", "already_there")]
    with pytest.raises(ConflictError) as conflict:
        watchlists.arrange(tech, [third, ("section", second[1]), ("instrument", 10**9)])
    assert [(one.field, one.code) for one in conflict.value.problems] == [("items.1", "gone"), ("items.2", "gone")]
    assert order(tech) == ["A1", "B2", "C3"]
    tech.refresh_from_db()
    assert tech.version == 1


def test_an_edit_of_another_version_than_expected_is_refused(tech: Watchlist) -> None:
    mine, theirs = Watchlist.objects.get(pk=tech.pk), Watchlist.objects.get(pk=tech.pk)
    mine.expected_version = mine.version
    sections.make(theirs, "Theirs")
    with pytest.raises(StaleError) as error:
        sections.make(mine, "Mine")
    assert error.value.version == 2
    assert order(tech) == ["A1", "B2", "C3", "Theirs"]
    mine.expected_version = 2
    sections.make(mine, "Mine")
    assert mine.version == 3


def test_new_instruments_fill_the_places_of_the_old_between_the_sections(tech: Watchlist) -> None:
    make_instrument("D4")
    make_instrument("E5")
    sections.make(tech, "Upper", 0)
    sections.make(tech, "Lower", 2)
    assert order(tech) == ["Upper", "A1", "Lower", "B2", "C3"]
    watchlists.reorder(tech, ["C3", "B2", "A1"])
    assert order(tech) == ["Upper", "C3", "Lower", "B2", "A1"]
    watchlists.reorder(tech, ["A1", "E5", "C3", "D4", "B2"])
    assert order(tech) == ["Upper", "A1", "Lower", "E5", "C3", "D4", "B2"]
    watchlists.reorder(tech, ["B2"])
    assert order(tech) == ["Upper", "Lower", "B2"]


def test_items_of_all_kinds_count_for_the_limit(tech: Watchlist) -> None:
    WatchlistSection.objects.bulk_create(WatchlistSection(watchlist=tech, name=str(n), position=n) for n in range(496))
    sections.make(tech, "The last")
    make_instrument("D4")
    for verb in (
        lambda: sections.make(tech, "One more"),
        lambda: watchlists.add(tech, "D4"),
        lambda: watchlists.reorder(tech, ["A1", "B2", "C3", "D4"]),
    ):
        with pytest.raises(RefusedError) as error:
            verb()
        assert error.value.problems[0].code == "too_many"
    assert items.count(tech) == 500
