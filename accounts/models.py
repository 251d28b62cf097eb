"""Users and what they watch."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person with an account. A model of our own from the first migration on, so that it can grow."""


class Watchlist(models.Model):
    """A user's named, ordered list of instruments. `version` rises with every edit, so that a reader can tell."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="watchlists")
    name = models.CharField(max_length=80)
    position = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="watchlist_owner_name")]

    def __str__(self) -> str:
        return self.name


class WatchlistEntry(models.Model):
    """One instrument of a watchlist, in its place."""

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="entries")
    instrument = models.ForeignKey("marketdata.Instrument", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["watchlist", "instrument"], name="watchlist_entry_instrument"),
        ]

    def __str__(self) -> str:
        return f"{self.watchlist}: {self.instrument}"
