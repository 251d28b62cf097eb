"""Instruments at rest, and what the administrator asks for. The stream knows instruments through the catalogue
(`stream.catalogue`), never by queries here.
"""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from .facts import InstrumentFacts
from .symbols import is_symbol


class Instrument(models.Model):
    """One instrument of one feed. Retired (`active=False`), never deleted, so that ids are never used again."""

    class Kind(models.TextChoices):
        INDEX = "index"
        STOCK = "stock"
        CRYPTO = "crypto"
        FUTURE = "future"
        OPTION = "option"

    class Right(models.TextChoices):
        CALL = "C", "call"
        PUT = "P", "put"

    class Exercise(models.TextChoices):
        AMERICAN = "american"
        EUROPEAN = "european"

    id = models.AutoField(primary_key=True)
    feed = models.CharField(max_length=32)
    symbol = models.CharField(max_length=64)
    venue_symbol = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=8, choices=Kind)
    underlying = models.CharField(max_length=64, help_text="Symbol of the underlying, on the same feed.")
    root = models.CharField(max_length=16, blank=True)
    expiry = models.DateField(null=True, blank=True, help_text="The venue's own day of expiry.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="The instant, with the venue's cut-off.")
    strike = models.FloatField(null=True, blank=True)
    right = models.CharField(max_length=1, choices=Right, blank=True)
    exercise = models.CharField(max_length=8, choices=Exercise, blank=True)
    multiplier = models.FloatField(default=1, help_text="Units of the underlying per contract.")
    tick = models.FloatField(default=0.01, help_text="Smallest price step, in the currency.")
    currency = models.CharField(max_length=8, default="USD")
    active = models.BooleanField(default=True, help_text="Listed at the venue. A retired one is never deleted.")
    streaming = models.BooleanField(default=True, help_text="Switched on: offered to users where coverage includes it.")
    covered = models.BooleanField(
        default=True, editable=False, help_text="Within the feed's coverage now. Ingest decides it by the rules."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["feed", "underlying", "expiry", "strike", "right", "symbol"]
        constraints = [models.UniqueConstraint(fields=["feed", "symbol"], name="instrument_feed_symbol")]
        indexes = [
            models.Index(fields=["feed", "underlying", "expiry", "strike"], name="instrument_chain"),
            models.Index(fields=["symbol"], name="instrument_symbol"),
        ]

    def __str__(self) -> str:
        return f"{self.feed}.{self.symbol}"

    @property
    def offered(self) -> bool:
        """Whether users may subscribe to it now."""
        return self.active and self.streaming and self.covered

    def facts(self) -> InstrumentFacts:
        """The same facts in the form that the catalogue and the stream use, where one that is not covered does not
        stream."""
        return InstrumentFacts(
            symbol=self.symbol,
            feed=self.feed,
            kind=self.kind,  # type: ignore[arg-type]
            underlying=self.underlying,
            id=self.id,
            venue_symbol=self.venue_symbol or self.symbol,
            root=self.root or None,
            expiry=self.expiry.isoformat() if self.expiry else None,
            expires_ms=round(self.expires_at.timestamp() * 1000) if self.expires_at else None,
            strike=self.strike,
            right=self.right or None,  # type: ignore[arg-type]
            exercise=self.exercise or None,  # type: ignore[arg-type]
            multiplier=self.multiplier,
            tick=self.tick,
            currency=self.currency,
            active=self.active,
            streaming=self.streaming and self.covered,
        )


class Coverage(models.Model):
    """One rule of what a feed is to cover: options on an underlying, by expiry and by distance from the money. What any
    enabled rule wants is covered; `ingest.coverage` says how."""

    feed = models.CharField(max_length=32)
    underlying = models.CharField(
        max_length=64, blank=True, help_text="Symbol of the underlying on this feed. Empty: every underlying."
    )
    expiry_days = models.PositiveIntegerField(
        "expiries within days",
        null=True,
        blank=True,
        validators=[MaxValueValidator(3660)],
        help_text="Expiries up to so many days from now, on the feed's clock. Empty: all.",
    )
    strike_percent = models.FloatField(
        "strikes within percent",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(10_000)],
        help_text="Strikes within so much of the underlying's price. Empty: all.",
    )
    enabled = models.BooleanField(default=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["feed", "underlying", "id"]
        verbose_name = "coverage rule"
        constraints = [
            models.CheckConstraint(
                condition=Q(strike_percent=None) | Q(strike_percent__gte=0), name="coverage_strike_percent"
            )
        ]

    def __str__(self) -> str:
        days = "all expiries" if self.expiry_days is None else f"expiries up to {self.expiry_days} days"
        strikes = "all strikes" if self.strike_percent is None else f"strikes within {self.strike_percent:g} %"
        return f"{self.feed} {self.underlying or 'every underlying'}: {days}, {strikes}"

    def clean(self) -> None:
        self.underlying = self.underlying.strip()
        if self.underlying and not is_symbol(self.underlying):
            raise ValidationError({"underlying": "Letters, digits, '.', '_' and '-', at most 64."})
        if self.underlying and self.feed:
            listed = Instrument.objects.filter(feed=self.feed)
            if listed.exists() and not listed.filter(underlying=self.underlying).exists():
                raise ValidationError({"underlying": f"The feed {self.feed} lists nothing on {self.underlying}."})


class FeedSettings(models.Model):
    """What the administrator sets of one feed, over what the environment says. A feed without a row has the
    environment's options, and no limits but its provider's."""

    feed = models.CharField(max_length=32, unique=True)
    most_instruments = models.PositiveIntegerField(
        null=True, blank=True, help_text="Coverage beyond is refused. Empty: as many as the provider allows."
    )
    most_quotes_per_second = models.PositiveIntegerField(
        null=True, blank=True, help_text="Coverage expected to bring more is refused. Empty: no limit of ours."
    )
    options = models.JSONField(
        default=dict, blank=True, help_text="Options of the feed that differ from the environment's, as a JSON object."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["feed"]
        verbose_name = verbose_name_plural = "feed settings"

    def __str__(self) -> str:
        return self.feed
