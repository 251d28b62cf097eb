"""The shipped units start commands that there are, with arguments that they take, and settings that there are."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.project.production import OPERATING

from .proxies import DEPLOY, FILES

UNITS = sorted(DEPLOY.glob("*.service"))
ENVIRONMENT = DEPLOY / "environment"


def read(unit: Path) -> ConfigParser:
    found = ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(unit)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_with_what_it_takes(unit: Path) -> None:
    service = read(unit)["Service"]
    python, program, name, *arguments = service["ExecStart"].replace("%i", "simulated").split()
    assert (python, program) == (f"{service['WorkingDirectory']}/.venv/bin/python", "manage.py")
    command = load_command_class(get_commands()[name], name)
    command.create_parser("manage.py", name).parse_args(arguments)
    assert service["EnvironmentFile"] == "/etc/strikewire/environment"
    assert f"/var/lib/{service['StateDirectory']}" == settings()["STRIKEWIRE_VAR"]


def settings() -> dict[str, str]:
    lines = [line for line in ENVIRONMENT.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_environment_is_of_settings_that_there_are() -> None:
    documented = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", OPERATING.read_text(), re.MULTILINE))
    assert set(settings()) <= documented


def test_the_page_on_operating_names_every_shipped_file() -> None:
    files = [*UNITS, ENVIRONMENT, *(DEPLOY / name for name in FILES.values())]
    assert {path.name for path in DEPLOY.iterdir()} == {path.name for path in files}
    assert [path.name for path in files if f"deploy/{path.name}" not in OPERATING.read_text()] == []
