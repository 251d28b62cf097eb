"""Tells a feed's ingest what the administrator did, once that is committed. The admins of this folder call it."""

from functools import partial

import redis
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from ..bus import orders
from ..bus.orders import Order
from ..ingest.offer import LIST_EVERY_S


def look_again_after_commit(request: HttpRequest, feed: str) -> None:
    """The feed's leader looks at the list, the rules and the switches again."""
    transaction.on_commit(partial(_give, request, feed, Order("list", by=request.user.get_username())))


def restart_after_commit(request: HttpRequest, feed: str) -> None:
    """The feed is built anew, with its options as they are then."""
    transaction.on_commit(partial(_give, request, feed, Order("restart", by=request.user.get_username())))


def give(request: HttpRequest, feed: str, order: Order) -> bool:
    """Gives an order at once; says so, or why nobody heard it."""
    return _give(request, feed, order)


def _give(request: HttpRequest, feed: str, order: Order) -> bool:
    try:
        heard = orders.give(feed, order)
    except redis.RedisError as error:
        problem = f"Redis does not answer ({error})"
    else:
        if heard:
            return True
        problem = "no ingest of it is heard"
    saved = order.do in ("list", "restart")
    minutes = f"{LIST_EVERY_S / 60:g} minutes"
    then = f" What was saved applies when its ingest is back, or within {minutes}." if saved else ""
    messages.warning(request, f"The feed {feed} could not be told now: {problem}.{then}")
    return False
