"""Fills a stack's database: users, a session and a token of each, instruments, a watchlist. Run as a process of its own,
since its database is not the test's; prints what it made as JSON.

    python -m tests.path.prepare SYMBOLS [USERS]
"""

import json
import os
import sys
from typing import Any


def main(symbols: int, users: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    from accounts.models import SCOPES, ApiToken, User, Watchlist, WatchlistEntry
    from marketdata.ingest.listing import synchronise
    from tests.path.universe import FEED, facts_of

    call_command("migrate", verbosity=0, interactive=False)
    summary = synchronise(FEED, facts_of(symbols), 0)
    made: list[dict[str, Any]] = []
    for number in range(users):
        user = User(username=f"user{number}", email=f"user{number}@example.org")
        user.set_unusable_password()
        user.save()
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        _, token = ApiToken.objects.create(user, scopes=" ".join(SCOPES))
        watchlist = Watchlist.objects.create(owner=user, name="Mine")
        WatchlistEntry.objects.bulk_create(
            WatchlistEntry(watchlist=watchlist, instrument_id=facts.id, position=position)
            for position, facts in enumerate(summary.instruments[:5])
        )
        made.append(
            {
                "id": user.pk,
                "username": user.username,
                "session": session.session_key,
                "token": token,
                "watchlist": watchlist.pk,
            }
        )
    ids = {facts.symbol: facts.id for facts in summary.instruments}
    print(json.dumps({"users": made, "ids": ids}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2)
