"""A new secret key, with the former one as a fallback, signs nobody out: pages, REST, the admin, sockets."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts import models
from accounts.models import User
from marketdata.stream import credentials
from tests.frontend.conftest import build as build
from tests.path.client import stream_client
from tests.stream.in_process import House, make_user, running_house

pytestmark = pytest.mark.either_database

PLACES = ("/", "/accounts/tokens/", "/api/v1/me/", "/admin/")


def rotate(settings: Settings, keep: bool = True) -> None:
    former = settings.SECRET_KEY
    settings.SECRET_KEY = secrets.token_urlsafe(48)
    settings.SECRET_KEY_FALLBACKS = [former] if keep else []


@pytest.mark.usefixtures("build")
def test_pages_rest_and_admin_stay_open_by_the_same_session(
    staff: User, settings: Settings, redis_client: Redis
) -> None:
    client = Client()
    client.force_login(staff)
    key, signed = client.session.session_key, client.session[HASH_SESSION_KEY]
    rotate(settings)
    for place in PLACES:
        assert client.get(place).status_code == 200, place
    assert client.session.session_key == key
    # By now it is signed with the new key, and the former one may go.
    assert client.session[HASH_SESSION_KEY] != signed
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get("/api/v1/me/").status_code == 200


def test_requests_on_their_way_at_the_same_time_all_come_in(
    owner: User, settings: Settings, redis_client: Redis
) -> None:
    first = Client()
    first.force_login(owner)
    second = Client()
    second.cookies["sessionid"] = first.cookies["sessionid"].value
    rotate(settings)
    for client in (first, second, first):
        response = client.get("/api/v1/me/")
        assert response.status_code == 200
        assert not response.cookies.get("sessionid") or response.cookies["sessionid"]["max-age"] != 0
    assert Session.objects.count() == 1


def test_without_the_former_key_everybody_signs_in_again(owner: User, settings: Settings, redis_client: Redis) -> None:
    client = Client()
    client.force_login(owner)
    rotate(settings, keep=False)
    assert client.get("/api/v1/me/").status_code == 401
    assert client.get("/").headers["Location"].startswith("/accounts/login/")


def test_signing_in_still_gives_the_session_a_new_name(owner: User, redis_client: Redis) -> None:
    client = Client()
    client.get("/accounts/login/")
    client.force_login(owner)
    before = client.session.session_key
    client.get("/api/v1/me/")
    client.force_login(models.User.objects.create_user("another"))
    assert client.session.session_key != before


def _save(user_id: int) -> None:
    models.User.objects.get(pk=user_id).save()


@pytest.fixture
async def house(transactional_db: None, redis_client: Redis) -> AsyncIterator[House]:
    async with running_house() as house:
        yield house


@pytest.mark.django_db(transaction=True)
async def test_sockets_stay_open_and_open_anew_while_their_page_asks_on(house: House, settings: Settings) -> None:
    user = await make_user("resident")
    page = Client(headers={"cookie": f"sessionid={user.session}", "host": "localhost"})
    async with stream_client(house, user) as before:
        await before.message("welcome")
        rotate(settings)
        response = await database_sync_to_async(page.get)("/api/v1/me/")
        assert response.status_code == 200
        async with stream_client(house, user) as after:
            await after.message("welcome")
            # A change of the account has everybody looked at again.
            await database_sync_to_async(_save)(user.id)
            await asyncio.sleep(3 * credentials.GATHER_S)
            for client in (before, after):
                await client.ask("ping", "pong")
                assert client.closed is None
