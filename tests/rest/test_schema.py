"""The OpenAPI schema: complete, valid, and readable for signed-in users only."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from accounts.models import User

from .conftest import ApiClient, problem


@pytest.fixture(scope="module")
def schema() -> Any:
    out = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    return yaml.safe_load(out.getvalue())


def test_the_schema_is_valid_without_a_warning(schema: Any) -> None:
    assert schema["openapi"].startswith("3.")
    assert len(schema["paths"]) >= 8


def fields(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every field in a part of the schema, however deep, with its path."""
    if isinstance(schema, list):
        for place, part in enumerate(schema):
            yield from fields(part, f"{path}.{place}")
    if not isinstance(schema, dict):
        return
    for name, about in schema.items():
        if name == "properties" and all(isinstance(one, dict) for one in about.values()):
            for field, one in about.items():
                yield f"{path}.{field}", one
                yield from fields(one, f"{path}.{field}")
        else:
            yield from fields(about, path)


def parameters(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every parameter, in path, query or header."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for one in operation.get("parameters", []):
                yield f"{method} {path} {one['in']} {one['name']}", one


def test_the_walk_sees_what_there_is(schema: Any) -> None:
    names = [name for name, _ in fields(schema, "")]
    assert any(name.endswith(".errors.code") for name in names)  # an object in a list in an object
    assert len(names) > 100
    assert len(list(parameters(schema))) > 40


def test_every_field_and_parameter_is_explained(schema: Any) -> None:
    silent = [name for name, about in [*fields(schema, ""), *parameters(schema)] if not about.get("description")]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if not operation.get("description"):
                silent.append(f"{method} {path}")
            silent += [
                f"{method} {path} {status} {header}"
                for status, response in operation["responses"].items()
                for header, about in response.get("headers", {}).items()
                if not about.get("description")
            ]
            silent += [
                f"{method} {path} {one}" for one, about in operation["responses"].items() if not about["description"]
            ]
    assert silent == []


# What numbers are measured in, or are, by a word of their description.
UNITS = re.compile(
    r"currency|contract|\bms\b|milliseconds|seconds|minute|days|per |fraction|logarithm|price|units of|how many|strike"
    r"|\bid\b|names the|number|sum:|page|rising order|status|offered|rises|seq|results|quotes|ticks",
    re.IGNORECASE,
)


def test_every_number_says_what_it_is_measured_in(schema: Any) -> None:
    found = [*fields(schema, ""), *((name, {**one, **one["schema"]}) for name, one in parameters(schema))]
    bare = [
        name
        for name, about in found
        if about.get("type") in ("number", "integer") and not UNITS.search(about["description"])
    ]
    assert bare == []


def test_the_documentation_has_every_path_and_no_other(schema: Any) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
    table = page.split("| path | what it answers |")[1].split("\n\n")[0]
    documented = {f"/api/v1/{path}" for path in re.findall(r"`([a-z]+/[^` ]*)`", table)}
    assert documented == set(schema["paths"])


def test_every_operation_may_answer_by_a_problem(schema: Any) -> None:
    for operations in schema["paths"].values():
        for operation in operations.values():
            content = operation["responses"]["default"]["content"]
            assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


BY_SESSION_ONLY = {"list_tokens", "create_token", "revoke_token", "change_me"}


def test_every_operation_asks_for_a_session_or_a_token_and_says_which(schema: Any) -> None:
    for operations in schema["paths"].values():
        for operation in operations.values():
            alone = operation["operationId"] in BY_SESSION_ONLY
            ways = {name for one in operation["security"] for name in one}
            assert ways == ({"cookieAuth"} if alone else {"cookieAuth", "token"})
            assert ("By session only" if alone else "A token needs the scope") in operation["description"]


def test_the_schema_is_for_those_who_are_signed_in(api: ApiClient) -> None:
    problem(ApiClient().send("GET", "/api/schema/"), 401)
    response = api.send("GET", "/api/schema/")
    assert response.status_code == 200
    assert b"/api/v1/watchlists/" in response.content


def test_the_readable_form_is_for_those_who_are_signed_in(owner: User, client: Client) -> None:
    response = client.get("/api/docs/")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/?next=/api/docs/")
    client.force_login(owner)
    response = client.get("/api/docs/")
    assert response.status_code == 200
    assert b"swagger-ui" in response.content
    assert b"<style" not in response.content
    assert b"<script>" not in response.content  # the content security policy refuses both
    script = client.get("/api/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert b"/api/schema/" in script.content
