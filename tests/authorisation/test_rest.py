"""Who may do what by REST: every method of every route, for every kind of person and of token, with and without the
permission of a feed. A route or method without a row fails.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from pytest_django import Settings
from redis import Redis

from accounts import rolling, sections, sharing, tokens, watchlists
from accounts.models import READ, WATCHLISTS, FeedGrant, User, Watchlist
from marketdata.rest.sharing import HEADER
from marketdata.rest.tickets import TicketThrottle
from tests.accounts.proving import prove
from tests.rest import live_market
from tests.rest.conftest import ApiClient, by_session, by_token

from .routes import routes

OPEN, SHUT = "simulated", "vendor"
DAY = "2045-01-20"

SESSIONS: Final = ("owner", "stranger", "staff", "superuser")
TOKENS: Final = ("no scope", "read", "watchlists", "both")  # all of the owner
ACTORS: Final = (*SESSIONS, "anonymous", *TOKENS)


def _rule(sessions: dict[str, int], *scopes: str) -> dict[str, int]:
    """What each is answered: 0 is whatever means yes. A token is let in where it is one of `scopes`."""
    allowed = {name: 0 if name in scopes else 403 for name in TOKENS}
    return {**dict.fromkeys(SESSIONS, 0), **sessions, "anonymous": 401, **allowed}


_ABSENT = {"stranger": 404, "staff": 404, "superuser": 404}
RULES: Final = {
    # Everybody's own, or everybody's.
    "read": _rule({}, "read", "both"),
    "change": _rule({}, "watchlists", "both"),
    "ticket": _rule({}, "read", "both"),
    "by session": _rule({}),
    # The owner's: for anybody else it is not there, whatever else they may do.
    "read the owner's": _rule(_ABSENT, "read", "both"),
    "change the owner's": _rule(_ABSENT, "watchlists", "both"),
    "the owner's by session": _rule(_ABSENT),
}
# The readable schema is a page, for sessions; who has none is sent to sign in.
PAGES: Final = {"/api/docs/"}
NO_ROUTE: Final = "/api/"

_LIST = "/api/v1/watchlists/<watchlist>/"
# Method and path → what holds there, and a body that would do.
TABLE: Final[dict[tuple[str, str], tuple[str, Any]]] = {
    ("GET", "/api/schema/"): ("read", None),
    ("GET", "/api/v1/me/"): ("read", None),
    ("PATCH", "/api/v1/me/"): ("by session", {"time_zone": "UTC"}),
    ("GET", "/api/v1/tokens/"): ("by session", None),
    ("POST", "/api/v1/tokens/"): ("by session", {"name": "x"}),
    ("DELETE", "/api/v1/tokens/<token>/"): ("the owner's by session", None),
    ("POST", "/api/v1/stream/tickets/"): ("ticket", None),
    ("GET", "/api/v1/instruments/"): ("read", None),
    ("GET", "/api/v1/instruments/<symbol>/"): ("read", None),
    ("GET", "/api/v1/instruments/<symbol>/ticks/"): ("read", None),
    ("GET", "/api/v1/instruments/<symbol>/trades/"): ("read", None),
    ("GET", "/api/v1/instruments/<symbol>/bars/"): ("read", None),
    ("GET", "/api/v1/quotes/"): ("read", None),
    ("GET", "/api/v1/sparklines/"): ("read", None),
    ("GET", "/api/v1/chains/"): ("read", None),
    ("GET", "/api/v1/chains/<underlying>/"): ("read", None),
    ("GET", "/api/v1/chains/<underlying>/surface/"): ("read", None),
    ("GET", "/api/v1/chains/<underlying>/<expiry>/"): ("read", None),
    ("GET", "/api/v1/chains/<underlying>/<expiry>/smile/"): ("read", None),
    ("GET", "/api/v1/watchlists/"): ("read", None),
    ("POST", "/api/v1/watchlists/"): ("change", {"name": "Another"}),
    ("GET", _LIST): ("read the owner's", None),
    ("PATCH", _LIST): ("change the owner's", {"name": "Renamed"}),
    ("DELETE", _LIST): ("change the owner's", None),
    ("POST", f"{_LIST}entries/"): ("change the owner's", {"symbol": "<option>"}),
    ("PUT", f"{_LIST}entries/"): ("change the owner's", {"symbols": []}),
    ("DELETE", f"{_LIST}entries/<entry>/"): ("change the owner's", None),
    ("PUT", f"{_LIST}items/"): ("change the owner's", {"items": []}),
    ("POST", f"{_LIST}sections/"): ("change the owner's", {"name": "Heading"}),
    ("PATCH", f"{_LIST}sections/<section>/"): ("change the owner's", {"name": "Heading"}),
    ("DELETE", f"{_LIST}sections/<section>/"): ("change the owner's", None),
    ("POST", f"{_LIST}rolling/"): ("change the owner's", {"underlying": "OPEN", "rule": "monthly"}),
    ("PATCH", f"{_LIST}rolling/<rolling_entry>/"): ("change the owner's", {"strikes": 1}),
    ("DELETE", f"{_LIST}rolling/<rolling_entry>/"): ("change the owner's", None),
    ("POST", f"{_LIST}paste/"): ("change the owner's", {"text": "OPEN"}),
    ("POST", f"{_LIST}share/"): ("change the owner's", {}),
    ("DELETE", f"{_LIST}share/"): ("change the owner's", None),
    # Whoever is signed in and has the link's key.
    ("GET", "/api/v1/shared/"): ("read", None),
    ("POST", "/api/v1/shared/copy/"): ("change", {"key": "<key>", "name": "Copied"}),
}
# What tells of a feed, and how it refuses to those without its permission: 403 where it is asked for by name, and nothing
# of it in lists.
BY_NAME: Final = {
    "/api/v1/instruments/<symbol>/",
    "/api/v1/instruments/<symbol>/ticks/",
    "/api/v1/instruments/<symbol>/trades/",
    "/api/v1/instruments/<symbol>/bars/",
    "/api/v1/quotes/",
    "/api/v1/sparklines/",
    "/api/v1/chains/<underlying>/",
    "/api/v1/chains/<underlying>/surface/",
    "/api/v1/chains/<underlying>/<expiry>/",
    "/api/v1/chains/<underlying>/<expiry>/smile/",
}
# Many at once: each that may not be seen is named as refused.
BY_SYMBOLS: Final = {"/api/v1/quotes/", "/api/v1/sparklines/"}
LISTS: Final = {"/api/v1/instruments/", "/api/v1/chains/"}
NOTHING_OF_FEEDS: Final = {
    path for _, path in TABLE if "/instruments/" not in path and "/chains/" not in path
} - BY_NAME


def test_every_method_of_every_route_has_a_row_and_every_row_a_route() -> None:
    there = {(method, one.path) for one in routes() if one.path.startswith("/api/") for method in one.methods}
    assert len(there) > 30
    assert there - {("GET", NO_ROUTE)} - {("GET", path) for path in PAGES} == set(TABLE)
    # What is no view of REST framework has no methods to walk.
    without = {one.path for one in routes() if one.path.startswith("/api/") and not one.methods}
    assert without <= PAGES


def test_every_route_says_whether_it_tells_of_feeds() -> None:
    assert {path for _, path in TABLE} == BY_NAME | LISTS | NOTHING_OF_FEEDS
    assert not BY_NAME & LISTS


class Scene:
    """The cast with their ways in, and a market of an open feed and one that needs a permission."""

    def __init__(self, owner: User, stranger: User, redis: Redis) -> None:
        self.owner, self.stranger = owner, stranger
        staff = User.objects.create_user("clerk", is_staff=True)
        superuser = User.objects.create_user("root", is_staff=True, is_superuser=True)
        for feed, symbol in ((OPEN, "OPEN"), (SHUT, "SHUT")):
            underlying = live_market.underlying(symbol, feed)
            live_market.say(redis, feed)
            live_market.quote(redis, underlying, mark=100.0)
            expires_at = dt.datetime(2045, 1, 20, 21, tzinfo=dt.UTC)
            self.options = live_market.options(underlying, expires_at, [90, 100, 110])
            live_market.price(redis, self.options)
        mine = watchlists.create(owner, "Mine", ["OPEN"])
        self.key = sharing.share(mine)
        self.fill: dict[str, Any] = {
            "token": tokens.handle_of(tokens.issue(owner)[0]),
            "watchlist": mine.pk,
            "entry": mine.entries.get().pk,
            "section": sections.make(mine, "Heading").pk,
            "rolling_entry": rolling.make(mine, "OPEN").pk,
            "expiry": DAY,
        }
        self.clients: dict[str, ApiClient] = {
            "anonymous": ApiClient(headers={"x-csrftoken": "a" * 32}),
            **{
                name: self.by_session(user)
                for name, user in zip(SESSIONS, (owner, stranger, staff, superuser), strict=True)
            },
            "no scope": by_token(owner, "none"),
            "read": by_token(owner, READ),
            "watchlists": by_token(owner, WATCHLISTS),
            "both": by_token(owner, READ, WATCHLISTS),
        }

    @staticmethod
    def by_session(user: User) -> ApiClient:
        client = by_session(user, csrf=True)
        prove(client)
        return client

    def ask(self, actor: str, method: str, path: str, symbol: str = "OPEN", body: Any = None) -> Any:
        """The answer; what it changed is undone."""
        filled = path
        for name, value in {**self.fill, "symbol": symbol, "underlying": symbol}.items():
            filled = filled.replace(f"<{name}>", str(value))
        if path in BY_SYMBOLS:
            filled += f"?symbols={symbol}"
        if isinstance(body, dict):
            meant = {"<option>": f"{OPEN}.OPEN450120C00090000", "<key>": self.key}
            body = {name: meant.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
        extra: dict[str, Any] = {"headers": {HEADER: self.key}} if path == "/api/v1/shared/" else {}
        with transaction.atomic():
            response = self.clients[actor].send(method, filled, body, **extra)
            transaction.set_rollback(True)
        return response


@pytest.fixture
def scene(
    owner: User,
    stranger: User,
    redis_client: Redis,
    history_database: Any,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    settings.OPEN_FEEDS = [OPEN]
    settings.REST_REQUESTS_PER_MINUTE = 1_000_000
    monkeypatch.setattr(TicketThrottle, "limit", lambda *_: 1_000_000)
    return Scene(owner, stranger, redis_client)


def judged(status: int) -> int:
    return 0 if status in (200, 201, 204) else status


def test_each_may_do_what_the_table_says_and_no_more(scene: Scene) -> None:
    wrong = []
    for (method, path), (rule, body) in TABLE.items():
        for actor in ACTORS:
            status = scene.ask(actor, method, path, body=body).status_code
            if judged(status) != RULES[rule][actor]:
                wrong.append(f"{actor}: {method} {path} → {status}, not {RULES[rule][actor] or 'yes'}")
    assert not wrong, "\n".join(wrong)
    # Nothing of it was kept: the rows stood each for itself.
    assert Watchlist.objects.get().name == "Mine"


def grant(scene: Scene, underlying: str) -> None:
    group = Group.objects.create(name="desk")
    group.user_set.add(scene.owner)
    FeedGrant.objects.create(group=group, feed=SHUT, underlying=underlying)


@pytest.mark.parametrize(
    ("granted", "sees"),
    [(None, False), ("OTHER", False), ("SHUT", True), ("", True)],
    ids=["nothing", "another underlying", "the underlying", "the feed"],
)
def test_a_feed_is_seen_by_those_who_have_its_permission(scene: Scene, granted: str | None, sees: bool) -> None:
    if granted is not None:
        grant(scene, granted)
    expected = {
        "owner": sees,
        "read": sees,
        "both": sees,
        "stranger": False,
        "staff": False,
        "superuser": True,
    }
    wrong = []
    for actor, may in expected.items():
        for path in sorted(BY_NAME):
            response = scene.ask(actor, "GET", path, symbol="SHUT")
            if not _is_told(response, path, may):
                wrong.append(f"{actor}: {path} → {response.status_code} {response.content[:200]!r}")
        for path in sorted(LISTS):
            response = scene.ask(actor, "GET", path)
            assert response.status_code == 200
            if (b"SHUT" in response.content) is not may:
                wrong.append(f"{actor}: {path} lists it: {not may}")
    assert not wrong, "\n".join(wrong)


def _is_told(response: Any, path: str, may: bool) -> bool:
    """Whether the answer is right, as to the feed."""
    if path in BY_SYMBOLS:
        rows = response.json().get("results", []) if response.status_code == 200 else []
        told = any(one.get("symbol") == "SHUT" for one in rows)
        return told is may and (may or b"forbidden" in response.content)
    if not may:
        return response.status_code == 403 and b"forbidden" in response.content
    return bool(response.status_code == 200)


def test_what_is_not_to_be_seen_comes_into_no_list_of_ones_own(scene: Scene) -> None:
    checks: list[tuple[str, str, Any, Callable[[Any], bool]]] = [
        ("POST", f"{_LIST}entries/", {"symbol": "SHUT"}, lambda said: said.status_code in (400, 403)),
        ("POST", f"{_LIST}rolling/", {"underlying": "SHUT"}, lambda said: said.status_code in (400, 403)),
        ("POST", f"{_LIST}paste/", {"text": "SHUT"}, lambda said: said.json()["taken"] == 0),
    ]
    for method, path, body, is_refused in checks:
        response = scene.ask("owner", method, path, body=body)
        assert is_refused(response), (path, response.status_code, response.content)
        assert b"forbidden" in response.content, path
