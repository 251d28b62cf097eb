"""The lock-out: by user and by address, for every way to guess; and the list of attempts that an administrator reads."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from accounts import attempts, lock_out
from accounts.addresses import UNKNOWN, address_of, network_of
from accounts.lock_out import Limit, LockedOutError
from accounts.models import SignInAttempt, User
from tests.conftest import PASSWORD

from .people import CODE, code_of, link_in, name_of, set_up_app, sign_in, wrong_code

OUTCOME = SignInAttempt.Outcome


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis, db: None) -> None:
    """Attempts are counted there, and each test begins with none."""


def guess(client: Client, login: str = "owner", times: int = 5, **extra: Any) -> Any:
    for _ in range(times):
        response = sign_in(client, login, "wrong", **extra)
    return response


# ── Counting ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_of_many_at_once_only_so_many_are_let_through(redis_client: Redis) -> None:
    limit = Limit("test", 5, 60)

    def attempt(_: int) -> bool:
        try:
            lock_out.claim((limit, "somebody"))
        except LockedOutError as error:
            return not 1 <= error.wait_s <= 60
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(40))) == 5


def test_what_one_count_refuses_uses_up_none_of_the_others() -> None:
    narrow, wide = Limit("narrow", 1, 60), Limit("wide", 3, 60)
    lock_out.claim((narrow, "a"), (wide, "w"))
    for _ in range(10):
        with pytest.raises(LockedOutError):
            lock_out.claim((wide, "w"), (narrow, "a"))
    lock_out.claim((wide, "w"))
    lock_out.claim((wide, "w"))


def test_only_the_first_refusal_says_that_it_is(redis_client: Redis) -> None:
    limit = Limit("test", 1, 60)
    lock_out.claim((limit, "a"))
    firsts = []
    for _ in range(3):
        with pytest.raises(LockedOutError) as raised:
            lock_out.claim((limit, "a"))
        firsts.append(raised.value.first)
    assert firsts == [True, False, False]


def test_what_is_given_back_after_its_time_leaves_nothing_behind(redis_client: Redis) -> None:
    claim = lock_out.claim((Limit("test", 5, 60), "a"))
    redis_client.flushall()
    claim.give_back()
    assert redis_client.keys("*") == []


def test_what_is_counted_goes_by_itself(redis_client: Redis) -> None:
    limit = Limit("test", 1, 60)
    lock_out.claim((limit, "a"))
    with pytest.raises(LockedOutError):
        lock_out.claim((limit, "a"))
    keys = redis_client.keys(f"{project_settings.INSTALLATION}:lock:*")
    assert len(keys) == 2
    assert all(0 < redis_client.ttl(key) <= 60 for key in keys)


@pytest.mark.parametrize(
    ("wait_s", "words"), [(1, "1 second"), (2, "2 seconds"), (89, "89 seconds"), (90, "2 minutes"), (300, "5 minutes")]
)
def test_how_long_to_wait_is_said_in_words(wait_s: int, words: str) -> None:
    assert lock_out.in_words(wait_s) == words


# ── At the sign-in ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_says_how_long_to_wait_to_people_and_to_programs(client: Client, owner: User) -> None:
    guess(client)
    page = sign_in(client)
    assert page.status_code == 429
    assert 0 < int(page["Retry-After"]) <= 300
    assert "Try again in" in page.content.decode()
    assert "minutes." in page.content.decode() or "seconds." in page.content.decode()
    problem = sign_in(client, headers={"accept": "application/json"})
    assert problem.status_code == 429
    assert problem["Content-Type"] == "application/problem+json"
    assert 0 < int(problem["Retry-After"]) <= 300
    assert "Try again in" in problem.json()["detail"]


def test_it_ends_by_itself(client: Client, owner: User, redis_client: Redis) -> None:
    guess(client)
    for key in redis_client.keys(f"{project_settings.INSTALLATION}:lock:password:*"):
        assert redis_client.pttl(key) <= lock_out.PASSWORD.period_s * 1000
        redis_client.delete(key)  # as its time does
    sign_in(client)
    assert name_of(client) == "owner"


def test_the_right_password_is_never_held_against_anybody(client: Client, owner: User) -> None:
    for _ in range(8):
        assert sign_in(Client()).status_code == 302


def test_each_of_a_users_names_counts_for_the_same_user(client: Client, owner: User) -> None:
    for login in ("owner", "OWNER", "owner@example.org", "Owner@Example.org", " owner "):
        assert sign_in(client, login, "wrong").status_code == 200
    assert sign_in(client, "owner@example.org").status_code == 429


def test_a_user_who_is_guessed_at_elsewhere_comes_in_all_the_same(client: Client, owner: User, stranger: User) -> None:
    guess(client, REMOTE_ADDR="198.51.100.7")
    assert sign_in(client, REMOTE_ADDR="198.51.100.7").status_code == 429
    assert sign_in(client, REMOTE_ADDR="192.0.2.1").status_code == 302
    assert sign_in(Client(), "stranger", REMOTE_ADDR="198.51.100.7").status_code == 302


def test_many_addresses_together_are_stopped_too(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_out, "PASSWORD_OF", lock_out.PASSWORD_OF._replace(most=7))
    for last in range(7):
        assert sign_in(client, password="wrong", REMOTE_ADDR=f"192.0.2.{last}").status_code == 200
    assert sign_in(client, REMOTE_ADDR="192.0.2.200").status_code == 429


def test_unknown_names_are_locked_out_like_known_ones(client: Client, owner: User) -> None:
    assert guess(client, "nobody", 5).status_code == 200
    assert sign_in(client, "nobody").status_code == 429
    guess(client, "owner", 5)
    assert sign_in(client, "owner").status_code == 429


def test_proving_it_again_counts_with_it(client: Client, owner: User) -> None:
    client.force_login(owner)
    prove = "/accounts/prove/password/"
    for _ in range(5):
        assert client.post(prove, {"password": "wrong"}).status_code == 200
    assert client.post(prove, {"password": PASSWORD}).status_code == 429
    assert sign_in(Client()).status_code == 429


@pytest.mark.parametrize("login", ["", "a" * 255, "a\x00b", "ä" * 300])
def test_what_is_nobodys_name_is_refused_in_words(client: Client, login: str) -> None:
    response = sign_in(client, login)
    assert response.status_code == 200
    assert "login" in response.context["form"].errors


def test_without_redis_no_form_takes_anything(client: Client, owner: User, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    settings.SIGN_UP = "open"
    for path in ("login/", "signup/", "password/reset/", "login/passkey/"):
        response = client.post(f"/accounts/{path}", {"login": "owner", "password": PASSWORD})
        assert response.status_code == 503, path
        assert int(response["Retry-After"]) > 0
    assert client.get("/accounts/login/").status_code == 200


# ── Everywhere else ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_codes_are_counted_by_user_wherever_they_come_from(client: Client, owner: User) -> None:
    secret = set_up_app(owner)
    wrong = wrong_code(secret)
    for last in range(lock_out.SECOND_FACTOR.most):
        address = f"192.0.2.{last}"
        fresh = Client(REMOTE_ADDR=address)
        sign_in(fresh)
        assert fresh.post(CODE, {"code": wrong}).status_code == 200
    sign_in(client)
    response = client.post(CODE, {"code": code_of(secret)})
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert name_of(client) == ""


def test_mails_to_one_address_are_counted_known_or_not(client: Client, owner: User) -> None:
    for email in ("owner@example.org", "nobody@example.org"):
        statuses = [
            client.post("/accounts/password/reset/", {"email": email}, REMOTE_ADDR=f"192.0.2.{count}").status_code
            for count in range(7)
        ]
        assert statuses == [302] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("password/reset/", "RESET_FROM"),
        ("signup/", "SIGN_UP_FROM"),
        ("login/passkey/", "PASSKEY_FROM"),
        ("password/reset/key/1-x/", "NEW_PASSWORD_FROM"),
        ("login/", "SIGN_IN_FROM"),
    ],
)
def test_each_form_is_counted_by_address(client: Client, path: str, limit: str, settings: Settings) -> None:
    settings.SIGN_UP = "open"
    most = getattr(lock_out, limit).most
    for _ in range(most):
        assert client.post(f"/accounts/{path}", {}).status_code != 429
    response = client.post(f"/accounts/{path}", {})
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert client.post(f"/accounts/{path}", {}, REMOTE_ADDR="192.0.2.99").status_code != 429


def test_challenges_are_counted_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = lock_out.PASSKEY_FROM._replace(most=3)
    monkeypatch.setattr(lock_out, "PASSKEY_FROM", limit)
    answers = [client.get("/accounts/login/passkey/", headers={"accept": "application/json"}) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[-1]["Content-Type"] == "application/problem+json"


def test_a_new_password_by_mail_opens_the_lock(client: Client, owner: User, mailoutbox: list[Any]) -> None:
    guess(client)
    client.post("/accounts/password/reset/", {"email": "owner@example.org"})
    form = client.get(link_in(mailoutbox[0]))["Location"]
    client.post(form, {"password1": "another horse 8 battery", "password2": "another horse 8 battery"})
    assert sign_in(client, password="another horse 8 battery").status_code == 302


# ── From where ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("connection", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", UNKNOWN),
    ],
)
def test_the_address_is_that_of_the_connection(connection: str, address: str, rf: RequestFactory) -> None:
    assert address_of(rf.get("/", headers={"x-forwarded-for": "203.0.113.66"}, REMOTE_ADDR=connection)) == address


def test_of_ipv6_the_network_counts(rf: RequestFactory) -> None:
    one, other, elsewhere = (
        network_of(rf.get("/", REMOTE_ADDR=one)) for one in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    )
    assert one == other != elsewhere


# ── Written down ──────────────────────────────────────────────────────────────────────────────────────────────────────
def outcomes() -> list[tuple[str, str]]:
    return list(SignInAttempt.objects.order_by("pk").values_list("name", "outcome"))


def test_every_attempt_is_written_down_as_it_ended(client: Client, owner: User) -> None:
    sign_in(client, "nobody", "wrong")
    sign_in(client, "owner@example.org", "wrong")
    sign_in(client)
    assert outcomes() == [
        ("nobody", OUTCOME.WRONG),
        ("owner@example.org", OUTCOME.WRONG),
        ("owner", OUTCOME.OK),
    ]
    users = list(SignInAttempt.objects.order_by("pk").values_list("user", flat=True))
    assert users == [None, owner.pk, owner.pk]


def test_a_lock_out_is_written_down_once(client: Client, owner: User) -> None:
    guess(client, times=9)
    assert [outcome for _, outcome in outcomes()] == [OUTCOME.WRONG] * 5 + [OUTCOME.LOCKED]


def test_a_password_alone_is_no_sign_in_where_there_is_a_second_factor(client: Client, owner: User) -> None:
    secret = set_up_app(owner)
    sign_in(client)
    assert outcomes() == []
    client.post(CODE, {"code": wrong_code(secret)})
    client.post(CODE, {"code": code_of(secret)})
    assert [outcome for _, outcome in outcomes()] == [OUTCOME.SECOND_FACTOR, OUTCOME.OK]


def test_the_password_is_never_written_down_and_the_name_is_cut(client: Client, owner: User) -> None:
    sign_in(client, "n" * 254, "a-very-own-secret")
    (row,) = SignInAttempt.objects.values()
    assert row["name"] == "n" * 150
    assert "a-very-own-secret" not in str(row)


def test_only_so_many_attempts_and_so_old_ones_are_kept(
    rf: RequestFactory, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST", 20)
    monkeypatch.setattr(attempts, "PRUNE_EVERY", 10)
    request = rf.get("/")
    for count in range(60):
        attempts.record(request, OUTCOME.WRONG, f"name {count}")
        assert SignInAttempt.objects.count() <= 30
    assert SignInAttempt.objects.order_by("-pk").values_list("name", flat=True)[0] == "name 59"
    old = SignInAttempt.objects.order_by("-pk")[:5].values("pk")
    SignInAttempt.objects.filter(pk__in=[one["pk"] for one in old]).update(at=timezone.now() - dt.timedelta(days=91))
    attempts.prune()
    assert not SignInAttempt.objects.filter(at__lt=timezone.now() - dt.timedelta(days=90)).exists()


def test_the_administrator_reads_attempts_and_changes_none(client: Client, staff: User) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
    attempts.record(request, OUTCOME.WRONG, "<b>eve</b>")
    attempts.record(request, OUTCOME.OK, "staff", staff)
    client.force_login(staff)
    page = "/admin/accounts/signinattempt/"
    text = client.get(page).content.decode()
    assert "&lt;b&gt;eve" in text
    assert "192.0.2.7" in text
    for query, found in (("?q=eve", 1), ("?q=192.0.2.7", 2), ("?outcome__exact=ok", 1), ("?within=1", 2), ("?q=zz", 0)):
        assert client.get(page + query).context["cl"].result_count == found, query
    row = SignInAttempt.objects.first()
    assert row is not None
    assert client.post(f"{page}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"{page}{row.pk}/change/", {"name": "x"}).status_code == 403
    assert client.post(f"{page}add/", {"name": "x"}).status_code == 403
