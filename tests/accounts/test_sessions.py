"""One's own sessions: the list, and ending them for good."""

import datetime as dt

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from redis import Redis

from accounts import own_sessions, revocation
from accounts.identity import identity_of_session
from accounts.models import User

from .people import name_of, sign_in

PAGE = "/accounts/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1"


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis, db: None) -> None:
    """Attempts are counted there, and each test begins with none."""


@pytest.fixture
def here(client: Client, owner: User) -> Client:
    sign_in(client, headers={"user-agent": FIREFOX})
    return client


@pytest.fixture
def phone(here: Client) -> Client:
    """The same user's other session."""
    other = Client(REMOTE_ADDR="192.0.2.7", headers={"user-agent": PHONE})
    sign_in(other)
    return other


def listed(client: Client) -> list[own_sessions.Shown]:
    return list(client.get(PAGE, headers={"user-agent": FIREFOX}).context["sessions"])


def key_of(client: Client) -> str:
    return str(client.session.session_key)


def test_the_list_says_in_words_where_one_is_signed_in(here: Client, phone: Client) -> None:
    mine, other = listed(here)
    assert (mine.device, mine.address, mine.current) == ("Firefox on Linux", "127.0.0.1", True)
    assert (other.device, other.address, other.current) == ("Safari on iPhone", "192.0.2.7", False)
    text = here.get(PAGE).content.decode()
    assert text.count("this one") == 1
    assert key_of(phone) not in text


def test_one_that_is_ended_is_gone_and_its_sockets_are_told(
    here: Client, phone: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(revocation, "announce", told.append)
    key = key_of(phone)
    (other,) = [one for one in listed(here) if not one.current]
    here.post(PAGE, {"end": str(other.id)})
    assert told == [owner.pk]
    assert not Session.objects.filter(session_key=key).exists()
    assert identity_of_session(key) is None
    assert name_of(here) == "owner"
    assert len(listed(here)) == 1


def test_all_others_end_at_once_and_this_one_stays(here: Client, phone: Client, owner: User, stranger: User) -> None:
    strangers = Client()
    sign_in(strangers, "stranger")
    third = Client()
    sign_in(third)
    response = here.post(PAGE, {"others": "yes"}, follow=True)
    assert "2 sessions were ended." in response.content.decode()
    assert (name_of(here), name_of(phone), name_of(third), name_of(strangers)) == ("owner", "", "", "stranger")


def test_nobody_ends_somebody_elses(here: Client, stranger: User) -> None:
    strangers = Client()
    sign_in(strangers, "stranger")
    theirs = UserSession.objects.get(user=stranger)
    response = here.post(PAGE, {"end": str(theirs.pk)}, follow=True)
    assert "ended already" in response.content.decode()
    assert name_of(strangers) == "stranger"


@pytest.mark.parametrize("wanted", ["", "x", "-1", "9" * 30, "١", "1 OR 1=1", "\x00"])
def test_what_is_no_session_ends_none(here: Client, phone: Client, wanted: str) -> None:
    assert here.post(PAGE, {"end": wanted}).status_code == 302
    assert name_of(phone) == "owner"


def test_ending_needs_the_csrf_token_and_a_session(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(PAGE, {"others": "yes"}).status_code == 403
    assert Client().post(PAGE, {"others": "yes"})["Location"].startswith("/accounts/login/")


def test_a_session_that_ran_out_is_no_longer_listed(here: Client, phone: Client) -> None:
    Session.objects.filter(session_key=key_of(phone)).update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    assert [one.current for one in listed(here)] == [True]


def test_what_ran_out_is_taken_away_and_what_has_not_stays(here: Client, phone: Client, stranger: User) -> None:
    visitor = Client()
    visitor.get("/accounts/login/passkey/", headers={"accept": "application/json"})  # a session of nobody's
    kept = key_of(here)
    Session.objects.exclude(session_key=kept).update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    own_sessions.prune()
    assert [one.session_key for one in Session.objects.all()] == [kept]
    assert [one.session_key for one in UserSession.objects.all()] == [kept]


def test_now_and_then_a_sign_in_prunes(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_sessions, "_PRUNE_EVERY", 1)
    Session.objects.create(session_key="a" * 32, session_data="", expire_date=timezone.now() - dt.timedelta(days=1))
    sign_in(client)
    assert not Session.objects.filter(session_key="a" * 32).exists()


def test_a_session_of_before_is_listed_once_it_is_seen(client: Client, owner: User) -> None:
    client.force_login(owner)  # as one that was there before sessions were noted
    assert not UserSession.objects.exists()
    client.get("/accounts/")
    assert UserSession.objects.get().session_key == key_of(client)


def test_when_it_was_last_seen_is_noted_now_and_then(here: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    here.get("/accounts/")
    before = timezone.now() - dt.timedelta(hours=1)
    UserSession.objects.update(last_seen_at=before, ip="192.0.2.99")
    here.get("/accounts/")
    assert UserSession.objects.get().last_seen_at == before
    monkeypatch.setattr(own_sessions, "SEEN_EVERY_S", 0)
    here.get("/accounts/")
    seen = UserSession.objects.get()
    assert seen.last_seen_at > before
    assert seen.ip == "127.0.0.1"


def test_visitors_leave_no_note(client: Client, owner: User) -> None:
    client.get("/accounts/login/")
    assert not UserSession.objects.exists()


def test_there_are_only_so_many_and_the_one_unseen_longest_gives_way(
    here: Client, phone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_sessions, "MOST_SESSIONS", 2)
    UserSession.objects.filter(session_key=key_of(here)).update(last_seen_at=timezone.now() - dt.timedelta(days=1))
    third = Client()
    sign_in(third)
    assert (name_of(here), name_of(phone), name_of(third)) == ("", "owner", "owner")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605 Version/17 Safari/605", "Safari on macOS"),
        ("python-httpx/0.28", "python-httpx"),
        ("", "An unknown program"),
        ("<script>alert(1)</script>", "An unknown program"),
    ],
)
def test_a_device_is_told_in_words(agent: str, words: str) -> None:
    assert own_sessions.device_in_words(agent) == words
