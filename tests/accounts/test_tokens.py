"""API tokens: the verbs, and the page that makes, lists and revokes them."""

import datetime as dt
import re
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from accounts import tokens
from accounts.identity import identity_of_token
from accounts.models import READ, SCOPES, WATCHLISTS, ApiToken, User
from accounts.watchlists import GoneError, RefusedError
from tests.conftest import PASSWORD

from .proving import prove

PAGE = "/accounts/tokens/"


def refusals(*arguments: Any, **options: Any) -> set[tuple[str, str]]:
    with pytest.raises(RefusedError) as refused:
        tokens.make(*arguments, **options)
    return {(one.field, one.code) for one in refused.value.problems}


# ── The verbs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_what_was_asked_for(owner: User) -> None:
    record, text = tokens.make(owner, "  backtest ", 7, [WATCHLISTS, READ])
    record.refresh_from_db()
    assert (record.name, tokens.scopes_of(record), record.last_used_at) == ("backtest", (READ, WATCHLISTS), None)
    assert record.expiry is not None
    assert abs(record.expiry - timezone.now() - dt.timedelta(days=7)) < dt.timedelta(minutes=1)
    found = identity_of_token(text)
    assert found is not None
    assert found.scopes == (READ, WATCHLISTS)


def test_what_names_a_token_is_no_part_of_it(owner: User) -> None:
    record, text = tokens.issue(owner)
    assert tokens.handle_of(record) not in text


@pytest.mark.parametrize(
    ("name", "days", "scopes", "refused"),
    [
        ("", 7, [READ], ("name", "blank")),
        ("  ", 7, [READ], ("name", "blank")),
        ("x" * 81, 7, [READ], ("name", "max_length")),
        ("a\nb", 7, [READ], ("name", "invalid")),
        ("a\x00b", 7, [READ], ("name", "invalid")),
        ("x", 0, [READ], ("days", "not_allowed")),
        ("x", -2, [READ], ("days", "out_of_range")),
        ("x", 3_651, [READ], ("days", "out_of_range")),
        ("x", 7, [], ("scopes", "empty")),
        ("x", 7, ["admin"], ("scopes", "invalid_choice")),
        ("x", 7, [READ, "admin"], ("scopes", "invalid_choice")),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    owner: User, name: str, days: int, scopes: list[str], refused: tuple[str, str]
) -> None:
    assert refusals(owner, name, days, scopes) == {refused}
    assert not ApiToken.objects.exists()


def test_all_that_is_wrong_is_told_at_once(owner: User) -> None:
    assert {field for field, _ in refusals(owner, "", 9_999, [])} == {"name", "days", "scopes"}


def test_for_ever_is_where_the_site_gives_it_unasked(owner: User, settings: Settings) -> None:
    settings.TOKEN_DAYS = 0
    assert tokens.make(owner, "x", 0, [READ])[0].expiry is None


def test_a_user_has_so_many_and_no_more(owner: User, stranger: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "PER_USER", 2)
    record, _ = tokens.make(owner, "first", 7, [READ])
    tokens.make(owner, "second", 7, [READ])
    assert refusals(owner, "third", 7, [READ]) == {("name", "too_many")}
    tokens.make(stranger, "third", 7, [READ])
    tokens.revoke(owner, tokens.handle_of(record))
    tokens.make(owner, "third", 7, [READ])


def test_only_its_owner_revokes_it(owner: User, stranger: User) -> None:
    record, text = tokens.issue(owner)
    for handle in (tokens.handle_of(record), "", "0" * 16, record.digest, "%", "a" * 10_000):
        with pytest.raises(GoneError):
            tokens.revoke(stranger, handle)
    assert identity_of_token(text) is not None
    tokens.revoke(owner, tokens.handle_of(record))
    assert identity_of_token(text) is None


def test_its_last_use_is_written_once_a_minute(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = tokens.issue(owner)
    began = timezone.now()

    def at(seconds: float) -> None:
        monkeypatch.setattr(timezone, "now", lambda: began + dt.timedelta(seconds=seconds))

    at(0)
    tokens.used(record)
    record.refresh_from_db()
    assert record.last_used_at == began
    at(59)
    with django_assert_num_queries(0):
        tokens.used(record)
    at(61)
    before = ApiToken.objects.get()
    tokens.used(record)
    # Another process, which read the token before this one wrote.
    at(65)
    tokens.used(before)
    record.refresh_from_db()
    assert record.last_used_at == began + dt.timedelta(seconds=61)


def test_whoever_shows_it_uses_it(owner: User) -> None:
    record, text = tokens.issue(owner)
    identity_of_token(text)
    record.refresh_from_db()
    assert record.last_used_at is not None


def test_a_use_sends_nobody_away(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    record, _ = tokens.issue(owner)
    monkeypatch.setattr("accounts.revocation.announce", told.append)
    tokens.used(record)
    assert told == []
    tokens.revoke(owner, tokens.handle_of(record))
    assert told == [owner.pk]


def test_a_use_that_cannot_be_written_is_no_reason_to_refuse(
    owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, text = tokens.issue(owner)

    class Away:
        def update(self, **_: Any) -> None:
            raise DatabaseError("read-only")

    monkeypatch.setattr("accounts.tokens.ApiToken.objects.filter", lambda *_, **__: Away())
    monkeypatch.setattr("accounts.identity._standing_tokens", lambda: ApiToken.objects.get_queryset())
    assert identity_of_token(text) is not None
    assert "could not be written" in caplog.text
    assert text not in caplog.text


# ── The page ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def page(owner: User, redis_client: Redis) -> Client:
    """The owner's browser, which has proved who it is."""
    client = Client()
    client.force_login(owner)
    return prove(client)


def asked(**changes: Any) -> dict[str, Any]:
    return {"name": "backtest", "days": "30", "scopes": [READ], **changes}


def shown(response: Any) -> str:
    found = re.search(r'data-testid="token">([^<]+)<', response.content.decode())
    return found[1] if found else ""


def test_a_token_is_shown_once(page: Client) -> None:
    response = page.post(PAGE, asked(scopes=list(SCOPES)))
    assert response.status_code == 200
    text = shown(response)
    who = identity_of_token(text)
    assert who is not None
    assert who.scopes == SCOPES
    assert "no-store" in response.headers["Cache-Control"]
    again = page.get(PAGE).content.decode()
    assert text not in again
    assert text[: tokens.SHOWN_LENGTH] in again
    assert "backtest" in again
    assert text not in str(dict(page.session))


def test_the_list_says_what_there_is_and_of_nobody_else(page: Client, owner: User, stranger: User) -> None:
    tokens.make(stranger, "not yours", 7, [READ])
    over, _ = tokens.make(owner, "long gone", 7, SCOPES)
    over.expiry = timezone.now() - dt.timedelta(days=1)
    over.save()
    said = page.get(PAGE).content.decode()
    assert "long gone" in said
    assert "expired" in said
    assert "read, watchlists" in said
    assert "never used" in said
    assert "not yours" not in said
    assert over.digest not in said


def test_a_session_that_did_not_prove_itself_lately_makes_none(page: Client, owner: User) -> None:
    prove(page, ago_s=3_600)
    response = page.post(PAGE, asked())
    assert response.status_code == 302
    assert "/accounts/prove/password/" in response.headers["Location"]
    assert not ApiToken.objects.exists()
    # What was asked for goes on where it stopped.
    response = page.post(response.headers["Location"], {"password": PASSWORD})
    assert shown(response)
    assert ApiToken.objects.get().user == owner


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 81}, "at most 80"),
        ({"days": ""}, "required"),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"days": "3651"}, "less than or equal to 3650"),
        ({"days": "x"}, "whole number"),
        ({"scopes": []}, "at least one"),
        ({"scopes": ["admin"]}, "not one of the available"),
        ({"name": "a\nb"}, "no line breaks"),
    ],
)
def test_a_form_that_cannot_be_says_why(page: Client, changes: dict[str, Any], word: str) -> None:
    response = page.post(PAGE, asked(**changes))
    assert response.status_code == 200
    assert word in response.content.decode()
    assert not ApiToken.objects.exists()


def test_nothing_else_of_a_token_is_taken_from_the_form(page: Client, owner: User, stranger: User) -> None:
    page.post(PAGE, asked(user=stranger.pk, digest="x", expiry="", last_used_at="2020-01-01"))
    made = ApiToken.objects.get()
    assert (made.user, made.last_used_at) == (owner, None)
    assert made.expiry is not None


def test_at_the_limit_the_page_says_what_to_do(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "PER_USER", 0)
    assert "revoke one first" in page.post(PAGE, asked()).content.decode()


def test_a_token_is_revoked_on_the_page_by_its_owner_only(page: Client, owner: User, stranger: User) -> None:
    mine, my_text = tokens.issue(owner, name="mine")
    theirs, their_text = tokens.issue(stranger)
    for handle in (tokens.handle_of(theirs), "nothing", "0" * 16):
        response = page.post(f"{PAGE}{handle}/revoke/", follow=True)
        assert "gone already" in response.content.decode()
    assert identity_of_token(their_text) is not None
    address = f"{PAGE}{tokens.handle_of(mine)}/revoke/"
    assert page.get(address).status_code == 405
    assert "mine is revoked" in page.post(address, follow=True).content.decode()
    assert identity_of_token(my_text) is None


def test_a_name_is_text_on_the_page(page: Client, owner: User) -> None:
    tokens.make(owner, "<script>alert(1)</script>", 7, [READ])
    assert "<script>alert" not in page.get(PAGE).content.decode()


def test_the_page_is_for_those_who_are_signed_in_and_asks_for_the_csrf_token(owner: User, db: None) -> None:
    for address in (PAGE, f"{PAGE}{'0' * 16}/revoke/"):
        for method in ("get", "post"):
            response = getattr(Client(), method)(address)
            assert response.status_code in (302, 405)
            assert response.headers.get("Location", "/accounts/login/").startswith("/accounts/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert prove(strict).post(PAGE, asked()).status_code == 403
