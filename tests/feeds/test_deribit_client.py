"""The live client against a venue on the loopback: whatever that does, the client ends on its last tickers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from marketdata.feeds.base import PermanentFeedError, TemporaryFeedError
from marketdata.feeds.deribit.feed import build
from marketdata.ingest.enrich import enriched
from marketdata.quotes import STALE_AT_VENUE

from .deribit_frames import frame, ticker_data
from .deribit_reading import Reading, feed_of, listed_by, reading
from .deribit_recording import FIXTURE, board, entry_of, recording
from .deribit_server import STEPS, DeribitServer, Step

SPEED = 10


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DeribitServer]:
    async with DeribitServer(recording(FIXTURE)) as made:
        yield made


async def play_and_converge(server: DeribitServer, found: Reading) -> None:
    await asyncio.wait_for(server.play(SPEED), 20)
    await found.converges(server, list(server.entries))


async def test_it_lists_options_and_their_indices(server: DeribitServer) -> None:
    facts = await feed_of(server).instruments()
    assert {one.symbol for one in facts if one.kind == "option"} == set(server.entries)
    indices = {one.symbol: one.venue_symbol for one in facts if one.kind == "index"}
    assert indices == {"BTC": "btc_usd", "ETH": "eth_usd"}


async def test_every_option_ends_on_the_venues_last_ticker(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        assert server.connections == 1
    assert found.errors == []


async def test_what_was_said_before_it_subscribed_comes_with_the_subscription(server: DeribitServer) -> None:
    await asyncio.wait_for(server.play(1000), 10)
    async with reading(server) as found:
        await found.converges(server, list(server.entries))


async def test_heartbeats_are_answered_or_it_would_be_cut(server: DeribitServer) -> None:
    server.heartbeat_s = 0.2
    async with reading(server) as found:
        await found.until(lambda: server.tests_answered >= 3)
        await play_and_converge(server, found)
    assert server.unanswered == 0
    assert found.errors == []


async def test_raw_channels_without_a_login_become_100_ms(
    server: DeribitServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(server, interval="raw") as found:
        await play_and_converge(server, found)
        assert found.errors == []
        server.cut()
        await found.until(lambda: found.errors)
        await play_and_converge(server, found)
    assert "raw subscriptions need a login" in caplog.text or "raw_subscriptions" in caplog.text
    asked = [params["channels"] for method, params in server.calls if method == "public/subscribe"]
    assert any(channel.endswith(".raw") for channel in asked[0])


async def test_after_too_many_requests_it_waits_for_the_refill(server: DeribitServer) -> None:
    server.too_many = 1
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with reading(server) as found:
        await play_and_converge(server, found)
        waited = loop.time() - began
    assert [getattr(error, "code", None) for error in found.errors] == [10028]
    assert waited > 3  # ten calls at three a second and a little
    assert server.out_of_credit == 0


async def test_channels_that_the_answer_leaves_out_are_asked_for_once_more(server: DeribitServer) -> None:
    name = next(iter(server.entries))
    server.absent[f"ticker.{name}"] = 1
    async with reading(server) as found:
        await play_and_converge(server, found)
    assert found.rejected == []


async def test_a_channel_that_stays_left_out_is_reported_and_the_others_go_on(server: DeribitServer) -> None:
    gone, *others = server.entries
    server.absent[f"ticker.{gone}"] = 99
    async with reading(server) as found:
        await asyncio.wait_for(server.play(SPEED), 20)
        await found.converges(server, others)
        assert [one.text for one in found.rejected] == [f"ticker.{gone}"]
    assert gone not in found.newest
    assert server.absent[f"ticker.{gone}"] == 97


async def test_a_cut_in_the_middle_of_the_stream_is_made_good(server: DeribitServer) -> None:
    async with reading(server) as found:
        playing = server.play(2)
        await found.until(lambda: len(found.quotes) > 3)
        server.cut()
        await asyncio.wait_for(playing, 20)
        await found.converges(server, list(server.entries))
        assert len(found.errors) == 1


@pytest.mark.parametrize("step", STEPS)
async def test_a_cut_at_any_step_of_the_handshake_is_made_good(server: DeribitServer, step: Step) -> None:
    server.cuts.extend([step] * 2)
    async with reading(server) as found:
        await play_and_converge(server, found)
    assert not server.cuts


async def test_a_venue_that_is_down_for_a_while_is_found_again(server: DeribitServer) -> None:
    async with reading(server) as found:
        await server.stop_listening()
        await found.until(lambda: len(found.errors) > 1)
        await server.listen()
        await play_and_converge(server, found)


async def test_a_silent_connection_is_dropped_after_two_heartbeats(server: DeribitServer) -> None:
    server.heartbeat_s = 0.2
    async with reading(server, heartbeat_s=0.4) as found:
        await found.until(lambda: server.tests_answered)
        server.mute = True
        await found.until(lambda: found.errors)
        assert "nothing came" in str(found.errors[0])
        server.mute = False
        await play_and_converge(server, found)


async def test_a_new_listing_is_told_and_can_be_covered_without_a_reconnect(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        assert not found.feed.listing_changed()
        template = next(iter(server.latest.values()))
        name = next(iter(server.entries)).replace("-C", "1-C").replace("-P", "1-P")
        await server.list_new(entry_of(name), template)
        await found.until(found.feed.listing_changed)
        assert not found.feed.listing_changed()
        facts = await found.feed.instruments()
        assert name in {one.symbol for one in facts}
        await found.feed.cover(facts)
        await found.converges(server, [*server.entries])
        assert server.opened == 2  # the first list, and the stream
    assert found.errors == []


async def test_news_of_the_list_that_nobody_heard_is_asked_for_after_a_reconnect(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        assert not found.feed.listing_changed()
        server.cut()
        await found.until(lambda: found.errors)
        await found.until(found.feed.listing_changed)


async def test_an_expired_instrument_is_told_and_the_others_go_on(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        gone = next(iter(server.entries))
        await server.expire(gone)
        await found.until(found.feed.listing_changed)
        facts = await found.feed.instruments()
        assert gone not in {one.symbol for one in facts}
        await found.feed.cover(facts)
        await play_and_converge(server, found)
        assert not any(gone in channel for channel in server.channels)


async def test_an_instrument_that_vanishes_while_subscribed_harms_nobody(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        gone = next(iter(server.entries))
        await server.expire(gone)
        server.cut()
        await found.until(lambda: any(gone in one.text for one in found.rejected))
        await play_and_converge(server, found)


async def test_a_list_that_shrinks_to_nothing_disturbs_no_subscription(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        entries = dict(server.entries)
        server.entries.clear()
        assert [one for one in await found.feed.instruments() if one.kind == "option"] == []
        await asyncio.wait_for(server.play(SPEED), 20)
        await found.converges(server, list(entries))
    assert found.errors == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("url", "https://www.deribit.com"),
        ("url", 7),
        ("currencies", []),
        ("currencies", "BTC"),
        ("currencies", ["btc_usd"]),
        ("interval", "1s"),
        ("instruments_per_connection", 0),
        ("instruments_per_connection", "500"),
        ("connections", 31),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(option: str, value: object) -> None:
    with pytest.raises(PermanentFeedError, match=f"deribit: {option} is "):
        build({option: value})


async def test_uncovered_instruments_fall_silent_and_the_rest_is_not_disturbed(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        facts = [one for one in await found.feed.instruments() if one.kind == "option"]
        left, gone = facts[:1], facts[1:]
        await found.feed.cover(left)
        await found.until(lambda: sum(channel.startswith("ticker.") for channel in server.channels) == 1)
        found.newest.clear()
        await asyncio.wait_for(server.play(SPEED), 20)
        await found.converges(server, [left[0].symbol])
        assert not {one.symbol for one in gone} & found.newest.keys()
        assert server.opened == 2
    assert found.errors == []


async def test_the_index_is_quoted_without_any_option(server: DeribitServer) -> None:
    async with reading(server) as found:
        await found.feed.cover([])
        await found.until(lambda: "deribit_price_index.btc_usd" in server.channels)
        await server.say(
            "deribit_price_index.btc_usd", {"index_name": "btc_usd", "timestamp": 1_803_900_000_000, "price": 5.0}
        )
        await found.until(lambda: "BTC" in found.newest)
        assert found.newest["BTC"].last == 5.0


async def test_an_older_frame_is_passed_over_and_counted(server: DeribitServer) -> None:
    async with reading(server) as found:
        await play_and_converge(server, found)
        name = next(iter(server.entries))
        newest = server.latest[f"ticker.{name}"]
        old = newest | {"timestamp": newest["timestamp"] - 1, "mark_price": 0.9}
        await server.say_text(frame(f"ticker.{name}.100ms", old))
        await found.until(lambda: [one.reason for one in found.rejected] == ["out of order"])
        await found.converges(server, [name])


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "\x00", '{"jsonrpc":"2.0","method":"subscription","par'])
async def test_garbage_between_frames_is_passed_over_and_counted(server: DeribitServer, text: str) -> None:
    async with reading(server) as found:
        await found.until(lambda: server.connections == 1 and server.channels)
        await server.say_text(text)
        await play_and_converge(server, found)
        assert len(found.rejected) == 1
    assert found.errors == []


async def test_an_error_that_belongs_to_no_call_ends_the_connection(server: DeribitServer) -> None:
    async with reading(server) as found:
        await found.until(lambda: server.channels)
        await server.say_text('{"jsonrpc":"2.0","error":{"code":11051,"message":"system_maintenance"}}')
        await found.until(lambda: found.errors)
        assert "system_maintenance" in str(found.errors[0])
        await play_and_converge(server, found)


async def test_a_closed_instrument_is_stale(server: DeribitServer) -> None:
    async with reading(server) as found:
        name = next(iter(server.entries))
        await found.until(lambda: any(name in channel for channel in server.channels))
        await server.tick(ticker_data(name, state="closed"))
        await found.until(lambda: name in found.newest)
        assert found.newest[name].flags == STALE_AT_VENUE


async def test_clocks_minutes_apart_are_said_and_quotes_flow(
    server: DeribitServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(server) as found:
        name = next(iter(server.entries))
        await found.until(lambda: any(name in channel for channel in server.channels))
        for _ in range(50):
            await server.tick(ticker_data(name), lag_ms=300_000)
            await asyncio.sleep(0.1)
            if "clock" in caplog.text:
                break
        await found.converges(server, [name])
    assert "its clock is 300 s behind ours" in caplog.text


@pytest.mark.parametrize("code", [10040, 10041, 10047, 10066, 11051, 11094, 13028, 13888, 4711])
async def test_an_error_that_time_cures_is_tried_again(server: DeribitServer, code: int) -> None:
    feed = feed_of(server)
    await feed.cover(await listed_by(feed))
    server.errors["public/set_heartbeat"] = (code, "")
    found = Reading(feed)
    try:
        await found.until(lambda: len(found.errors) > 1)
        assert f"({code})" in str(found.errors[0])
        server.errors.clear()
        await play_and_converge(server, found)
    finally:
        found.task.cancel()
        await asyncio.gather(found.task, return_exceptions=True)


@pytest.mark.parametrize("code", [-32601, -32602, 13009])
async def test_an_error_that_time_does_not_cure_is_final(server: DeribitServer, code: int) -> None:
    feed = feed_of(server)
    await feed.cover(await listed_by(feed))
    server.errors["public/subscribe"] = (code, "no")
    found = Reading(feed)
    with pytest.raises(PermanentFeedError, match=f"no .{code}."):
        await asyncio.wait_for(found.task, 10)


async def test_a_refused_connection_is_temporary(server: DeribitServer) -> None:
    feed = feed_of(server)
    await server.stop_listening()
    with pytest.raises(TemporaryFeedError, match=r"no connection to ws://127\.0\.0\.1"):
        await feed.instruments()
    await server.listen()


# ── More than one connection ──────────────────────────────────────────────────────────────────────────────────────────


async def test_more_instruments_than_one_connection_carries_are_spread() -> None:
    async with DeribitServer(board(25)) as server, reading(server, instruments_per_connection=10) as found:
        await play_and_converge(server, found)
        assert server.connections == 3
        assert [one.instruments for one in found.feed.connections()] == [10, 10, 5]
        assert {one.state for one in found.feed.connections()} == {"open"}
        assert set(server.channels.values()) == {1}


async def test_one_of_several_connections_fails_and_comes_back_alone() -> None:
    async with DeribitServer(board(25)) as server, reading(server, instruments_per_connection=10) as found:
        await play_and_converge(server, found)
        channel = f"ticker.{list(server.entries)[15]}.100ms"
        opened = server.opened
        server.cut_one(channel)
        await found.until(lambda: server.opened == opened + 1 and channel in server.channels)
        await play_and_converge(server, found)
        assert server.opened == opened + 1
        assert found.errors == []


async def test_when_all_connections_fail_it_is_the_feeds_failure() -> None:
    async with DeribitServer(board(25)) as server, reading(server, instruments_per_connection=10) as found:
        await play_and_converge(server, found)
        server.cut()
        await found.until(lambda: found.errors)
        await play_and_converge(server, found)


async def test_told_to_reconnect_it_opens_every_connection_anew() -> None:
    async with DeribitServer(board(25)) as server, reading(server, instruments_per_connection=10) as found:
        await play_and_converge(server, found)
        opened = server.opened
        await found.feed.reconnect()
        await found.until(lambda: server.opened == opened + 3 and server.connections == 3)
        await play_and_converge(server, found)
        assert found.errors == []


async def test_fewer_instruments_close_the_connections_that_nobody_needs() -> None:
    async with DeribitServer(board(25)) as server, reading(server, instruments_per_connection=10) as found:
        await play_and_converge(server, found)
        facts = [one for one in await found.feed.instruments() if one.kind == "option"]
        await found.feed.cover(facts[:5])
        await found.until(lambda: server.connections == 1)
        await found.converges(server, [one.symbol for one in facts[:5]])
        await found.feed.cover(facts)
        await found.until(lambda: server.connections == 3)
        await play_and_converge(server, found)
    assert found.errors == []


async def test_instruments_beyond_all_tickers_have_their_mark_price() -> None:
    two_of_ten = {"instruments_per_connection": 10, "connections": 2}
    async with DeribitServer(board(25)) as server, reading(server, **two_of_ten) as found:
        await asyncio.wait_for(server.play(SPEED), 20)
        names = list(server.entries)
        await found.converges(server, names[:20])
        entries = [
            {"instrument_name": name, "timestamp": 1_900_000_000_000, "mark_price": 0.07, "iv": 0.5} for name in names
        ]
        await found.until(lambda: "markprice.options.btc_usd" in server.channels)
        await server.say("markprice.options.btc_usd", entries)
        await found.until(lambda: found.newest.keys() >= set(names))
        beyond = found.newest[names[-1]]
        assert (beyond.mark, beyond.implied_volatility, beyond.bid) == (0.07, 0.5, None)
        assert enriched(beyond).flags == 0  # the venue said nothing of its book
        assert found.newest[names[0]].bid is not None


async def test_a_large_board_is_subscribed_to_within_the_venues_limits() -> None:
    async with DeribitServer(board(1200)) as server:
        async with reading(server, instruments_per_connection=1000) as found:
            await asyncio.wait_for(server.play(1000), 20)
            await found.converges(server, list(server.entries))
        sizes = [len(params["channels"]) for method, params in server.calls if method == "public/subscribe"]
        assert max(sizes) <= 500
        assert server.out_of_credit == 0
    assert found.errors == []


async def test_changing_the_coverage_often_stays_within_the_credit(server: DeribitServer) -> None:
    async with reading(server) as found:
        facts = [one for one in await found.feed.instruments() if one.kind == "option"]
        for number in range(40):
            await found.feed.cover(facts[: 1 + number % len(facts)])
            await asyncio.sleep(0.02)
        await found.feed.cover(facts)
        await play_and_converge(server, found)
    assert server.out_of_credit == 0
    assert found.errors == []


# ── The recorded day ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_recorded_session_converges_over_a_cut(sample_capture: Path) -> None:
    async with DeribitServer(recording(sample_capture)) as server:
        assert len(server.entries) == 10
        async with reading(server) as found:
            playing = server.play(SPEED)
            await found.until(lambda: len(found.quotes) > 40)
            server.cut()
            await asyncio.wait_for(playing, 20)
            await found.converges(server, list(server.entries))
