"""Users, how they come in, what they may see, and what they watch."""

from typing import Final

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from knox.models import AbstractAuthToken

READ: Final = "read"
WATCHLISTS: Final = "watchlists"
SCOPES: Final = (READ, WATCHLISTS)


class User(AbstractUser):
    """A person with an account. `time_zone` is a name of the IANA database, empty for the browser's own. `display` is
    what the page keeps for the user (theme, columns, layout): an object that only the page understands, bounded in size.
    `has_begun` says that the user had a first watchlist, so that none is made again."""

    time_zone = models.CharField(max_length=64, blank=True, default="")
    display = models.JSONField(blank=True, default=dict)
    has_begun = models.BooleanField(default=False, editable=False)


class ApiToken(AbstractAuthToken):
    """A token of a program. `scopes` are words of SCOPES with a space between; `last_used_at` is right to a minute."""

    name = models.CharField(max_length=80, blank=True, default="")
    scopes = models.CharField(max_length=80, default=READ)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"
        verbose_name_plural = "API tokens"

    def __str__(self) -> str:
        return f"{self.name or self.token_key} of {self.user}"


class Invitation(models.Model):
    """Lets one person sign up, where only invited people may. Its text is shown once; here stands its SHA-256. `email`,
    where given, is the address that the account will have."""

    digest = models.CharField(max_length=64, unique=True)
    email = models.EmailField(blank=True, default="")
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_by = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitation"
    )
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.email or f"invitation {self.pk}"


class SignInAttempt(models.Model):
    """One try to sign in, as it ended. The name is what was typed, whether or not there is such a user."""

    class Outcome(models.TextChoices):
        OK = "ok", "signed in"
        WRONG = "wrong", "wrong name or password"
        LOCKED = "locked", "locked out"
        SECOND_FACTOR = "second_factor", "second factor wrong"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    name = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    address = models.GenericIPAddressField(null=True)
    outcome = models.CharField(max_length=16, choices=Outcome)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_outcome_display()}"


class FeedGrant(models.Model):
    """Members of `group` may see `feed`, whole or only one underlying of it. Feeds of settings.OPEN_FEEDS need none."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="feed_grants")
    feed = models.CharField(max_length=32)
    underlying = models.CharField(max_length=64, blank=True, default="", help_text="Empty for all of the feed.")

    class Meta:
        ordering = ["group", "feed", "underlying"]
        constraints = [models.UniqueConstraint(fields=["group", "feed", "underlying"], name="feed_grant")]

    def __str__(self) -> str:
        return f"{self.group}: {self.feed}{f' {self.underlying}' if self.underlying else ''}"


class FeedUse(models.Model):
    """That a user saw data of a feed in a month, for the report that data agreements ask for. `user` is the id, kept when
    the account is gone, with the name it had."""

    user = models.PositiveBigIntegerField()
    username = models.CharField(max_length=150)
    feed = models.CharField(max_length=32)
    month = models.DateField(help_text="Its first day, UTC.")
    first_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["month", "feed", "username"]
        constraints = [models.UniqueConstraint(fields=["month", "feed", "user"], name="feed_use")]

    def __str__(self) -> str:
        return f"{self.username}: {self.feed} in {self.month:%Y-%m}"


class GroupLimits(models.Model):
    """What members of a group may use, where it differs from the site's settings. What is empty says nothing: of all that
    a user's groups say of a limit the most generous counts, and where none does, the site's setting."""

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="limits")
    connections = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100_000)]
    )
    symbols = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text="Per connection.",
    )
    messages_per_10_s = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100_000)]
    )
    fastest_interval_ms = models.PositiveIntegerField(
        null=True,
        blank=True,
        choices=[(ms, f"{ms} ms" if ms else "every change") for ms in (0, 50, 100, 250, 500, 1000)],
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10_000_000)]
    )

    class Meta:
        verbose_name = verbose_name_plural = "limits"

    def __str__(self) -> str:
        return f"limits of {self.group}"


class Watchlist(models.Model):
    """A user's named, ordered list of instruments, headings and rolling entries. `version` rises with every edit, so that
    a reader can tell; `rolled` counts those of them that were rolling entries moving. With a `share_key`, any signed-in
    user who has the link may read it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="watchlists")
    name = models.CharField(max_length=80)
    position = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    rolled = models.PositiveIntegerField(default=0, editable=False)
    share_key = models.CharField(max_length=43, null=True, blank=True, unique=True, editable=False)  # unique
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # What whoever edits it has seen; an edit of another version is refused.
    expected_version: int | None = None

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="watchlist_owner_name")]

    def __str__(self) -> str:
        return self.name


class WatchlistSection(models.Model):
    """A heading in a watchlist: it stands before the entries whose position is not below its own."""

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="sections")
    name = models.CharField(max_length=80)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.watchlist}: {self.name}"


class RollingEntry(models.Model):
    """Follows the money: contracts of `underlying` at the expiry that `rule` chooses, `strikes` of them on each side of the
    money. `held` is what it stands for now, ids of instruments in the order to be shown; `centre` is the strike that it was
    chosen around, and moves only when the money has left a margin, so that the entry does not flap."""

    class Rule(models.TextChoices):
        NEXT = "next", "next expiry"
        WEEKLY = "weekly", "next expiry of this week or the next"
        MONTHLY = "monthly", "next monthly expiry"
        DAYS_30 = "30d", "expiry nearest to 30 days"
        DAYS_60 = "60d", "expiry nearest to 60 days"

    class Rights(models.TextChoices):
        BOTH = "CP", "calls and puts"
        CALLS = "C", "calls"
        PUTS = "P", "puts"

    class State(models.TextChoices):
        WAITING = "waiting", "waits for a price"
        FOLLOWING = "following", "follows the money"
        NONE = "none", "no contract fits"

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="rolling")
    underlying = models.ForeignKey("marketdata.Instrument", on_delete=models.PROTECT, related_name="+")
    rule = models.CharField(max_length=8, choices=Rule, default=Rule.NEXT)
    strikes = models.PositiveSmallIntegerField(default=2, validators=[MaxValueValidator(20)])
    rights = models.CharField(max_length=2, choices=Rights, default=Rights.BOTH)
    position = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING, editable=False)
    expiry = models.DateField(null=True, blank=True)
    centre = models.FloatField(null=True, blank=True)
    held = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.watchlist}: {self.underlying} {self.rule}"


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
