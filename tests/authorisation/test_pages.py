"""Who may open which page, the administration's included. A page without a row fails."""

import datetime as dt
import re
from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts import invitations, tokens
from accounts.models import SCOPES, FeedUse, SignInAttempt, User, Watchlist
from marketdata.models import Coverage, FeedSettings
from tests.accounts.proving import prove
from tests.builders import make_instrument
from tests.conftest import PASSWORD
from tests.frontend.conftest import build as build

from .routes import Route, routes

pytestmark = pytest.mark.either_database

SIGN_IN: Final = "/accounts/login/"
# Open: also for who is not signed in. Own: signed in, and only one's own is there. Staff: whoever may enter the
# administration. Permitted: staff with Django's permission for it, and superusers. Nobody: what cannot be done there.
# Guest: for who has no account yet.
OPEN, GUEST, OWN, STAFF, PERMITTED, NOBODY = "open", "guest", "own", "staff", "permitted", "nobody"
PAGES: Final = {
    "frontend:desk": OWN,
    "frontend:first_list": OWN,
    "frontend:None": OPEN,  # the icon
    "docs": OWN,
    "account_page": OWN,
    "account_login": OPEN,
    "mfa_login_webauthn": OPEN,
    "mfa_authenticate": OPEN,  # between password and second factor nobody is signed in
    "account_logout": OPEN,
    "account_signup": OPEN,
    "account_invitation": GUEST,
    "account_email": OWN,
    "account_email_verification_sent": OPEN,
    "account_confirm_email": OPEN,
    "account_change_password": OWN,
    "account_set_password": OWN,
    "account_reset_password": OPEN,
    "account_reset_password_done": OPEN,
    "account_reset_password_from_key": OPEN,
    "account_reset_password_from_key_done": OPEN,
    "account_reauthenticate": OWN,
    "mfa_reauthenticate": OWN,
    "mfa_reauthenticate_webauthn": OWN,
    "mfa_index": OWN,
    "mfa_activate_totp": OWN,
    "mfa_deactivate_totp": OWN,
    "mfa_view_recovery_codes": OWN,
    "mfa_generate_recovery_codes": OWN,
    "mfa_list_webauthn": OWN,
    "mfa_add_webauthn": OWN,
    "mfa_edit_webauthn": OWN,
    "mfa_remove_webauthn": OWN,
    "usersessions_list": OWN,
    "account_tokens": OWN,
    "account_revoke_token": OWN,
    "account_settings": OWN,
    "account_export": OWN,
    "account_delete": OWN,
    "feeds_live": STAFF,
    "feeds_press": PERMITTED,
    "connections": PERMITTED,
    "connections_disconnect": PERMITTED,
    "admin:index": STAFF,
    "admin:login": STAFF,
    "admin:logout": OPEN,  # who is not there is out already
    "admin:jsi18n": STAFF,
    "admin:search": STAFF,
    "admin:autocomplete": NOBODY,  # no form has such a field
    "admin:password_change": STAFF,
    "admin:password_change_done": STAFF,
    "admin:view_on_site": STAFF,
    "admin:app_list": STAFF,
    "admin:auth_user_password_change": PERMITTED,
    "admin:accounts_feeduse_this_month": PERMITTED,
    "admin:accounts_feeduse_last_month": PERMITTED,
    "admin:marketdata_coverage_export": PERMITTED,
    "admin:marketdata_coverage_import": PERMITTED,
    "admin:marketdata_coverage_process_import": PERMITTED,
}
# Models of the administration: their lists, forms, histories.
MODELS: Final = {
    "accounts.apitoken",
    "accounts.feeduse",
    "accounts.invitation",
    "accounts.signinattempt",
    "accounts.user",
    "accounts.watchlist",
    "admin.logentry",
    "auth.group",
    "marketdata.coverage",
    "marketdata.feedsettings",
    "marketdata.instrument",
}
# Of these nothing is made, changed or taken away by hand.
NOT_BY_HAND: Final = {
    "accounts.apitoken": {"add", "change"},
    "accounts.feeduse": {"add", "change", "delete"},
    "accounts.invitation": {"change"},
    "accounts.signinattempt": {"add", "change", "delete"},
    "admin.logentry": {"add", "change", "delete"},
    "marketdata.instrument": {"add", "delete"},
}
_FORMS: Final = ("add", "change", "changelist", "delete", "history")
_FILL: Final = {
    "app_label": "accounts",
    "feed": "simulated",
    "button": "reconnect",
    "token": "0" * 16,
}


def pages() -> list[Route]:
    return [one for one in routes() if one.view is None]


def model_and_form(route: Route) -> tuple[str, str] | None:
    """Where the page is one of a model's in the administration."""
    for model in MODELS:
        begin = f"admin:{model.replace('.', '_')}_"
        if route.name.startswith(begin) and route.name.removeprefix(begin) in _FORMS:
            return model, route.name.removeprefix(begin)
    return None


def rule_of(route: Route, method: str = "get") -> str | None:
    if route.name in PAGES:
        return PAGES[route.name]
    if route.path.startswith("/admin/"):
        if found := model_and_form(route):
            model, form = found
            # What may not be changed is shown all the same.
            closed = form in NOT_BY_HAND.get(model, ()) and (form != "change" or method == "post")
            return NOBODY if closed else PERMITTED
        # Django's own: the old address of an object's form, and what says 404 to the rest.
        if route.name == "admin:None" or re.search(r"<app_label>|<url>", route.path):
            return STAFF
    return None


def address(route: Route, things: dict[str, Any]) -> str:
    model, _ = model_and_form(route) or ("", "")
    key = things.get(route.name, "nothing")
    fill = {**_FILL, "key": key, "object_id": quote(things.get(model, 1))}
    path = re.sub(r"<(\w+)>", lambda found: str(fill.get(found[1], 1)), route.path)
    return re.sub(r"\(\?P<url>.*|\.\*|\\", "", path).replace("(?P<app_label>accounts|auth)", "accounts")


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    there = pages()
    assert len(there) > 90
    assert [one for one in there if rule_of(one) is None] == []
    names = {one.name for one in there} | {one.name for one in routes() if one.path == "/api/docs/"}
    assert {name for name in PAGES if name not in names} == set()
    assert {f"{one._meta.app_label}.{one._meta.model_name}" for one in admin.site._registry} == MODELS


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return prove(client)


@pytest.fixture
def cast(owner: User, redis_client: Redis, build: Any, settings: Settings) -> dict[str, Client]:
    settings.SIGN_UP = "open"
    bearer = f"Bearer {tokens.issue(owner, scopes=SCOPES)[1]}"
    return {
        "anonymous": Client(raise_request_exception=False),
        "token": Client(raise_request_exception=False, headers={"authorization": bearer}),
        "owner": signed_in(owner),
        "staff": signed_in(User.objects.create_user("clerk", password=PASSWORD, is_staff=True)),
        "superuser": signed_in(User.objects.create_superuser("root", password=PASSWORD)),
    }


@pytest.fixture
def things(owner: User, cast: dict[str, Client]) -> dict[str, Any]:
    """One of each model: its key; and the key of an invitation's link."""
    token, _ = tokens.issue(owner)
    kind = ContentType.objects.get_for_model(User)
    invitation, key = invitations.make()
    made = [
        token,
        owner,
        FeedUse.objects.create(user=1, username="x", feed="simulated", month=dt.date(2026, 1, 1)),
        invitation,
        SignInAttempt.objects.create(name="x", outcome="ok"),
        Watchlist.objects.create(owner=owner, name="Mine"),
        LogEntry.objects.create(user=owner, content_type=kind, object_id="1", object_repr="x", action_flag=2),
        Group.objects.create(name="desk"),
        Coverage.objects.create(feed="simulated", underlying="ACME", expiry_days=7, strike_percent=10),
        FeedSettings.objects.create(feed="simulated"),
        make_instrument(),
    ]
    return {"account_invitation": key, **{f"{one._meta.app_label}.{one._meta.model_name}": one.pk for one in made}}


def is_let_in(response: Any) -> bool:
    """Not refused, whatever else it says: that a thing is not there, that a method is not, that a form is wrong."""
    if response.status_code in (301, 302):
        return not response.headers["Location"].startswith((f"{SIGN_IN}?next=", "/admin/login/?next="))
    return response.status_code not in (401, 403)


def ask(client: Client, method: str, path: str) -> Any:
    """The answer; what it changed is undone, and the session with it."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    with transaction.atomic():
        response = getattr(client, method)(path)
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(cookies)
    return response


WHO: Final = {
    OPEN: {"anonymous", "token", "owner", "staff", "superuser"},
    GUEST: {"anonymous", "token"},
    OWN: {"owner", "staff", "superuser"},
    STAFF: {"staff", "superuser"},
    PERMITTED: {"superuser"},
    NOBODY: set(),
}


def is_shown_already(route: Route, method: str, rule: str, actor: str) -> bool:
    """A model's pages are all behind one wall: who does not get past it is asked by the lists, and by forms whether they
    let in by GET. No page looks for a token, whatever the method."""
    found = model_and_form(route)
    if found is None:
        return actor == "token" and method == "post"
    outside = actor in ("anonymous", "token", "owner")
    return found[1] != "changelist" if outside else method == "post" and actor == "superuser" and rule != NOBODY


def test_each_opens_what_the_table_says_and_no_more(cast: dict[str, Client], things: dict[str, Any]) -> None:
    assert set(things) >= MODELS
    wrong = []
    for route in pages():
        path = address(route, things)
        for method in ("get", "post"):
            rule = rule_of(route, method)
            assert rule is not None
            for actor, client in cast.items():
                if is_shown_already(route, method, rule, actor):
                    continue
                response = ask(client, method, path)
                status = response.status_code
                # 405 tells nothing of who may, and 503 is a page whose script is not built.
                right = status in (405, 503) or is_let_in(response) is (actor in WHO[rule])
                if status == 500 or not right:
                    where = response.headers.get("Location", "")
                    wrong.append(f"{actor}: {method} {path} ({route.name}, {rule}) → {status} {where}")
    assert not wrong, "\n".join(wrong)
