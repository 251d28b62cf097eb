"""Who may do what on the stream: every op, for every way in. An op without a row fails."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from channels.db import database_sync_to_async
from django.conf import settings as site
from django.contrib.auth.models import Group
from pytest_django import Settings
from redis import Redis

from accounts import identity, models, sharing, tickets, tokens
from accounts.models import READ, SCOPES, WATCHLISTS, FeedGrant
from marketdata.stream.consumer import BrowserStream, ProgramStream, StreamConsumer
from tests.path.client import StreamClient, open_socket
from tests.path.stack import User
from tests.stream.in_process import House, make_user, running_house
from tests.stream.second_feed import SecondFeed, index, option, second_feed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.either_database]

SPX, NDX = index(), index("NDX", number=1)
CALL, OTHER = option(500), option(600, root="NDX", underlying="NDX")
DAY = "2026-01-16"

# Who comes in at the door, and by which code the others are sent away.
DOOR: Final = {
    "session": None,
    "granted": None,
    "staff": None,
    "superuser": None,
    "token: read": None,
    "token: both": None,
    "ticket of a session": None,
    "ticket of a token": None,
    "anonymous": 4401,
    "anonymous program": 4401,
    "session at the programs' door": 4401,
    "token at the browsers' door": 4401,
    "token: watchlists": 4403,
    "token: none": 4403,
}
SIGNED_IN: Final = tuple(who for who, code in DOOR.items() if code is None)
# Of the feed: nothing, one underlying by a grant, or all.
SEES: Final = {"granted": "SPX", "superuser": "all"}
# What an op asks beyond being signed in; each is tried below.
OPS: Final = {
    "auth": "once, by who came without a token",
    "subscribe": "what one may see; one's own watchlist, or another's by its key",
    "unsubscribe": "nothing",
    "configure": "nothing",
    "ping": "nothing",
    "watch_feeds": "staff",
}


def test_every_op_has_a_row() -> None:
    for consumer in (StreamConsumer, BrowserStream, ProgramStream):
        assert set(consumer.ops.values()) == set(OPS)


@pytest.fixture
async def house(transactional_db: None, redis_client: Redis, settings: Settings) -> AsyncIterator[House]:
    settings.OPEN_FEEDS = ["another"]
    async with running_house() as house, second_feed(site.REDIS_URL, site.INSTALLATION) as feed:
        await listed(feed)
        yield house


async def listed(feed: SecondFeed) -> None:
    await feed.lists(SPX, NDX, CALL, OTHER)
    await feed.says()
    await feed.quotes([SPX, CALL, OTHER])


class Cast:
    """The owner and the others; `own` is the owner's list, `key` that of its link."""

    def __init__(self, users: dict[str, User]) -> None:
        self.users = users
        owner = models.User.objects.get(pk=users["owner"].id)
        models.User.objects.filter(pk=users["staff"].id).update(is_staff=True)
        models.User.objects.filter(pk=users["superuser"].id).update(is_superuser=True)
        group = Group.objects.create(name="desk")
        group.user_set.add(users["granted"].id)
        FeedGrant.objects.create(group=group, feed="second", underlying="SPX")
        self.own = users["owner"].watchlist
        self.key = sharing.share(models.Watchlist.objects.get(pk=self.own))
        self.tokens = {
            "token: read": tokens.issue(owner, scopes=(READ,))[1],
            "token: both": tokens.issue(owner, scopes=SCOPES)[1],
            "token: watchlists": tokens.issue(owner, scopes=(WATCHLISTS,))[1],
            "token: none": tokens.issue(owner, scopes=())[1],
        }
        by_token = identity.identity_of_token(self.tokens["token: read"])
        by_session = identity.identity_of_session(users["owner"].session)
        assert by_token is not None
        assert by_session is not None
        self.tickets = {
            "ticket of a token": tickets.issue(by_token).ticket,
            "ticket of a session": tickets.issue(by_session, users["owner"].session).ticket,
        }


@pytest.fixture
async def cast(house: House) -> Cast:
    users = {name: await make_user(name) for name in ("owner", "granted", "staff", "superuser")}
    made: Cast = await database_sync_to_async(Cast)(users)
    return made


async def come(house: House, cast: Cast, who: str) -> StreamClient:
    """A socket of `who`, with whatever they have to show."""
    owner = cast.users["owner"]
    bearer = f"Bearer {cast.tokens.get(who, cast.tokens['token: read'])}"
    if who in cast.tickets:
        client = StreamClient(await open_socket(house, None, program=True))
        await client.say("auth", ticket=cast.tickets[who])
        return client
    if who.startswith("token at"):
        return StreamClient(await open_socket(house, None, Authorization=bearer))
    if who.startswith("token"):
        return StreamClient(await open_socket(house, None, program=True, Authorization=bearer))
    if who.startswith("session at"):
        client = StreamClient(await open_socket(house, None, program=True, Cookie=f"sessionid={owner.session}"))
        await client.say("ping")
        return client
    if who == "anonymous program":
        return StreamClient(await open_socket(house, None, program=True, Authorization="Bearer x"))
    if who == "anonymous":
        return StreamClient(await open_socket(house, None))
    return StreamClient(await open_socket(house, cast.users.get(who, owner)))


async def test_the_door_opens_to_whom_the_table_says(house: House, cast: Cast) -> None:
    for who, code in DOOR.items():
        client = await come(house, cast, who)
        try:
            if code is None:
                await client.message("welcome")
                continue
            if who == "session at the programs' door":
                assert (await client.message("error"))["code"] == "forbidden"
                continue  # and it has some seconds to show a ticket
            assert await client.close_code() == code, who
            assert not [one for one in client.messages if one["op"] == "welcome"], who
        finally:
            await client.aclose()


def refused(told: dict[str, Any]) -> dict[str, str]:
    return {one["symbol"]: one["code"] for one in told["refused"]}


async def test_each_may_do_what_the_table_says_and_no_more(house: House, cast: Cast) -> None:
    for who in SIGNED_IN:
        client = await come(house, cast, who)
        try:
            welcome = await client.message("welcome")
            sees = SEES.get(who, "")
            seen = {"": set(), "SPX": {"SPX", CALL.symbol}, "all": {"SPX", "NDX", CALL.symbol, OTHER.symbol}}[sees]
            assert [one["feed"] for one in welcome["feeds"]] == (["second"] if sees else []), who
            # auth: once.
            error = await client.ask("auth", "error", ticket="x" * 43)
            assert error["code"] == "forbidden", who
            # subscribe: what one may see, however it is named.
            every = ["SPX", "NDX", CALL.symbol, OTHER.symbol]
            told = await client.ask("subscribe", "subscribed", source="symbols", symbols=every)
            assert set(told["added"]) == seen, who
            assert refused(told) == dict.fromkeys(set(every) - seen, "forbidden"), who
            for number, underlying in enumerate(("SPX", "NDX")):
                chain = {"underlying": underlying, "expiry": DAY}
                answer = "subscribed" if underlying in seen else "error"
                told = await client.ask("subscribe", answer, source=f"chain {number}", chain=chain)
                assert told.get("code", "") == ("" if underlying in seen else "forbidden"), who
            # A list is its owner's; for others it is not there, save by its key.
            owns = who not in ("granted", "staff", "superuser")
            told = await client.ask("subscribe", "subscribed" if owns else "error", source="list", watchlist=cast.own)
            assert told.get("code", "") == ("" if owns else "forbidden"), who
            told = await client.ask("subscribe", "subscribed", source="shared", watchlist=cast.key)
            assert told["source"] == "shared", who
            # watch_feeds: the staff.
            is_staff = who == "staff"
            told = await client.ask("watch_feeds", "history" if is_staff else "error")
            assert told.get("code", "") == ("" if is_staff else "forbidden"), who
            # The rest: anybody who is in.
            assert (await client.ask("configure", "configured", interval_ms=1000))["interval_ms"] == 1000, who
            await client.ask("ping", "pong")
            await client.ask("unsubscribe", "subscribed", all=True)
            assert client.closed is None, who
            assert {facts["symbol"] for facts in client.facts.values()} <= seen, who
        finally:
            await client.aclose()


async def test_who_is_not_in_may_do_nothing_but_show_a_ticket(house: House, cast: Cast) -> None:
    asked: dict[str, dict[str, Any]] = {
        "subscribe": {"source": "a", "symbols": ["SPX"]},
        "unsubscribe": {"all": True},
        "configure": {"interval_ms": 1000},
        "ping": {},
        "watch_feeds": {},
        "auth": {"ticket": "x" * 43},
    }
    assert set(asked) == set(OPS)
    for op, fields in asked.items():
        client = StreamClient(await open_socket(house, None, program=True))
        try:
            assert (await client.ask(op, "error", **fields))["code"] == "forbidden", op
            assert not client.rows, op
        finally:
            await client.aclose()
