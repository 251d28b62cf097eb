"""An administrator's deeds in a stack, line by line on standard input, each by Django as the admin does it. A line is a
JSON object, `do` names a function below, the rest are its arguments; when it is done, the log says so.

    python -m tests.stream.deeds
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
import django

django.setup()

from django.contrib.auth.models import Group  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.test import Client  # noqa: E402

from accounts.models import ApiToken, FeedGrant, GroupLimits, User  # noqa: E402
from marketdata.admin.live import client  # noqa: E402
from marketdata.bus.presence import read_blocking  # noqa: E402


def join(group: str, user: int) -> None:
    Group.objects.get_or_create(name=group)[0].user_set.add(user)


def leave(group: str, user: int) -> None:
    Group.objects.get(name=group).user_set.remove(user)


def grant(group: str, feed: str, told: bool = True) -> None:
    """Without `told` past all signals, as a statement by hand does it."""
    made = FeedGrant(group=Group.objects.get(name=group), feed=feed)
    if told:
        made.save()
    else:
        FeedGrant.objects.bulk_create([made])


def withdraw(feed: str) -> None:
    FeedGrant.objects.filter(feed=feed).delete()


def limit(group: str, **limits: Any) -> None:
    made = Group.objects.get_or_create(name=group)[0]
    GroupLimits.objects.update_or_create(group=made, defaults=limits)


def sign_out(session: str) -> None:
    SessionStore(session).flush()


def revoke(user: int) -> None:
    ApiToken.objects.filter(user_id=user).delete()


def disconnect(user: int, sockets: int) -> None:
    """By the admin's page, once it lists so many."""
    staff, _ = User.objects.get_or_create(username="staff", is_staff=True, is_superuser=True)
    page = Client(SERVER_NAME="localhost")
    page.force_login(staff)
    deadline = time.monotonic() + 20
    while True:
        with client() as redis:
            found = [one for said in read_blocking(redis) for one in said.sockets if one.user_id == user]
        if len(found) == sockets:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    for one in found:
        assert page.post(f"/admin/connections/{one.name}/disconnect/").status_code == 302


DEEDS: Final[dict[str, Callable[..., None]]] = {
    "join": join,
    "leave": leave,
    "grant": grant,
    "withdraw": withdraw,
    "limit": limit,
    "sign_out": sign_out,
    "revoke": revoke,
    "disconnect": disconnect,
}


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        DEEDS[asked.pop("do")](**asked)
        print("done", flush=True)


if __name__ == "__main__":
    main()
