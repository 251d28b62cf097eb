"""Tokens at the stream's door: their scopes, and that nothing which opens a door is ever written to a log or an address."""

import asyncio
import http.cookiejar
import json
import logging
import re
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from channels.db import database_sync_to_async
from pytest_django import Settings

from accounts import identity, models, tickets, tokens
from tests.conftest import PASSWORD
from tests.path.client import StreamClient, open_socket, stream_client
from tests.path.stack import User

from .in_process import House

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.either_database]


@database_sync_to_async
def token_of(user: User, *scopes: str) -> tuple[models.ApiToken, User]:
    """A new token, and the user as who shows it."""
    record, text = tokens.issue(models.User.objects.get(pk=user.id), scopes=scopes)
    return record, User(user.id, user.username, user.session, text, user.watchlist)


async def test_a_token_without_read_opens_no_socket(house: House, resident: User) -> None:
    record, user = await token_of(resident, "watchlists")
    client = StreamClient(await open_socket(house, user, program=True))
    try:
        closing = await client.message("closing")
        assert (closing["code"], await client.close_code()) == (4403, 4403)
        assert "scope read" in closing["reason"]
        assert closing["reconnect_ms"] is None
    finally:
        await client.aclose()
    await database_sync_to_async(record.refresh_from_db)()
    assert record.last_used_at is not None  # its owner sees that it is tried


async def test_a_ticket_is_worth_what_its_token_is_worth_now(house: House, resident: User) -> None:
    record, _ = await token_of(resident, "read")
    who = await database_sync_to_async(identity.of_token)(record)
    shown = await database_sync_to_async(tickets.issue)(who)
    await database_sync_to_async(models.ApiToken.objects.filter(pk=record.pk).update)(scopes="watchlists")
    client = StreamClient(await open_socket(house, None, program=True))
    try:
        await client.say("auth", ticket=shown.ticket)
        assert await client.close_code() == 4403
    finally:
        await client.aclose()


async def test_an_open_socket_is_a_use_of_its_token(house: House, resident: User) -> None:
    record, user = await token_of(resident, "read")
    async with stream_client(house, user, program=True) as client:
        await client.message("welcome")
        await database_sync_to_async(record.refresh_from_db)()
        assert record.last_used_at is not None
        # A look at whether it still stands, long after.
        await database_sync_to_async(models.ApiToken.objects.filter(pk=record.pk).update)(last_used_at=None)
        who = await database_sync_to_async(identity.of_token)(record)
        assert await database_sync_to_async(identity.standing)(who) is not None
        await database_sync_to_async(record.refresh_from_db)()
        assert record.last_used_at is not None
        # Rows come and go without it: nothing is written while nothing is asked.
        written = record.last_used_at
        await client.ask("ping", "pong")
        await database_sync_to_async(record.refresh_from_db)()
        assert record.last_used_at == written


def revoke_all() -> None:
    for one in models.ApiToken.objects.all():
        one.delete()


class Browser:
    """Posts forms as a browser would, and keeps every address that it saw."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self.addresses: list[str] = []
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self._open = opener.open

    def cookie(self, name: str) -> str:
        return next((str(one.value) for one in self.cookies if one.name == name), "")

    def ask(
        self, path: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        data = None
        if form is not None:
            data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self.cookie("csrftoken")}).encode()
        sent: dict[str, str] = {"Origin": self.url, "X-CSRFToken": self.cookie("csrftoken"), **(headers or {})}
        request = urllib.request.Request(urllib.parse.urljoin(self.url, path), data, sent)
        try:
            with self._open(request, timeout=10) as answer:
                self.addresses.append(answer.url)
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                self.addresses.append(error.url)
                return error.code, error.read().decode()


def visit(browser: Browser, name: str) -> dict[str, str]:
    """Everything that shows or gives a secret; the secrets by what they are."""
    secrets = {"password": PASSWORD, "wrong password": "no horse 9 at all"}
    browser.ask("/accounts/login/")
    browser.ask("/accounts/login/", {"login": name, "password": secrets["wrong password"]})
    browser.ask("/accounts/login/", {"login": name, "password": PASSWORD})
    secrets["session"] = browser.cookie("sessionid")
    form = {"name": "backtest", "days": "7", "scopes": "read"}
    browser.ask("/accounts/tokens/", form)
    _, page = browser.ask(browser.addresses[-1], {"password": PASSWORD})
    found = re.search(r'data-testid="token">([^<]+)<', page)
    assert found, page
    secrets["token"] = found[1]
    bearer = {"Authorization": f"Bearer {secrets['token']}"}
    assert browser.ask("/api/v1/me/", headers=bearer)[0] == 200
    assert browser.ask("/api/v1/me/", headers={"Authorization": f"Bearer {secrets['token'][:-1]}x"})[0] == 401
    other_scheme = {"Authorization": f"Basic {secrets['token']}"}
    assert browser.ask("/api/v1/me/", headers=other_scheme)[0] == 200  # by the session
    assert browser.ask("/api/v1/watchlists/", {}, bearer)[0] == 403
    status, body = browser.ask("/api/v1/stream/tickets/", {}, bearer)
    assert status == 201
    secrets["ticket"] = json.loads(body)["ticket"]
    secrets["second ticket"] = json.loads(browser.ask("/api/v1/stream/tickets/", {})[1])["ticket"]
    browser.ask("/accounts/export/", {})
    return secrets


async def test_no_secret_is_in_a_log_or_an_address(
    house: House, resident: User, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    @database_sync_to_async
    def give_a_password() -> None:
        user = models.User.objects.get(pk=resident.id)
        user.set_password(PASSWORD)
        user.save()

    await give_a_password()
    # As talkative as the settings can make it, and more; what they cannot reach stays as it is.
    for name in ("strikewire", "accounts", "marketdata", "project", "allauth", "django.request", "django.security"):
        caplog.set_level(logging.DEBUG, name)
    caplog.set_level(logging.INFO, "django")
    browser = Browser(house.url)
    secrets = await asyncio.to_thread(visit, browser, resident.username)
    user = User(resident.id, resident.username, secrets["session"], secrets["token"], resident.watchlist)
    async with stream_client(house, user) as page, stream_client(house, user, program=True) as program:
        await page.message("welcome")
        await program.message("welcome")
        ticketed = StreamClient(await open_socket(house, None, program=True))
        await ticketed.ask("auth", "welcome", ticket=secrets["ticket"])
        reused = StreamClient(await open_socket(house, None, program=True))
        await reused.ask("auth", "error", ticket=secrets["ticket"])
        misshapen = StreamClient(await open_socket(house, None, program=True))
        await misshapen.ask("auth", "error", ticket=[secrets["second ticket"]])
        strange = f"Bearer {secrets['token']}x"
        refused = StreamClient(await open_socket(house, None, program=True, Authorization=strange))
        assert await refused.close_code() == 4401
        # And it ends, as every socket of the token.
        await database_sync_to_async(revoke_all)()
        began = time.monotonic()
        assert await program.close_code() == 4401
        assert await ticketed.close_code() == 4401
        assert time.monotonic() - began < 6
        for one in (ticketed, reused, misshapen, refused):
            await one.aclose()
    assert len(secrets) == 6
    assert len(browser.addresses) > 10
    for what, secret in secrets.items():
        assert secret, what
        assert secret not in caplog.text, what
        assert not any(secret in urllib.parse.unquote(address) for address in browser.addresses), what
    assert len(caplog.records) > 0  # else nothing was listened to
