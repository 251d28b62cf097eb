"""304 where the client has the answer already."""

import time

import pytest

from marketdata.models import Instrument
from tests.builders import make_instrument

from .conftest import ApiClient


@pytest.mark.parametrize("path", ["instruments/", "instruments/?kind=option", "instruments/ACME260116C00100000/"])
def test_what_the_client_has_is_not_sent_again_until_it_changes(api: ApiClient, path: str) -> None:
    made = make_instrument()
    first = api.send("GET", path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = api.send("GET", path, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert "Content-Type" not in again.headers
    Instrument.objects.filter(pk=made.pk).update(strike=101)
    changed = api.send("GET", path, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize(
    ("asked", "status"),
    [("*", 304), ('"x", {tag}', 304), ("{strong}", 304), ('"x"', 200), ("x", 200), ("", 200), ('W/"x', 200)],
)
def test_any_of_several_tags_will_do(api: ApiClient, asked: str, status: int) -> None:
    make_instrument()
    tag = api.send("GET", "instruments/").headers["ETag"]
    given = asked.format(tag=tag, strong=tag.removeprefix("W/"))
    assert api.send("GET", "instruments/", headers={"if-none-match": given}).status_code == status


def test_a_page_that_is_not_the_last_keeps_its_tag(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    make_instrument()
    make_instrument("B")
    tag = api.send("GET", "instruments/?page_size=1").headers["ETag"]
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 60)  # cursors are signed with their second
    assert api.send("GET", "instruments/?page_size=1", headers={"if-none-match": tag}).status_code == 304


def test_another_page_has_another_tag(api: ApiClient) -> None:
    make_instrument()
    make_instrument("B")
    tags = {api.send("GET", f"instruments/?page_size={size}").headers["ETag"] for size in (1, 2)}
    assert len(tags) == 2


def test_an_error_has_no_tag(api: ApiClient) -> None:
    assert "ETag" not in api.send("GET", "instruments/NONE/", headers={"if-none-match": "*"}).headers
