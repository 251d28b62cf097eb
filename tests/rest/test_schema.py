"""The OpenAPI schema: complete, valid, and readable for signed-in users only."""

import io
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


def test_every_field_and_parameter_is_explained(schema: Any) -> None:
    silent = []
    for name, component in schema["components"]["schemas"].items():
        for field, about in component.get("properties", {}).items():
            if not about.get("description"):
                silent.append(f"{name}.{field}")
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            silent += [
                f"{path}?{parameter['name']}"
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "query" and not parameter.get("description")
            ]
    assert silent == []


def test_every_operation_may_answer_by_a_problem(schema: Any) -> None:
    for operations in schema["paths"].values():
        for operation in operations.values():
            content = operation["responses"]["default"]["content"]
            assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


def test_every_operation_asks_for_a_session_or_a_token(schema: Any) -> None:
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert {name for one in operation["security"] for name in one} == {"cookieAuth", "token"}


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
