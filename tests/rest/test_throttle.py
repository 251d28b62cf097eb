"""The limit of requests: by user, over all of the API, and never in the way while Redis is away."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings
from redis import Redis

from accounts.models import User
from marketdata.bus import keys
from marketdata.rest import throttle
from tests import given_time
from tests.deadlines import FACTOR

from .conftest import ApiClient, by_session, by_token, problem

AWAY = "unix:///nowhere/redis.sock"


@pytest.fixture(autouse=True)
def _limit(settings: Settings) -> Iterator[None]:
    settings.REST_REQUESTS_PER_MINUTE = 5
    yield
    throttle._counter.cache_clear()


def left(response: object) -> int:
    return int(response.headers["RateLimit-Remaining"])  # type: ignore[attr-defined]


def test_each_answer_says_what_is_left(api: ApiClient) -> None:
    first, second = api.send("GET", "me/"), api.send("GET", "instruments/")
    assert (left(first), left(second)) == (4, 3)
    assert first.headers["RateLimit-Limit"] == "5"
    assert 50 <= int(first.headers["RateLimit-Reset"]) <= 60


def test_errors_count_and_say_it_too(api: ApiClient) -> None:
    assert left(api.send("GET", "me/?nonsense=1")) == 4
    assert left(api.send("GET", "instruments/NONE/")) == 3
    assert left(api.send("GET", "/api/schema/")) == 2
    refused = api.send("GET", "me/", headers={"accept": "text/csv"})
    problem(refused, 406)
    assert left(refused) == 1


def test_beyond_the_limit_it_is_429_until_the_minute_is_over(api: ApiClient, owner: User, redis_client: Redis) -> None:
    for _ in range(5):
        assert api.send("GET", "me/").status_code == 200
    response = api.send("GET", "watchlists/")
    problem(response, 429)
    assert left(response) == 0
    assert 50 <= int(response.headers["Retry-After"]) == int(response.headers["RateLimit-Reset"]) <= 60
    redis_client.pexpire(keys.requests("all", owner.pk), 1)
    time.sleep(0.01)
    assert left(api.send("GET", "me/")) == 4


def test_a_user_is_counted_over_sessions_and_tokens_and_apart_from_others(
    owner: User, api: ApiClient, others_api: ApiClient
) -> None:
    for client in (api, by_session(owner), by_token(owner)):
        client.send("GET", "me/")
    assert left(api.send("GET", "me/")) == 1
    assert left(others_api.send("GET", "me/")) == 4


def test_who_is_not_signed_in_is_told_nothing(db: None, redis_client: Redis) -> None:
    problem(ApiClient().send("GET", "me/", headers={"accept": "text/csv"}), 401)
    response = ApiClient().send("GET", "me/")
    problem(response, 401)
    assert "RateLimit-Limit" not in response.headers
    assert redis_client.keys(f"{django_settings.INSTALLATION}:requests:*") == []


def test_of_two_limits_the_nearer_is_told(api: ApiClient, settings: Settings) -> None:
    response = api.send("POST", "stream/tickets/")
    assert (response.headers["RateLimit-Limit"], left(response)) == ("5", 4)
    settings.REST_REQUESTS_PER_MINUTE = 600
    response = api.send("POST", "stream/tickets/")
    assert (response.headers["RateLimit-Limit"], left(response)) == ("60", 58)
    assert api.send("GET", "me/").headers["RateLimit-Limit"] == "600"


def test_without_redis_nothing_is_refused_and_the_log_says_so_once(
    owner: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = AWAY
    api = by_token(owner)
    for _ in range(8):
        response = api.send("GET", "me/")
        assert response.status_code == 200
        assert "RateLimit-Limit" not in response.headers
    assert [one.message for one in caplog.records if "not counted" in one.message] != []
    assert len([one for one in caplog.records if "not counted" in one.message]) == 1


def test_a_redis_that_came_back_is_counted_on_again(redis_client: Redis, caplog: pytest.LogCaptureFixture) -> None:
    counter = throttle.Counter(AWAY)
    assert counter.count("x") is None
    counter = throttle.Counter(django_settings.REDIS_URL)
    counter._away_until = time.monotonic() + 30
    assert counter.count("x") is None
    counter._away_until = time.monotonic()
    assert counter.count("x") == (1, 60_000)


def _accepted(server: socket.socket) -> int:
    """How many connections wait at `server`; they are taken and closed."""
    server.settimeout(0.05)
    count = 0
    with contextlib.suppress(TimeoutError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def test_a_redis_that_hangs_costs_a_request_less_than_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        counter = throttle.Counter(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        start = given_time.now()
        assert counter.count("x") is None
        assert given_time.now() - start < 0.95 * FACTOR
        taken = _accepted(silent)
        assert taken > 0
        assert counter.count("x") is None
        assert _accepted(silent) == 0  # it is not asked again so soon


def test_a_redis_that_forgot_its_scripts_goes_on_counting(redis_client: Redis) -> None:
    counter = throttle.Counter(django_settings.REDIS_URL)
    assert counter.count("z") == (1, 60_000)
    redis_client.script_flush()
    found = counter.count("z")
    assert found is not None
    assert found[0] == 2


def test_a_count_always_ends(redis_client: Redis) -> None:
    counter = throttle.Counter(django_settings.REDIS_URL)
    for _ in range(3):
        counter.count("y")
    assert 0 < redis_client.pttl("y") <= 60_000
