"""The page of live connections: all web processes' sockets, and how one is sent away; and groups' grants and limits."""

import time
from typing import Any

import msgspec
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from redis import Redis

from accounts.models import FeedGrant, GroupLimits, User
from marketdata.admin import connections
from marketdata.bus import keys
from marketdata.bus.presence import Said, Socket

PAGE = "/admin/connections/"

pytestmark = pytest.mark.django_db(transaction=True)


def socket(name: str, user: User, **changes: Any) -> Socket:
    about = {
        "channel": f"specific.aaaa!{name}",
        "user_id": user.pk,
        "username": user.username,
        "address": "192.0.2.7",
        "by": "session",
        "since": time.time() - 7_200,
        "symbols": 50,
        "interval_ms": 100,
        "unanswered_bytes": 2_048,
        "ping_age_s": 1.25,
        "rows": 12_345,
        "merged": 7,
    }
    return Socket(name=name, **{**about, **changes})


def say(redis_client: Redis, process: str, *sockets: Socket, total: int | None = None) -> None:
    """As a web process does."""
    said = Said(process, len(sockets) if total is None else total, list(sockets))
    redis_client.set(keys.sockets(process), msgspec.json.encode(said))
    redis_client.sadd(keys.webs(), process)


class Post:
    """Stands for the layer: what was sent to which channel."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self.sent.append((channel, message))


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    post = Post()
    monkeypatch.setattr(connections, "get_channel_layer", lambda: post)
    return post


@pytest.fixture
def open_sockets(redis_client: Redis, owner: User, stranger: User) -> None:
    say(redis_client, "aaaa", socket("one", owner), socket("two", owner, interval_ms=0, ping_age_s=None))
    say(redis_client, "bbbb", socket("three", stranger, address="", by="token"), total=3)
    redis_client.sadd(keys.webs(), "gone")


def clerk(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.mark.usefixtures("open_sockets")
def test_it_lists_the_sockets_of_every_web_process(admin: Client) -> None:
    page = text_of(admin.get(PAGE))
    assert "5 open on 2 web processes" in page
    assert "2 of them are counted only" in page
    for shown in ("owner", "stranger", "192.0.2.7", "100 ms", "every change", "2 KiB", "1.2 s", "12,345", "2.0 h"):
        assert shown in page, shown
    page = text_of(admin.get(PAGE, {"user": "STRA"}))
    assert "three" in page
    assert "192.0.2.7" not in page
    assert "Nobody of that name" in text_of(admin.get(PAGE, {"user": "<script>"}))


def test_nobody_and_no_redis_are_said(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody is connected" in text_of(admin.get(PAGE))
    monkeypatch.setattr(connections, "client", lambda: Redis.from_url("unix:///nowhere.sock"))
    assert "Redis does not answer" in text_of(admin.get(PAGE))


@pytest.mark.usefixtures("open_sockets")
def test_it_asks_and_then_sends_one_away_and_enters_that(admin: Client, post: Post, owner: User) -> None:
    asked = text_of(admin.get(f"{PAGE}one/disconnect/"))
    assert "Disconnect owner, 192.0.2.7?" in asked
    assert not post.sent
    assert admin.post(f"{PAGE}one/disconnect/").status_code == 302
    ((channel, message),) = post.sent
    assert channel == "specific.aaaa!one"
    assert (message["type"], message["code"], message["reconnect_ms"]) == ("stream.dismiss", 4403, None)
    entry = LogEntry.objects.latest("pk")
    assert (entry.object_id, entry.change_message) == (str(owner.pk), "connection one from 192.0.2.7 disconnected")
    assert admin.get(f"{PAGE}nosuch/disconnect/").status_code == 404
    assert admin.post(f"{PAGE}nosuch/disconnect/").status_code == 302
    assert len(post.sent) == 1


@pytest.mark.usefixtures("open_sockets")
@pytest.mark.parametrize(
    ("rights", "lists", "sends"), [((), 403, 403), (("view_user",), 200, 403), (("view_user", "change_user"), 200, 200)]
)
def test_it_takes_the_right_to_view_users_and_to_change_them(
    client: Client, post: Post, rights: tuple[str, ...], lists: int, sends: int
) -> None:
    one = clerk(client, *rights)
    page = one.get(PAGE)
    assert page.status_code == lists
    assert (b"Disconnect" in page.content) == (sends == 200)
    assert one.get(f"{PAGE}one/disconnect/").status_code == sends
    assert (one.post(f"{PAGE}one/disconnect/").status_code == 302) == (sends == 200) == bool(post.sent)
    assert (PAGE.encode() in one.get("/admin/").content) == (lists == 200)


def test_who_is_not_staff_is_sent_to_sign_in(client: Client, owner: User, redis_client: Redis) -> None:
    client.force_login(owner)
    assert client.get(PAGE).status_code == 302


def test_a_group_gets_its_feeds_and_limits_on_its_page_and_the_trail_says_so(admin: Client) -> None:
    group = Group.objects.create(name="desk")
    address = f"/admin/auth/group/{group.pk}/change/"
    form = {
        "name": "desk",
        "feed_grants-TOTAL_FORMS": 2,
        "feed_grants-INITIAL_FORMS": 0,
        "feed_grants-0-feed": "deribit",
        "feed_grants-0-underlying": "BTC",
        "feed_grants-1-feed": "replay",
        "feed_grants-1-underlying": "",
        "limits-TOTAL_FORMS": 1,
        "limits-INITIAL_FORMS": 0,
        "limits-0-connections": 3,
        "limits-0-fastest_interval_ms": 250,
    }
    assert admin.get(address).status_code == 200
    response = admin.post(address, form)
    assert response.status_code == 302, response.context["errors"]
    assert set(FeedGrant.objects.values_list("feed", "underlying")) == {("deribit", "BTC"), ("replay", "")}
    limits = GroupLimits.objects.get()
    assert (limits.connections, limits.fastest_interval_ms, limits.symbols) == (3, 250, None)
    message = LogEntry.objects.latest("pk").change_message
    assert "desk: deribit BTC added" in message
    assert "limits of desk added" in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("feed_grants-0-feed", "nosuch"),
        ("feed_grants-0-underlying", "a b"),
        ("limits-0-connections", "0"),
        ("limits-0-fastest_interval_ms", "33"),
    ],
)
def test_what_a_group_cannot_be_given_is_refused(admin: Client, field: str, value: str) -> None:
    group = Group.objects.create(name="desk")
    form = {
        "name": "desk",
        "feed_grants-TOTAL_FORMS": 1,
        "feed_grants-INITIAL_FORMS": 0,
        "feed_grants-0-feed": "deribit",
        "limits-TOTAL_FORMS": 1,
        "limits-INITIAL_FORMS": 0,
        field: value,
    }
    response = admin.post(f"/admin/auth/group/{group.pk}/change/", form)
    assert response.status_code == 200
    assert not FeedGrant.objects.exists()
    assert not GroupLimits.objects.exists()
