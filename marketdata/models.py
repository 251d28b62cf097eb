"""Instruments at rest. The stream knows them through the catalogue (`stream.catalogue`), never by queries here."""

from django.db import models

from .facts import InstrumentFacts


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
    streaming = models.BooleanField(default=True, help_text="Offered to users now.")
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

    def facts(self) -> InstrumentFacts:
        """The same facts in the form that the catalogue and the stream use."""
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
            streaming=self.streaming,
        )
