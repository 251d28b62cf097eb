"""`manage.py check --deploy`: clean with what the documentation says, and clear about what is not."""

import re
from pathlib import Path

import pytest
from pytest_django import Settings

from frontend import checks

from .production import documented, run


def issues(environment: dict[str, str]) -> set[str]:
    """Ids of what it finds; that the front end is not built is another matter."""
    done = run(environment, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    found = set(re.findall(r"\(([\w.]+\.[WE]\d+)\)", done.stderr)) - {"frontend.W001"}
    assert found or "no issues" in done.stdout + done.stderr or "frontend.W001" in done.stderr, done.stderr
    return found


def test_the_documented_settings_are_clean(tmp_path: Path) -> None:
    environment = documented(tmp_path)
    assert len(environment["STRIKEWIRE_SECRET_KEY"]) >= 50
    assert environment["STRIKEWIRE_HTTPS"] == "yes"
    assert issues(environment) == set()


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        (["desk.example.org"], []),
        (["localhost", "desk.example.org"], []),
        (["localhost", "127.0.0.1"], ["frontend.W003"]),
        (["*"], ["frontend.W004"]),
    ],
)
def test_the_names_of_the_site_are_looked_at(hosts: list[str], found: list[str], settings: Settings) -> None:
    settings.ALLOWED_HOSTS = hosts
    assert [one.id for one in checks.site_can_be_reached(None)] == found


def test_https_without_a_proxy_is_an_endless_redirect(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.HTTPS, settings.TRUSTED_PROXIES = ["desk.example.org"], True, 0
    assert [one.id for one in checks.site_can_be_reached(None)] == ["frontend.W002"]
    settings.TRUSTED_PROXIES = 1
    assert checks.site_can_be_reached(None) == []


def test_a_derived_name_of_the_installation_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_HOSTS, settings.SECRET_KEY_FALLBACKS = ["desk.example.org"], ["the former"]
    settings.INSTALLATION = "abcd1234"
    monkeypatch.delenv("STRIKEWIRE_INSTALLATION", raising=False)
    (one,) = checks.site_can_be_reached(None)
    assert (one.id, "abcd1234" in str(one.hint)) == ("frontend.W005", True)
    monkeypatch.setenv("STRIKEWIRE_INSTALLATION", "desk")
    assert checks.site_can_be_reached(None) == []
