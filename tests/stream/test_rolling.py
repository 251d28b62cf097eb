"""A rolling entry that moves changes every source that shows its watchlist, the owner's and a reader's."""

from collections.abc import Sequence

from asgiref.sync import sync_to_async

from accounts import rolling, sharing
from accounts.models import RollingEntry, Watchlist
from marketdata.following import Standing
from marketdata.models import Instrument
from tests.path.client import stream_client
from tests.path.stack import User

from .in_process import House, make_user
from .second_feed import SecondFeed, index, option


@sync_to_async
def make_list(owner: User, held: Sequence[int]) -> str:
    """A watchlist with one rolling entry that holds these; the key of its link."""
    spx = Instrument.objects.create(feed="second", symbol="SPX", kind="index", underlying="SPX")
    watchlist = Watchlist.objects.get(pk=owner.watchlist)
    RollingEntry.objects.create(watchlist=watchlist, underlying=spx, held=list(held), state="following")
    return sharing.share(watchlist)


@sync_to_async
def roll(held: Sequence[int]) -> None:
    """As ingest does."""
    (entry,) = rolling.entries_of("second")
    assert rolling.roll([entry._replace(standing=Standing("following", None, 1.0, tuple(held)))]) == 1


async def test_a_roll_tells_what_came_and_what_went_to_all_who_show_it(
    house: House, resident: User, feed: SecondFeed
) -> None:
    contracts = [option(number) for number in (90, 100, 110)]
    ids = [one.id for one in contracts]
    await feed.lists(index(), *contracts)
    await feed.quotes(contracts)
    key = await make_list(resident, ids[:2])
    guest = await make_user("guest")
    async with stream_client(house, resident) as owner, stream_client(house, guest) as reader:
        for client, watchlist in ((owner, resident.watchlist), (reader, key)):
            await client.message("welcome")
            told = await client.ask("subscribe", "subscribed", source="list", watchlist=watchlist)
            assert [one["id"] for one in told["added"].values()] == ids[:2]
            assert [row[0] for row in (await client.message("snapshot"))["rows"]] == ids[:2]
        await roll(ids[1:])
        for client in (owner, reader):
            told = await client.message("subscribed")
            assert (told["cause"], told["total"]) == ("rolled", 2)
            assert [one["id"] for one in told["added"].values()] == ids[2:]
            assert [(one["id"], one["code"]) for one in told["removed"]] == [(ids[0], "rolled")]
            assert [row[0] for row in (await client.message("snapshot"))["rows"]] == ids[2:]
        await feed.quotes(contracts, bid=7.5)
        await owner.until(lambda: owner.rows[ids[2]][4] == 7.5)
        assert owner.rows[ids[0]][4] != 7.5
