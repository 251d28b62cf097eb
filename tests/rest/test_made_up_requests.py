"""The API against its own schema: made-up requests to every operation, such as the schema allows and such as it does not.
Each answer has to be one that the schema tells of; what is allowed is not refused, what is not is.
"""

import datetime as dt
import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
import yaml
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase
from pytest_django import Settings
from redis import Redis
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from accounts import rolling, sections, sharing, tokens, watchlists
from accounts.models import SCOPES, User
from marketdata.rest.sharing import HEADER
from marketdata.rest.tickets import TicketThrottle
from tests.rest import live_market

EXPIRES_AT = dt.datetime(2030, 1, 18, 21, tzinfo=dt.UTC)
# What no schema can say: that a range is the wrong way round, a name is taken, or leads nowhere.
MEANING = {
    ("name", "already_there"),
    ("name", "blank"),
    ("name", "invalid"),  # control characters
    ("expiry", "invalid"),
    ("text", "null_characters_not_allowed"),
    ("underlying", "null_characters_not_allowed"),
    ("name", "null_characters_not_allowed"),
    ("symbol", "already_there"),
    ("symbol", "null_characters_not_allowed"),
    ("symbol", "unknown_symbol"),
    ("symbols", "already_there"),
    ("symbols", "null_characters_not_allowed"),
    ("symbols", "unknown_symbol"),
    ("from", "invalid"),  # the schema has no word for the years that there are quotes of
    ("to", "invalid"),
    ("from", "reversed"),
    ("from", "too_long"),
    ("from", "conflict"),
    ("to", "conflict"),
    ("page_size", "not_paged"),
    ("cursor", "not_paged"),
    ("cursor", "invalid"),
    ("cursor", "conflict"),  # beside `newest`
    ("page_size", "conflict"),
    ("strike_from", "reversed"),
    ("If-Match", "stale"),
    ("feed", "unknown_feed"),  # which were imported
    ("items", "already_there"),
    ("items", "gone"),
    ("key", "null_characters_not_allowed"),
    ("text", "required"),  # it, or another field
    ("text", "conflict"),
    ("underlying", "unknown_symbol"),
    ("time_zone", "invalid_choice"),  # which names there are
    ("time_zone", "null_characters_not_allowed"),
    ("display", "too_deep"),
    ("display", "too_large"),
    ("display", "null_characters_not_allowed"),
    ("days", "not_allowed"),  # the site's setting
}


def wrong_in(response: Any) -> set[tuple[str | None, str]]:
    """Field and code of each error; of a part of a list, the list."""
    errors = response.json()["errors"]
    return {(one["field"] and one["field"].partition(".")[0], one["code"]) for one in errors}


class Api:
    """The application, its schema, and what in it paths may name."""

    def __init__(self, token: str, session_key: str, paths: dict[str, Any]) -> None:
        out = io.StringIO()
        call_command("spectacular", stdout=out)
        described = yaml.safe_load(out.getvalue())
        self.session_only = _without_its_security(described)
        self.schema: Any = schemathesis.openapi.from_dict(described)
        # In this thread, and so within the test's transaction.
        self.schema.app = get_wsgi_application()
        self.by_token = {"Authorization": f"Bearer {token}"}
        csrf = "a" * 32
        self.by_session = {"X-CSRFToken": csrf}
        self.cookies = {"sessionid": session_key, "csrftoken": csrf}
        self.paths = paths
        self.counts: Counter[tuple[str, int]] = Counter()

    def operations(self) -> list[Any]:
        """All of them; what deletes comes last, an entry before its watchlist."""
        found = [result.ok() for result in self.schema.get_all_operations()]
        return sorted(found, key=lambda operation: (operation.method == "delete", -len(operation.path)))

    def known(self, operation: Any) -> dict[str, Any]:
        found = {name: value for name, value in self.paths.items() if f"{{{name}}}" in operation.path}
        headers = {HEADER: self.paths[HEADER]} if operation.path.endswith("/shared/") else None
        return {"path_parameters": found or None, **({"headers": headers} if headers else {})}

    def check(self, case: Any) -> None:
        headers, cookies = self.by_token, None
        if case.operation.definition.raw["operationId"] in self.session_only:
            headers, cookies = self.by_session, self.cookies
        response = case.call(headers=headers, cookies=cookies)
        self.counts[case.operation.label, response.status_code] += 1
        allowed = case.meta.generation.mode is GenerationMode.POSITIVE
        excluded = []
        if allowed and response.status_code in (400, 409, 412) and wrong_in(response) <= MEANING:
            excluded = CHECKS.get_by_names(["positive_data_acceptance"])
        if not allowed and response.status_code == 413:  # refused for its size, before it is read
            excluded = CHECKS.get_by_names(["negative_data_rejection"])
        case.validate_response(response, excluded_checks=excluded, headers=headers)


def _without_its_security(described: Any) -> set[str]:
    """Of operations that take no token: a cookie of ours goes with each request, which schemathesis would take for one that
    it made up. Who may not come in is tested elsewhere."""
    found = set()
    for operations in described["paths"].values():
        for operation in operations.values():
            if not any("token" in one for one in operation["security"]):
                operation["security"] = []
                found.add(operation["operationId"])
    return found


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """The application is to share the test's transaction, and not to close its connection after each request."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def made_up(
    _one_connection: None, owner: User, redis_client: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Api:
    load_all_checks()
    settings.REST_REQUESTS_PER_MINUTE = 10_000_000
    monkeypatch.setattr(TicketThrottle, "limit", lambda *_: 10_000_000)
    acme = live_market.underlying()
    live_market.quote(redis_client, acme, mark=100.0)
    live_market.say(redis_client)
    live_market.price(redis_client, live_market.options(acme, EXPIRES_AT, [90, 100, 110]))
    mine = watchlists.create(owner, "Mine", ["ACME"])
    paths = {"symbol": "ACME", "underlying": "ACME", "expiry": "2030-01-18", "watchlist": mine.pk}
    paths["entry"] = mine.entries.get().pk
    paths["section"] = sections.make(mine, "At the money").pk
    paths["rolling_entry"] = rolling.make(mine, "ACME").pk
    # In a header, where it has to be known to lead anywhere.
    paths[HEADER] = sharing.share(mine)
    # A token to revoke; no password to confirm, so that one can be made.
    paths["token"] = tokens.handle_of(tokens.issue(owner)[0])
    owner.set_unusable_password()
    owner.save()
    client = Client()
    client.force_login(owner)
    return Api(tokens.issue(owner, scopes=SCOPES)[1], str(client.session.session_key), paths)


def try_out(strategy: Any, count: int, check: Callable[[Any], None]) -> None:
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=strategy)
    def run(case: Any) -> None:
        check(case)

    run()


@pytest.mark.parametrize(
    ("mode", "knows_paths", "count"),
    [
        (GenerationMode.POSITIVE, True, 10),
        (GenerationMode.POSITIVE, False, 2),
        (GenerationMode.NEGATIVE, True, 6),
        (GenerationMode.NEGATIVE, False, 2),
    ],
    ids=["allowed", "allowed anywhere", "not allowed", "not allowed anywhere"],
)
def test_every_operation_answers_as_its_schema_says(
    made_up: Api, mode: GenerationMode, knows_paths: bool, count: int
) -> None:
    wrong = []
    for operation in made_up.operations():
        fixed = made_up.known(operation) if knows_paths else {}
        try:
            try_out(operation.as_strategy(mode, **fixed), count, made_up.check)
        except hypothesis.errors.Unsatisfiable:
            # Without body, parameters and what it shows of itself, nothing can be wrong with a request.
            assert operation.definition.raw["operationId"] in made_up.session_only, operation.label
        except (Exception, BaseExceptionGroup) as error:  # one operation's failure must not hide another's
            wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)
    if mode is GenerationMode.POSITIVE and knows_paths:
        # Else nothing was learned of what they answer.
        answered = {label for label, status in made_up.counts if status == 200}
        assert {operation.label for operation in made_up.operations() if operation.method == "get"} <= answered
