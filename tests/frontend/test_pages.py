"""The page, and the pages of signing in and out."""

import gzip
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from frontend.vite_manifest import built
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cache_in_memory")]


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_where_he_was_going(client: Client, build: Path) -> None:
    response = client.get("/?from=mail")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/%3Ffrom%3Dmail"
    assert 'name="next" value="/?from=mail"' in client.get(response["Location"]).content.decode()


def test_signing_in_leads_to_the_page_and_signing_out_away_from_it(client: Client, owner: User, build: Path) -> None:
    response = client.post("/accounts/login/", {"login": "owner", "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/").status_code == 200
    response = client.post("/accounts/logout/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert client.get("/").status_code == 302


def test_a_wrong_password_is_told_in_words_and_keeps_the_name(client: Client, owner: User, build: Path) -> None:
    response = client.post("/accounts/login/", {"login": "owner", "password": "not this one"})
    text = response.content.decode()
    assert response.status_code == 200
    assert 'role="alert"' in text
    assert "The name or the password is wrong." in text
    assert 'value="owner"' in text
    assert "not this one" not in text


def test_the_name_that_was_typed_cannot_break_out_of_the_page(client: Client, build: Path) -> None:
    response = client.post("/accounts/login/", {"login": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>alert" not in response.content.decode()


def test_the_sign_in_page_can_be_filled_in_by_a_password_manager(client: Client, build: Path) -> None:
    text = client.get("/accounts/login/").content.decode()
    assert 'autocomplete="username"' in text
    assert 'autocomplete="current-password"' in text
    assert '<label for="id_login">' in text
    assert '<label for="id_password">' in text


def test_the_page_tells_the_script_who_is_signed_in(client: Client, owner: User, staff: User, build: Path) -> None:
    for user, is_staff in ((owner, "no"), (staff, "yes")):
        client.force_login(user)
        text = client.get("/").content.decode()
        assert f'data-user="{user.username}"' in text
        assert f'data-staff="{is_staff}"' in text
        assert 'data-logout-url="/accounts/logout/"' in text


def test_the_page_names_the_built_files(client: Client, owner: User, build: Path) -> None:
    client.force_login(owner)
    text = client.get("/").content.decode()
    assert '<script type="module" src="/static/build/app.0123456789ab.js">' in text
    assert '<link rel="stylesheet" href="/static/build/app.ba9876543210.css">' in text


def test_the_page_sets_the_cookie_that_its_script_sends_back(client: Client, owner: User, build: Path) -> None:
    client.force_login(owner)
    assert client.get("/").cookies["csrftoken"].value


def test_the_page_is_never_taken_from_a_cache(client: Client, owner: User, build: Path) -> None:
    client.force_login(owner)
    assert "no-store" in client.get("/")["Cache-Control"]


def test_the_page_only_reads(client: Client, owner: User, build: Path) -> None:
    client.force_login(owner)
    assert client.post("/").status_code == 405


@pytest.mark.parametrize(
    ("cookie", "attribute"),
    [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"'), ('"><b>', None), ("", None)],
)
def test_the_chosen_theme_is_there_at_the_first_paint(
    client: Client, build: Path, cookie: str, attribute: str | None
) -> None:
    client.cookies["theme"] = cookie
    text = client.get("/accounts/login/").content.decode()
    if attribute:
        assert attribute in text
    else:
        assert "data-theme" not in text


def test_without_a_build_the_page_says_what_to_do(client: Client, owner: User, no_build: None) -> None:
    client.force_login(owner)
    response = client.get("/")
    assert response.status_code == 503
    assert response.content.decode().startswith("The front end is not built. In the folder frontend/, run: npm ci")


def test_without_a_build_one_can_still_sign_in(client: Client, owner: User, no_build: None) -> None:
    assert client.get("/accounts/login/").status_code == 200
    assert client.post("/accounts/login/", {"login": "owner", "password": PASSWORD}).status_code == 302


def test_what_is_not_there_has_our_look(client: Client, build: Path) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    text = response.content.decode()
    assert "<h1>Not found</h1>" in text
    assert "pages.00112233aabb.css" in text


def test_a_form_without_its_token_is_refused_in_words(build: Path) -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "owner", "password": PASSWORD})
    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()


def test_the_favicon_that_browsers_ask_for_unbidden_is_there(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert (response.status_code, response["Location"]) == (301, "/static/frontend/favicon.svg")


def test_scripts_and_styles_go_out_compressed_to_who_takes_that(client: Client) -> None:
    """Those of the real build, which every installation and every test run makes first."""
    files = built("src/main.tsx")
    for name in (*files.scripts, *files.styles):
        plain = client.get(f"/static/{name}")
        packed = client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert gzip.decompress(packed.content) == plain.content
        assert "immutable" in packed.headers["Cache-Control"]


def test_the_first_view_takes_little_script(client: Client) -> None:
    sizes = [
        len(client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"}).content) for name in scripts_of_page()
    ]
    assert 10_000 < sum(sizes) <= 120_000


def scripts_of_page() -> set[str]:
    """The page's script, and what that imports before it runs."""
    manifest = json.loads((Path(settings.FRONTEND_BUILD) / "manifest.json").read_text())
    found: set[str] = set()
    left = ["src/main.tsx"]
    while left:
        chunk = manifest[left.pop()]
        if f"build/{chunk['file']}" not in found:
            found.add(f"build/{chunk['file']}")
            left += chunk.get("imports", [])
    return found
