"""API keys, and what each project has used of its daily quota.

Only keys.py writes ApiKey, only ledger.py writes QuotaSpend.
"""

from datetime import datetime

from django.db import models
from django.dispatch import Signal
from django.utils import timezone

from apps.incidents import clocks

# Sent when keys were refused or may be used again, so that the number of searches to plan with has changed.
keys_changed = Signal()


class ApiKey(models.Model):
    """One key of YT_KEYS, identified by its fingerprint: the key itself is not in the database."""

    class State(models.TextChoices):
        ACTIVE = "active", "active"
        COOLING_DOWN = "cooling_down", "cooling down"
        REFUSED = "refused", "refused"
        SUSPENDED = "suspended", "project suspended"

    fingerprint = models.CharField(max_length=16, unique=True, help_text="Start of the key's SHA-256.")
    label = models.CharField(max_length=120)
    project = models.CharField(max_length=100)
    consumer = models.CharField(
        max_length=100, blank=True, help_text="Google's name of the project, known after a refusal that contains it."
    )
    position = models.PositiveIntegerField(help_text="Place in YT_KEYS: earlier keys are used first.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACTIVE)
    cooling_down_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it is cooling down or was refused.")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position"]
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def __str__(self) -> str:
        return self.label

    @property
    def short_fingerprint(self) -> str:
        """The last four characters of the fingerprint, enough to distinguish a few keys."""
        return self.fingerprint[-4:]

    @property
    def tried_again_at(self) -> datetime | None:
        """When its cooldown ends, if that has not come yet."""
        return None if self.is_usable(timezone.now()) else self.cooling_down_until

    def is_usable(self, now: datetime) -> bool:
        """Return whether the key may be tried: it is active, or its cooldown is over.

        A cooldown that began in the future was set by a clock that was ahead: its end is unknown.
        """
        ended = self.cooling_down_until is not None and self.cooling_down_until <= now
        cooled_down = ended or clocks.is_future(self.changed_at, now)
        return self.state == self.State.ACTIVE or (self.state == self.State.COOLING_DOWN and cooled_down)


class QuotaSpend(models.Model):
    """What a project has used of one bucket on one Pacific day."""

    class Bucket(models.TextChoices):
        SEARCH = "search", "searches"
        GENERAL = "general", "general units"

    project = models.CharField(max_length=100)
    day = models.DateField(help_text="The day in California, which YouTube's quota follows.")
    bucket = models.CharField(max_length=10, choices=Bucket.choices)
    used = models.PositiveIntegerField(default=0)
    refused_at = models.DateTimeField(
        null=True, blank=True, help_text="When YouTube reported the limit reached, regardless of the count."
    )

    class Meta:
        ordering = ["-day", "project", "bucket"]
        verbose_name = "used quota"
        verbose_name_plural = "used quota"
        constraints = [
            # Also the index for the ledger's lookups.
            models.UniqueConstraint(fields=["day", "project", "bucket"], name="one_spend_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.project}, {self.day}: {self.used} {self.get_bucket_display()}"
