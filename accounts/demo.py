"""The demo user: a way in, made by `up` for a machine of one's own and withdrawn for a public one, with an example
watchlist to look at first.
"""

import datetime as dt
import logging
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F

from marketdata.models import Instrument

from . import example, rolling, tokens, watchlists
from .items import Item
from .models import SCOPES, ApiToken, RollingEntry, User, Watchlist, WatchlistEntry, WatchlistSection

logger = logging.getLogger(__name__)

USERNAME: Final = "demo"
_SIMULATED: Final = "simulated"
_NAMES: Final = {_SIMULATED: example.NAME}
_EXAMPLE_LENGTH: Final = 30
# What it holds is whatever was recorded, in whatever year: neither the money nor our clock says anything there.
_RECORDED: Final = "replay"


class DemoAccess(msgspec.Struct, frozen=True):
    """What `up` prints. The token is new at each call; the password stays."""

    username: str
    password: str
    token: str


def prepare() -> DemoAccess:
    """Makes the demo user, or makes it usable again, and gives its password and a new token. The token of the start
    before is revoked; those that were made otherwise stay."""
    password_file, token_file = settings.VAR_DIR / "demo_password", settings.VAR_DIR / "demo_token"
    password = _read(password_file)
    if not password:
        password = secrets.token_urlsafe(12)
        _keep(password_file, password)
    with transaction.atomic():
        user, _ = User.objects.get_or_create(username=USERNAME)
        if user.is_staff or user.is_superuser:
            logger.warning("the user %s was staff; a password that `up` prints must not open the admin", USERNAME)
        if not user.check_password(password):
            user.set_password(password)
        user.is_active, user.is_staff, user.is_superuser = True, False, False
        user.save()
        # Whoever tried one out: what is printed has to let in by itself.
        Authenticator.objects.filter(user=user).delete()
        ApiToken.objects.filter(user=user, digest=_read(token_file)).delete()
        record, token = tokens.issue(user, name="printed at the start", scopes=SCOPES)
        _keep(token_file, record.digest)
    return DemoAccess(USERNAME, password, token)


def withdraw() -> None:
    """Closes every way in that the demo user has. Where there is no demo user, nothing happens."""
    with transaction.atomic():
        user = User.objects.filter(username=USERNAME).first()
        if user is None:
            return
        user.is_active = False
        user.save(update_fields=["is_active"])
        ApiToken.objects.filter(user=user).delete()
        # Inactivity alone shuts them now, but they would come to life again with the user.
        store = SessionStore()
        ended = [
            one.session_key
            for one in Session.objects.all().iterator()
            if store.decode(one.session_data).get(SESSION_KEY) == str(user.pk)
        ]
        Session.objects.filter(session_key__in=ended).delete()


def fill_watchlist(feed: str) -> bool:
    """Gives the demo user an example watchlist of `feed`; True when that is settled, False while the feed has listed
    nothing to show, or there is no demo user.

    An example that was never edited is made anew when its contracts expired. What is in a list that somebody edited is not
    touched; which list stands first follows the feed, so that the page opens on one that moves.
    """
    user = User.objects.filter(username=USERNAME).first()
    if user is None or not _fill(user, feed):
        return False
    _stand_first(user, feed)
    return True


def _stand_first(user: User, feed: str) -> None:
    with transaction.atomic():
        lists = list(Watchlist.objects.filter(owner=user))
        shown = set(Watchlist.objects.filter(owner=user, entries__instrument__feed=feed).values_list("pk", flat=True))
        first = next((one for one in lists if one.pk in shown), None)
        if first is None or first is lists[0]:
            return
        for position, one in enumerate([first, *(other for other in lists if other is not first)]):
            Watchlist.objects.filter(pk=one.pk).update(position=position)


def _fill(user: User, feed: str) -> bool:
    name = _NAMES.get(feed, feed.capitalize())
    with transaction.atomic():
        held = Watchlist.objects.filter(owner=user, entries__instrument__feed=feed).distinct()
        # The version tells: a list is made with 1, and every edit raises it, and every roll, which are counted.
        untouched = held.filter(name=name, version=F("rolled") + 1).first()
        if held.exists() and (untouched is None or not _has_expired(untouched)):
            return True
        picked = _first_listed(feed) if feed == _RECORDED else example.near_the_money(example.offered(feed))
        if not picked:
            return False
        if untouched is not None:
            watchlists.delete(untouched)
        elif Watchlist.objects.filter(owner=user, name=name).exists():
            return True
        try:
            watchlists.assemble(user, name, lambda: _example(picked, feed))
        except watchlists.RefusedError as error:
            logger.warning("the example watchlist could not be made: %s", error)
    return True


def _example(picked: list[Instrument], feed: str) -> list[Item]:
    entries: list[Item] = [WatchlistEntry(instrument=one) for one in picked]
    if feed != _SIMULATED:
        return entries
    at_the_money = RollingEntry(underlying=picked[0], rule=RollingEntry.Rule.NEXT, strikes=1)
    rolling.resolve(at_the_money)
    return [*entries, WatchlistSection(name="At the money"), at_the_money]


def _has_expired(watchlist: Watchlist) -> bool:
    """By our clock, save for a recorded market, which lives in another year and says itself what is over."""
    instruments = Instrument.objects.filter(pk__in=watchlist.entries.values("instrument"))
    if instruments.filter(active=False).exists():
        return True
    return instruments.exclude(feed=_RECORDED).filter(expires_at__lte=dt.datetime.now(dt.UTC)).exists()


def _first_listed(feed: str) -> list[Instrument]:
    underlyings = example.offered(feed).exclude(kind=Instrument.Kind.OPTION).order_by("id")
    options = example.offered(feed).filter(kind=Instrument.Kind.OPTION).order_by("id")
    return [*underlyings[:_EXAMPLE_LENGTH], *options[:_EXAMPLE_LENGTH]][:_EXAMPLE_LENGTH]


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _keep(path: Path, text: str) -> None:
    """Writes a file that only its owner may read; a crash leaves the former one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
    new.replace(path)
