"""Many clients at once, each on a part of the universe, spread over web processes and users."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.path.client import StreamClient, open_socket
from tests.path.stack import Stack, User, Web
from tests.path.universe import symbol_of

# Handshakes under way at one time: more would only queue behind one database and one core.
AT_ONCE: Final = 16
OPEN_S: Final = 60.0


@dataclass
class Member:
    """One socket: where it is connected, and the ids that it subscribed to."""

    web: Web
    client: StreamClient
    ids: frozenset[int]


@dataclass
class Fleet:
    members: list[Member]

    @property
    def faults(self) -> list[str]:
        """What no client may ever see: a row that went back, a hole in the frames, a socket that was closed."""
        found = [fault for member in self.members for fault in member.client.faults]
        return found + [f"closed: {member.client.closed}" for member in self.members if member.client.closed]

    async def aclose(self) -> None:
        await asyncio.gather(*(member.client.aclose() for member in self.members))


async def open_fleet(stack: Stack, webs: Sequence[Web], sockets: int, each: int, seed: int = 1) -> Fleet:
    """`sockets` signed-in clients on `each` of the stack's instruments; together they hold every instrument, on every web
    process."""
    chance = random.Random(seed)
    gate = asyncio.Semaphore(AT_ONCE)
    draws: list[tuple[Web, User, list[int]]] = []
    decks: dict[int, list[int]] = {web.port: [] for web in webs}
    for index in range(sockets):
        web = webs[index % len(webs)]
        # Dealt from a shuffled deck, so that no instrument is left out; one that appears twice in a hand is drawn anew.
        hand: set[int] = set()
        while len(hand) < each:
            if not decks[web.port]:
                decks[web.port] = chance.sample(range(stack.symbols), stack.symbols)
            hand.add(decks[web.port].pop())
        draws.append((web, stack.users[index % len(stack.users)], sorted(hand)))

    async def join(web: Web, user: User, numbers: list[int]) -> Member:
        async with gate:
            client = StreamClient(await open_socket(web, user))
            symbols = [symbol_of(number) for number in numbers]
            told = await client.ask("subscribe", "subscribed", source="chaos", symbols=symbols)
            assert len(told["added"]) == each, told
            await client.message("snapshot", more=False)
            return Member(web, client, frozenset(client.facts))

    async with asyncio.timeout(OPEN_S):
        return Fleet(list(await asyncio.gather(*(join(*draw) for draw in draws))))
