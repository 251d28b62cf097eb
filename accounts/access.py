"""Who may see what: some feeds are open to every signed-in user, others to the groups that were granted them, whole or by
underlying. The stream, REST and lists ask the same `Access`; sockets have it with their identity, so that nothing is asked
of the database while rows flow.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec
from django.conf import settings
from django.db.models import Q

from . import limits
from .limits import Limits
from .models import User

# One question to the database asks for so many users.
CHUNK: Final = 500
_Grant = tuple[str, str]


class Instrument(Protocol):
    """What is asked about: facts of the catalogue, or a row of the database."""

    @property
    def feed(self) -> str: ...
    @property
    def underlying(self) -> str: ...


class Access(msgspec.Struct, frozen=True):
    """What one user may see: `everything`, whole `feeds`, and of other feeds single `underlyings`, as (feed, symbol): the
    underlying itself and all contracts on it. By default nothing."""

    everything: bool = False
    feeds: frozenset[str] = frozenset()
    underlyings: frozenset[_Grant] = frozenset()

    def may_see(self, instrument: Instrument) -> bool:
        return (
            self.everything
            or instrument.feed in self.feeds
            or (bool(self.underlyings) and (instrument.feed, instrument.underlying) in self.underlyings)
        )

    def may_see_feed(self, feed: str) -> bool:
        """Whether anything of it."""
        return self.everything or feed in self.feeds or any(granted == feed for granted, _ in self.underlyings)

    def condition(self) -> Q:
        """The instruments that may be seen, for a query."""
        if self.everything:
            return Q()
        found = Q(feed__in=sorted(self.feeds))
        by_feed: dict[str, list[str]] = {}
        for feed, underlying in sorted(self.underlyings):
            by_feed.setdefault(feed, []).append(underlying)
        for feed, symbols in by_feed.items():
            found |= Q(feed=feed, underlying__in=symbols)
        return found


EVERYTHING: Final = Access(everything=True)


def access_of(user_id: int) -> Access:
    """What the user may see now; nothing where there is no such user. At most two queries."""
    found = rights_of_many([user_id]).get(user_id)
    return Access() if found is None else found[0]


def rights_of(user: User) -> tuple[Access, Limits]:
    """What the user may see, and how much they may use. One query."""
    return rights_of_all([user])[user.pk]


def rights_of_all(users: Collection[User]) -> dict[int, tuple[Access, Limits]]:
    """The same of several, by id. One query, and none for nobody."""
    said = _said_by_groups([user.pk for user in users]) if users else {}
    return {user.pk: _rights(user.is_superuser, said.get(user.pk, [])) for user in users}


def rights_of_many(user_ids: Collection[int]) -> dict[int, tuple[Access, Limits]]:
    """The same of many users, who need not be there any more. Two queries for each CHUNK of them."""
    found: dict[int, tuple[Access, Limits]] = {}
    ids = sorted(user_ids)
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        said = _said_by_groups(some)
        for user_id, is_superuser in User.objects.filter(pk__in=some).values_list("pk", "is_superuser"):
            found[user_id] = _rights(is_superuser, said.get(user_id, []))
    return found


def _said_by_groups(user_ids: Iterable[int]) -> Mapping[int, list[tuple[Any, ...]]]:
    """By user: (feed, underlying, *limits.FIELDS) of each group and each of its grants, with None for what there is not."""
    said: dict[int, list[tuple[Any, ...]]] = {}
    memberships = User.groups.through.objects.filter(user_id__in=user_ids)
    columns = ("group__feed_grants__feed", "group__feed_grants__underlying")
    for user_id, *row in memberships.values_list(
        "user_id", *columns, *(f"group__limits__{name}" for name in limits.FIELDS)
    ):
        said.setdefault(user_id, []).append(tuple(row))
    return said


def _rights(is_superuser: bool, said: list[tuple[Any, ...]]) -> tuple[Access, Limits]:
    grants = frozenset((feed, underlying) for feed, underlying, *_ in said if feed is not None)
    access = EVERYTHING if is_superuser else _access(tuple(settings.OPEN_FEEDS), grants)
    return access, _limits(limits.of_site(), frozenset(row[2:] for row in said))


# Most users have the same rights as many others: each is kept once, however many sockets refer to it.
@lru_cache(maxsize=1024)
def _access(open_feeds: tuple[str, ...], grants: frozenset[_Grant]) -> Access:
    feeds = frozenset(open_feeds) | {feed for feed, underlying in grants if not underlying}
    return Access(False, feeds, frozenset(one for one in grants if one[1] and one[0] not in feeds))


@lru_cache(maxsize=1024)
def _limits(site: Limits, said: frozenset[tuple[Any, ...]]) -> Limits:
    return limits.most_generous(said)
