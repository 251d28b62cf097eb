"""The real lease, numbering, flush and fence, made to do what `lease_model` says, one action at a time. Time is passed in:
the clocks are a test's, the lease is deleted when it has run out, and every flush is held up on its way.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest
import redis
from django.conf import settings
from redis import Redis

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus.client import Client
from marketdata.bus.connection import RedisDownError
from marketdata.bus.fenced import FencedWriter
from marketdata.bus.lease import EPOCH_S, Lease, LeaseLostError
from marketdata.ingest.complaints import Complaints
from marketdata.ingest.flush import Flush
from marketdata.ingest.numbering import Numbering
from tests.builders import make_facts, make_quote

from . import lease_model as model
from .rows_on_redis import FEED, group_channel, symbol_of

# So long that Redis itself lets no lease run out during a test.
DURATION_S = 1_000.0
# One tick leaves a lease alive, two do not.
TICK_S = 0.7 * DURATION_S
INSTRUMENT = 1
WAIT_S = 10.0


class Clocks:
    """What the lease's module has for `time`."""

    def __init__(self) -> None:
        self.now = 10 * DURATION_S
        self.term = 0  # what the wall clock makes of itself

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return float(EPOCH_S + self.term)


class Line:
    """The lease's connection. `fails` is how the next call ends: `unanswered` is carried out all the same."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.fails = ""

    def eval(self, *arguments: Any) -> Any:
        fails, self.fails = self.fails, ""
        if fails == "refused":
            raise redis.ConnectionError("refused")
        if fails == "in vain":
            raise redis.TimeoutError("in vain")
        answer = self._client.eval(*arguments)
        if fails == "unanswered":
            raise redis.TimeoutError("unanswered")
        return answer

    @property
    def connection_pool(self) -> Any:
        return self._client.connection_pool

    def close(self) -> None:
        self._client.close()


class OneTurn(threading.Event):
    """Lets the renewal's loop turn once."""

    def __init__(self) -> None:
        super().__init__()
        self._turns = 0

    def wait(self, timeout: float | None = None) -> bool:
        self._turns += 1
        return self._turns > 1


class Call:
    """A flush under way: what it was called with, and where its answer is awaited."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.arguments = arguments
        self.token: str = arguments[0]
        self.rows: list[bytes] = arguments[2][2::3]
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def is_of(self, copy: model.Copy) -> bool:
        return self.token.startswith(f"{copy.term}:") and [seen(row) for row in self.rows] == [copy.row]


class HeldUpWriter(FencedWriter):
    """Does nothing by itself: keeps the call for the test to carry out."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, FEED)
        self.calls: asyncio.Queue[Call] = asyncio.Queue()

    async def flush(self, *arguments: Any) -> None:
        call = Call(arguments)
        self.calls.put_nowait(call)
        await call.answer

    async def carry_out(self, call: Call) -> None:
        await super().flush(*call.arguments)


class Actor:
    """One process: what `Leader` holds, and what it does on the way from one term to the next."""

    def __init__(self, client: Client) -> None:
        self.lease = Lease(FEED, settings.REDIS_URL, lambda: None)
        self.line = Line(self.lease._redis)
        self.lease._redis = cast(Any, self.line)
        self.lease._thread = threading.current_thread()  # renewed when the test says so, and not by a thread
        self.writer = HeldUpWriter(client)
        self.numbering = Numbering(FEED, lambda group: group_channel(INSTRUMENT), Complaints(FEED))
        self.numbering.know([make_facts(symbol_of(INSTRUMENT), id=INSTRUMENT)])
        self.flush = Flush(self.writer, self.lease, self.numbering, in_flush=True)
        self.tells_again = False
        self.flushing: asyncio.Task[None] | None = None
        self.call: Call | None = None

    async def quiet(self) -> None:
        """Ends the flushing, as a leader does that lost its lease. What is on its way stays there."""
        task, self.flushing, self.call = self.flushing, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def begin(self) -> None:
        await self.quiet()
        self.numbering.begin(self.lease.term)

    def renew(self) -> None:
        self.lease._stop = OneTurn()
        self.lease._keep()

    async def sends(self) -> Call:
        """The next call of the flush, which is begun unless it tries again by itself."""
        if self.flushing is None:
            work = self.flush.tell_again() if self.tells_again else self.flush.flush()
            self.flushing = asyncio.create_task(work)
        async with asyncio.timeout(WAIT_S):
            self.call = await self.writer.calls.get()
        return self.call

    async def is_told(self) -> None:
        assert self.call is not None
        assert self.flushing is not None
        self.call.answer.set_result(None)
        async with asyncio.timeout(WAIT_S):
            await self.flushing
        self.flushing = self.call = None
        self.tells_again = False

    async def gives_up(self) -> None:
        assert self.call is not None
        self.call.answer.set_exception(RedisDownError("given up"))
        self.call = None


class Stage:
    """Both processes and their Redis. `act` does a step of the model, `check` compares what came of it."""

    def __init__(self, redis_client: Redis, clocks: Clocks, choices: random.Random) -> None:
        self.published: list[bytes] = []
        self.refused = 0
        self._redis: Any = redis_client  # its types speak of text too
        self._clocks = clocks
        self._choices = choices
        self._client = Client(settings.REDIS_URL, "test")
        self._actors = [Actor(self._client), Actor(self._client)]
        self._under_way: list[tuple[Call, HeldUpWriter]] = []
        self._history: dict[int, set[tuple[int, int]]] = {}
        self._forget()

    async def close(self) -> None:
        for actor in self._actors:
            await actor.quiet()
            actor.lease.release()
        self._client.close()

    async def act(self, before: model.State, step: model.Step) -> None:
        self._set_wall_clock(before, step)
        if step.action.startswith("arrive"):
            (copy,) = Counter(before.copies) - Counter(step.state.copies)
            await self._arrive(copy)
        elif step.who == model.DEAD:
            self._happen(step.action, before, step.state)
        else:
            await self._do(step.action, step.who, before)

    async def check(self, state: model.State) -> None:
        """Compares all that can be seen with what the model says."""
        self._read_history()
        lease = self._redis.get(keys.lease(FEED))
        known = int(self._redis.get(keys.term(FEED)) or 0)
        assert known == state.known
        if state.lease is None:
            assert lease is None
        else:
            owners = [actor.lease.owner for actor in self._actors]
            term, _, owner = (lease or b"").decode().partition(":")
            assert int(term) == state.lease.term
            assert (owners.index(owner) if owner in owners else model.DEAD) == state.lease.owner
        last = self._redis.hget(keys.last_values(FEED), str(INSTRUMENT))
        if last is not None:
            assert seen(last) == state.newest
        assert self.published == [] or seen(self.published[-1]) == state.newest
        for quote, number in enumerate(state.history, 1):
            assert self._history.get(quote, set()) == ({number} if number else set())
        for actor, process in zip(self._actors, state.processes, strict=True):
            assert actor.lease._highest == process.highest
            assert actor.flush.waiting == len(process.waiting)
            assert (actor.call is not None) == process.sent
            if process.leads:
                assert actor.lease.term == process.term
                assert actor.numbering.counts.get(INSTRUMENT, 0) == process.counted

    async def refuse_what_is_left(self, state: model.State) -> None:
        """Lets all arrive that the model has dismissed, which the fence must refuse; `refused` says how many that were."""
        terms = {copy.term for copy in state.copies}
        left = [(call, writer) for call, writer in self._under_way if int(call.token.partition(":")[0]) not in terms]
        for call, writer in left:
            with pytest.raises(LeaseLostError):
                await writer.carry_out(call)
            self.refused += 1

    # ── Nature ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _happen(self, action: str, before: model.State, after: model.State) -> None:
        if action == "tick":
            self._clocks.now += TICK_S
            if before.lease is not None and after.lease is None:
                self._redis.delete(keys.lease(FEED))
        elif action in ("forget", "die"):
            self._forget()
            if action == "die":
                self._under_way.clear()

    def _forget(self) -> None:
        self._redis.delete(keys.lease(FEED), keys.term(FEED), keys.last_values(FEED), keys.history_stream())

    def _set_wall_clock(self, before: model.State, step: model.Step) -> None:
        """Any clock that leads to the term that the model speaks of."""
        term = step.state.granted
        if step.who != model.DEAD and term > before.granted:
            beyond = max(before.known, before.processes[step.who].highest) + 1
            self._clocks.term = self._choices.randint(0, term) if term == beyond else term

    async def _arrive(self, copy: model.Copy) -> None:
        call, writer = next(each for each in self._under_way if each[0].is_of(copy))
        self._under_way.remove((call, writer))
        try:
            await writer.carry_out(call)
        except LeaseLostError as error:
            for actor in self._actors:
                if actor.call is call:
                    call.answer.set_exception(error)
                    await actor.quiet()
        else:
            self.published += call.rows

    def _read_history(self) -> None:
        """Adds what is new in the stream to what was read before: history outlives Redis."""
        for _, entry in self._redis.xrange(keys.history_stream()):
            for line in entry[b"rows"].split(b"\n"):
                row = rows.decode(line)
                assert int(entry[b"term"]) == int(row["seq"] or 0) // rows.TERM
                self._history.setdefault(int(row["bid"] or 0), set()).add(divmod(int(row["seq"] or 0), rows.TERM))

    # ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _do(self, action: str, who: int, before: model.State) -> None:
        actor = self._actors[who]
        lease, line = actor.lease, actor.line
        verb, _, ending = action.partition(" ")
        if ending in ("refused", "in vain", "unanswered"):
            line.fails = ending
        match verb:
            case "campaign":
                if not (ending or before.known) and self._choices.random() < 0.5:
                    assert not lease.acquire(unless_forgotten=True)
                    assert lease.holder == ""
                if self._asks(lease.acquire):
                    await actor.begin()
            case "ask" if before.processes[who].lost:
                self._asks(lease.acquire)
            case "ask" | "renew":
                actor.renew()
                if not lease._held:
                    await actor.quiet()
            case "advance":
                try:
                    if self._asks(lease.advance):
                        await actor.begin()
                except LeaseLostError:
                    await actor.quiet()
            case "regain":
                await self._regain(who, ending)
            case "crash" | "stop":
                await self._end(who, released=verb == "stop", up=before.up)
            case "take":
                await actor.flush.put([make_quote(symbol_of(INSTRUMENT), bid=float(before.taken + 1), ask=None)])
            case "send":
                self._under_way.append((await actor.sends(), actor.writer))
            case "acknowledge":
                await actor.is_told()
            case "give":
                assert actor.call is not None
                self._under_way = [each for each in self._under_way if each[0] is not actor.call]
                await actor.gives_up()
            case _:
                raise AssertionError(action)

    def _asks(self, what: Callable[[], object]) -> object:
        try:
            return what()
        except redis.RedisError:
            return False

    async def _regain(self, who: int, ending: str) -> None:
        actor = self._actors[who]
        if self._asks(actor.lease.acquire):
            if actor.lease.led_last:
                await actor.begin()
                actor.tells_again = bool(actor.numbering.latest)
            else:
                await self._end(who, released=True)
        elif not ending:
            await self._end(who)

    async def _end(self, who: int, released: bool = False, up: bool = True) -> None:
        actor = self._actors[who]
        await actor.quiet()
        if released:
            actor.line.fails = "" if up else "refused"
            actor.lease.release()
        self._actors[who] = Actor(self._client)


def seen(framed: bytes) -> model.Row:
    _, seq = rows.header(framed)
    return model.Row(*divmod(seq, rows.TERM), int(rows.decode(rows.body(framed))["bid"] or 0))
