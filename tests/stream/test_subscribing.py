"""What a client asks for is what it gets: facts, then present values, then changes."""

import pytest

from tests.path.client import StreamClient

from .conftest import MOVING, QUIET, Floor

LIMIT = 2_000


async def test_it_answers_with_facts_then_values_then_changes(floor: Floor, client: StreamClient) -> None:
    answer = await client.ask("subscribe", "subscribed", id="one", source="mine", symbols=floor.symbols(MOVING))
    assert (answer["id"], answer["source"], answer["cause"], answer["total"]) == ("one", "mine", "request", 10)
    assert list(answer["added"]) == floor.symbols(MOVING)
    assert [facts["id"] for facts in answer["added"].values()] == floor.ids(MOVING)
    assert answer["refused"] == answer["removed"] == []
    snapshot = await client.message("snapshot")
    assert (snapshot["id"], snapshot["source"], snapshot["n"], snapshot["more"]) == ("one", "mine", 1, False)
    assert {row[0] for row in snapshot["rows"]} == set(floor.ids(MOVING))
    seqs = {row[0]: row[1] for row in snapshot["rows"]}
    await client.until(lambda: all(client.rows[i][1] > seqs[i] for i in seqs))


async def test_what_never_quoted_is_named_empty(floor: Floor, client: StreamClient) -> None:
    numbers = range(18, 23)
    await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(numbers))
    snapshot = await client.message("snapshot")
    assert {row[0] for row in snapshot["rows"]} == set(floor.ids(range(18, 20)))
    assert snapshot["empty"] == floor.ids(range(20, 23))


async def test_a_quiet_instrument_shows_its_next_quote(floor: Floor, client: StreamClient) -> None:
    await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(QUIET))
    await client.message("snapshot")
    floor.quote(QUIET, bid=3.25)
    await client.until(lambda: all(client.rows[i][4] == 3.25 for i in floor.ids(QUIET)))


async def test_a_watchlist_is_a_source(floor: Floor, client: StreamClient) -> None:
    answer = await client.ask("subscribe", "subscribed", source="list", watchlist=floor.owner.watchlist)
    assert list(answer["added"]) == floor.symbols(range(5))
    await client.until(lambda: set(client.rows) == set(floor.ids(range(5))))


async def test_anothers_watchlist_is_refused_as_an_absent_one(floor: Floor, client: StreamClient) -> None:
    others = await client.ask("subscribe", "error", id=1, source="list", watchlist=floor.stranger.watchlist)
    absent = await client.ask("subscribe", "error", id=1, source="list", watchlist=999_999)
    assert others == absent
    assert (others["code"], others["field"]) == ("forbidden", "watchlist")


@pytest.mark.parametrize(
    ("symbol", "code"),
    [
        ("NOSUCH", "unknown_symbol"),
        ("scripted.NOSUCH", "unknown_symbol"),
        ("nofeed.ACME300118C00001000", "unknown_symbol"),
        ("", "unknown_symbol"),
        ("A" * 10_000, "unknown_symbol"),
        ("ACME 300118\u0000C", "unknown_symbol"),
        ("acme300118c00001000", "unknown_symbol"),
    ],
)
async def test_a_bad_symbol_is_refused_alone(floor: Floor, client: StreamClient, symbol: str, code: str) -> None:
    good = floor.symbols(range(2))
    answer = await client.ask("subscribe", "subscribed", source="mine", symbols=[good[0], symbol, good[1]])
    assert list(answer["added"]) == good
    (refused,) = answer["refused"]
    assert refused["code"] == code
    assert refused["message"]
    assert len(refused["symbol"]) <= 80
    assert symbol.startswith(refused["symbol"])


async def test_a_symbol_with_its_feed_is_the_same_one(floor: Floor, client: StreamClient) -> None:
    (symbol,) = floor.symbols(range(1))
    answer = await client.ask("subscribe", "subscribed", source="mine", symbols=[f"scripted.{symbol}", symbol])
    assert list(answer["added"]) == [symbol]
    assert answer["total"] == 1


async def test_those_beyond_the_limit_are_refused_one_by_one(
    floor: Floor, client: StreamClient, bystander: StreamClient
) -> None:
    symbols = floor.symbols(range(2_500))
    answer = await client.ask("subscribe", "subscribed", source="many", symbols=symbols)
    assert list(answer["added"]) == symbols[:LIMIT]
    assert answer["total"] == LIMIT
    assert [one["symbol"] for one in answer["refused"]] == symbols[LIMIT:]
    assert {(one["code"], one["limit"]) for one in answer["refused"]} == {("too_many_symbols", LIMIT)}
    assert await _snapshot_ids(client) == set(floor.ids(range(LIMIT)))
    # Room is made by what goes.
    answer = await client.ask("subscribe", "subscribed", source="many", symbols=symbols[-5:], replace=True)
    assert answer["total"] == 5
    assert answer["refused"] == []


async def test_a_large_snapshot_comes_in_small_frames_without_a_hole(floor: Floor, client: StreamClient) -> None:
    # Ids with and without a value stand mixed, since each kind takes room.
    valued = range(400, 1_200)
    floor.quote(valued, bid=2.5)
    await client.ask("subscribe", "subscribed", source="many", symbols=floor.symbols(valued))
    await client.until(lambda: len(client.rows) == len(valued))
    client.messages.clear()
    numbers = range(LIMIT - 1)
    await client.ask("subscribe", "subscribed", source="more", symbols=floor.symbols(numbers))
    assert await _snapshot_ids(client) == set(floor.ids(numbers))
    assert 60_000 < client.largest["snapshot"] <= 65_536


async def test_sources_add_up_and_replace(floor: Floor, client: StreamClient) -> None:
    first = await client.ask("subscribe", "subscribed", source="a", symbols=floor.symbols(range(3)))
    more = await client.ask("subscribe", "subscribed", source="a", symbols=floor.symbols(range(2, 5)))
    assert (list(first["added"]), list(more["added"])) == (floor.symbols(range(3)), floor.symbols(range(3, 5)))
    exact = await client.ask("subscribe", "subscribed", source="a", symbols=floor.symbols(range(4, 7)), replace=True)
    assert list(exact["added"]) == floor.symbols(range(5, 7))
    assert [one["symbol"] for one in exact["removed"]] == floor.symbols(range(4))
    assert exact["total"] == 3


async def test_what_two_sources_hold_streams_until_the_last_is_gone(floor: Floor, client: StreamClient) -> None:
    symbols, (instrument,) = floor.symbols(range(1)), floor.ids(range(1))
    await client.ask("subscribe", "subscribed", source="a", symbols=symbols)
    second = await client.ask("subscribe", "subscribed", source="b", symbols=symbols)
    assert (list(second["added"]), second["total"]) == (symbols, 1)
    gone = await client.ask("unsubscribe", "subscribed", source="a")
    assert ([one["symbol"] for one in gone["removed"]], gone["total"]) == (symbols, 1)
    seq = client.rows[instrument][1]
    await client.until(lambda: client.rows[instrument][1] > seq)
    gone = await client.ask("unsubscribe", "subscribed", source="b")
    assert gone["total"] == 0
    frames = client.frames
    await client.ask("ping", "pong")
    await client.ask("configure", "configured", interval_ms=50)
    assert client.frames == frames


async def test_all_sources_end_together(floor: Floor, client: StreamClient) -> None:
    for name in ("a", "b", "c"):
        await client.ask("subscribe", "subscribed", source=name, symbols=floor.symbols(range(3)))
    await client.say("unsubscribe", id=7, all=True)
    removed = {(await client.message("subscribed", id=7))["source"] for _ in range(4)}
    assert removed == {"a", "b", "c", None}
    answer = await client.ask("unsubscribe", "error", source="a")
    assert (answer["code"], answer["field"]) == ("bad_message", "source")


async def test_asking_again_is_answered_with_fresh_values(floor: Floor, client: StreamClient) -> None:
    symbols = floor.symbols(QUIET)
    for _ in range(2):
        answer = await client.ask("subscribe", "subscribed", source="mine", symbols=symbols)
        snapshot = await client.message("snapshot")
        assert {row[0] for row in snapshot["rows"]} == set(floor.ids(QUIET))
        assert answer["total"] == len(symbols)
    assert answer["added"] == {}
    await client.ask("unsubscribe", "subscribed", source="mine")
    floor.quote(QUIET, bid=7.75)
    answer = await client.ask("subscribe", "subscribed", source="mine", symbols=symbols)
    assert list(answer["added"]) == symbols
    await client.until(lambda: all(client.rows[i][4] == 7.75 for i in floor.ids(QUIET)))


async def test_a_source_of_nothing_is_answered_in_full(client: StreamClient) -> None:
    answer = await client.ask("subscribe", "subscribed", source="mine", symbols=[])
    assert (answer["added"], answer["total"]) == ({}, 0)
    snapshot = await client.message("snapshot")
    assert (snapshot["rows"], snapshot["empty"], snapshot["more"]) == ([], [], False)


async def test_far_too_many_symbols_are_refused_together(floor: Floor, client: StreamClient) -> None:
    answer = await client.ask("subscribe", "error", id=3, source="many", symbols=[""] * (2 * LIMIT + 1))
    assert (answer["id"], answer["code"], answer["field"]) == (3, "too_many_symbols", "symbols")
    assert answer["limit"] == 2 * LIMIT


async def _snapshot_ids(client: StreamClient) -> set[int]:
    """Ids of a whole snapshot, valued or empty."""
    ids: set[int] = set()
    while True:
        part = await client.message("snapshot")
        ids |= {row[0] for row in part["rows"]} | set(part["empty"])
        if not part["more"]:
            return ids
