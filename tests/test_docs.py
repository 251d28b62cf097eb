"""Holds the documentation to the code: settings, messages, codes, columns, routes, files."""

import re
from pathlib import Path
from typing import get_args

import pytest

from marketdata.facts import InstrumentFacts
from marketdata.history.export_columns import COLUMNS, What
from marketdata.rows import FIELDS
from marketdata.stream import protocol
from marketdata.stream.catalogue import wire_facts

ROOT = Path(__file__).resolve().parent.parent
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    settings = (ROOT / "project" / "settings.py").read_text()
    read = set(re.findall(r'"((?:STRIKEWIRE_\w+|(?:HISTORY_|ROWS_)?(?:REDIS|DATABASE)_URL))"', settings))
    documented = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", OPERATING, re.MULTILINE))
    assert read == documented


def test_every_client_op_and_its_fields_are_documented() -> None:
    section = PROTOCOL.split("## Client to server")[1].split("## Server to client")[0]
    for op, kind in protocol._TYPES.items():
        line = next(line for line in section.splitlines() if line.startswith(f"| `{op}` |"))
        for field in kind.__struct_fields__:
            assert field == "id" or f"`{field}" in line or f"{field}:" in line, (op, field)


def test_every_server_op_in_the_code_is_documented() -> None:
    sent: set[str] = set()
    for path in (ROOT / "marketdata" / "stream").glob("*.py"):
        sent |= set(re.findall(r'\\?"op\\?": ?\\?"(\w+)\\?"', path.read_text()))
    section = PROTOCOL.split("## Server to client")[1].split("## Errors")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert sent
    assert sent == documented


def test_every_error_code_and_close_code_is_documented() -> None:
    for code in get_args(protocol.ErrorCode):
        assert f"`{code}`" in PROTOCOL, code
    codes = (
        protocol.NOT_SIGNED_IN,
        protocol.NOT_ALLOWED,
        protocol.NO_ANSWER,
        protocol.TOO_MANY,
        protocol.TOO_LARGE,
        protocol.RESTARTING,
    )
    documented = {int(code) for code in re.findall(r"^\| (\d{4}) \|", PROTOCOL, re.MULTILINE)}
    assert documented == set(codes)


def test_the_columns_of_a_row_are_documented_in_their_order() -> None:
    section = PROTOCOL.split("## A row")[1].split("## Client to server")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert tuple(name for row in rows for name in re.findall(r"`(\w+)`", row)) == FIELDS


def test_the_facts_of_an_instrument_are_documented() -> None:
    line = next(line for line in PROTOCOL.splitlines() if line.startswith("| `subscribed` |"))
    facts = InstrumentFacts(symbol="A", feed="simulated", kind="stock", underlying="A")
    for name in wire_facts(facts):
        assert f"`{name}`" in line, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_commands_that_pages_name_exist() -> None:
    commands = {path.stem for path in ROOT.glob("*/management/commands/*.py")}
    builtin = {"check", "migrate", "createsuperuser", "runserver", "spectacular"}
    for page in PAGES:
        for name in re.findall(r"manage\.py (\w+)", page.read_text()):
            assert name in commands | builtin, (page.name, name)
    for name in re.findall(r"python -m (benchmarks\.\w+)", "".join(page.read_text() for page in PAGES)):
        place = ROOT / name.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), name


@pytest.mark.parametrize("what", ["ticks", "bars"])
def test_the_columns_of_exported_files_are_documented_in_their_order(what: What) -> None:
    section = OPERATING.split("## Files of history")[1].split(f"**{what}**")[1].split("\n\n")[1]
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in section.splitlines()[2:]]
    assert rows == [(f"`{one.name}`", one.kind, one.meaning) for one in COLUMNS[what]]
