"""`manage.py issue_token`."""

import datetime as dt
import io

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import tokens
from accounts.identity import from_token
from accounts.models import ApiToken, User


def issue(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("issue_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_prints_the_token_alone_and_explains_beside(owner: User) -> None:
    out, err = issue("owner")
    assert out.count("\n") == 1
    found = async_to_sync(from_token)(out.strip())
    assert found is not None
    assert found.username == "owner"
    assert "owner" in err
    assert out.strip() not in err


def test_it_lives_as_long_as_asked(owner: User) -> None:
    issue("owner", "--days", "7")
    expiry = ApiToken.objects.get().expiry
    assert abs(expiry - timezone.now() - dt.timedelta(days=7)) < dt.timedelta(minutes=1)


def test_no_days_are_for_ever(owner: User) -> None:
    assert "never" in issue("owner", "--days", "0")[1]
    assert ApiToken.objects.get().expiry is None


@pytest.mark.parametrize("days", ["-1", "x", "1.5", "3651", "9" * 30, ""])
def test_other_days_are_refused(owner: User, days: str) -> None:
    with pytest.raises(CommandError, match="number of days"):
        issue("owner", f"--days={days}")


def test_an_unknown_user_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="no user 'nobody'"):
        issue("nobody")


def test_an_inactive_user_gets_none(owner: User) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="inactive"):
        issue("owner")
    assert not ApiToken.objects.exists()


def test_it_reads_unless_told(owner: User) -> None:
    _, err = issue("owner")
    assert tokens.scopes_of(ApiToken.objects.get()) == ("read",)
    assert "to read" in err


def test_it_may_do_what_is_asked_and_is_called_so(owner: User) -> None:
    _, err = issue("owner", "--scope", "watchlists", "--scope", "read", "--name", "the night's run")
    made = ApiToken.objects.get()
    assert (made.name, tokens.scopes_of(made)) == ("the night's run", ("read", "watchlists"))
    assert "read and watchlists" in err


def test_an_unknown_scope_is_refused_with_those_there_are(owner: User) -> None:
    with pytest.raises(CommandError, match=r"admin.*'read', 'watchlists'"):
        issue("owner", "--scope", "admin")


@pytest.mark.parametrize("name", ["", "x" * 81, "a\nb"])
def test_a_name_that_cannot_be_is_refused(owner: User, name: str) -> None:
    with pytest.raises(CommandError, match="name"):
        issue("owner", "--name", name)
    assert not ApiToken.objects.exists()


def test_the_limit_of_a_user_holds(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "PER_USER", 0)
    with pytest.raises(CommandError, match="revoke one"):
        issue("owner")
