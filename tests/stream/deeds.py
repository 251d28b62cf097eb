"""An administrator's deeds in a stack, line by line on standard input, each by Django as the admin does it. A line is a
JSON object, `do` names a function below, the rest are its arguments; when it is done, the log says so.

    python -m tests.stream.deeds
"""

import json
import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
import django

django.setup()

from django.contrib.auth.models import Group  # noqa: E402

from accounts.models import FeedGrant, GroupLimits  # noqa: E402


def join(group: str, user: int) -> None:
    Group.objects.get_or_create(name=group)[0].user_set.add(user)


def leave(group: str, user: int) -> None:
    Group.objects.get(name=group).user_set.remove(user)


def grant(group: str, feed: str) -> None:
    FeedGrant.objects.create(group=Group.objects.get(name=group), feed=feed)


def withdraw(feed: str) -> None:
    FeedGrant.objects.filter(feed=feed).delete()


def limit(group: str, **limits: Any) -> None:
    made = Group.objects.get_or_create(name=group)[0]
    GroupLimits.objects.update_or_create(group=made, defaults=limits)


def main() -> None:
    deeds = {"join": join, "leave": leave, "grant": grant, "withdraw": withdraw, "limit": limit}
    for line in sys.stdin:
        asked = json.loads(line)
        deeds[asked.pop("do")](**asked)
        print("done", flush=True)


if __name__ == "__main__":
    main()
