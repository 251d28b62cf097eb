"""Says at once that a user's sign-ins, tokens or rights may have changed, to every web process that has sockets of theirs:
those look again at what each socket was let in by. What is changed past Django's signals (a bulk update, time running out)
is found by the web processes' own look round.
"""

import logging
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from redis import RedisError

from .models import ApiToken, FeedGrant, GroupLimits, User

logger = logging.getLogger(__name__)

# Told in place of a user: what groups may see or use changed.
EVERYBODY: Final = b"*"
# Members that are told of one by one; of more, everybody is looked at, which is quicker then.
_FEW: Final = 20
# What changes at every sign-in, and revokes nothing.
_HARMLESS: Final = {"last_login"}


def announce(user_id: int) -> None:
    """After the commit: who is in by this user's sessions and tokens is looked at again. Never raises for Redis."""
    transaction.on_commit(lambda: _publish(str(user_id).encode()))


def announce_to_everybody() -> None:
    """After the commit: what groups may see or use changed, and so the rights of all who are in are looked at again. Never
    raises for Redis."""
    transaction.on_commit(lambda: _publish(EVERYBODY))


def _publish(who: bytes) -> None:
    from django.conf import settings

    from marketdata.bus import keys
    from marketdata.bus.blocking import blocking_client

    try:
        blocking_client(settings.REDIS_URL).publish(keys.credentials(), who)
    except RedisError as error:
        logger.warning("the rights of user %s changed, but nobody could be told: %r", who.decode(), error)


@receiver(post_save, sender=User)
def user_saved(instance: User, created: bool, update_fields: Any = None, **_: Any) -> None:
    if not created and (update_fields is None or not set(update_fields) <= _HARMLESS):
        announce(instance.pk)


@receiver(post_delete, sender=User)
def user_deleted(instance: User, **_: Any) -> None:
    announce(instance.pk)


@receiver(post_delete, sender=ApiToken)
@receiver(post_save, sender=ApiToken)
def token_changed(instance: ApiToken, created: bool = False, **_: Any) -> None:
    if not created:
        announce(instance.user_id)


@receiver(post_delete, sender=Session)
def session_ended(instance: Session, **_: Any) -> None:
    user_id = str(SessionStore().decode(instance.session_data).get(SESSION_KEY, ""))
    if user_id.isdecimal():
        announce(int(user_id))


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
def rights_changed(instance: Any, action: str, pk_set: Any = None, reverse: bool = False, **_: Any) -> None:
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    # A group that was emptied does not say of whom.
    members = pk_set if reverse else {instance.pk}
    if members is None or len(members) > _FEW:
        announce_to_everybody()
        return
    for user_id in members:
        announce(user_id)


@receiver(post_save, sender=FeedGrant)
@receiver(post_delete, sender=FeedGrant)
@receiver(post_save, sender=GroupLimits)
@receiver(post_delete, sender=GroupLimits)
def group_changed(**_: Any) -> None:
    announce_to_everybody()
