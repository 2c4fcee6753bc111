"""Keys, what was spent of each project's daily buckets, and what is in the way.

Only ledger.py writes keys and spending, only troubles.py writes troubles.
"""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.dispatch import Signal
from django.utils import timezone

# Sent when keys were refused, or may be used again: there are more or fewer searches to plan with.
keys_changed = Signal()


class ApiKey(models.Model):
    """One key of YT_KEYS, known by its fingerprint: the key itself is in no database."""

    class State(models.TextChoices):
        ACTIVE = "active", "active"
        RESTING = "resting", "resting"
        REFUSED = "refused", "refused"
        SUSPENDED = "suspended", "project suspended"

    fingerprint = models.CharField(max_length=16, unique=True, help_text="Start of the key's SHA-256.")
    label = models.CharField(max_length=120)
    project = models.CharField(max_length=100)
    consumer = models.CharField(
        max_length=100, blank=True, help_text="YouTube's own name of the project, once a refusal has told it."
    )
    position = models.PositiveIntegerField(help_text="Place in YT_KEYS: earlier keys are used first.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    resting_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it rests or was refused.")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position"]
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def __str__(self) -> str:
        return self.label

    @property
    def short_fingerprint(self) -> str:
        """The fingerprint's last four characters, enough to tell one's few keys apart."""
        return self.fingerprint[-4:]

    def is_usable(self, now: datetime) -> bool:
        """Tell whether the key may be tried: it is active, or its rest is over."""
        rested = self.state == self.State.RESTING and self.resting_until is not None and self.resting_until <= now
        return self.state == self.State.ACTIVE or rested


class QuotaSpend(models.Model):
    """What a project spent of one bucket on one Pacific day."""

    class Bucket(models.TextChoices):
        SEARCH = "search", "searches"
        GENERAL = "general", "general units"

    project = models.CharField(max_length=100)
    day = models.DateField(help_text="The day in California, by which YouTube counts.")
    bucket = models.CharField(max_length=10, choices=Bucket.choices)
    spent = models.PositiveIntegerField(default=0)
    refused_at = models.DateTimeField(
        null=True, blank=True, help_text='When YouTube said "enough", whatever we had counted.'
    )

    class Meta:
        ordering = ["-day", "project", "bucket"]
        verbose_name = "quota spent"
        verbose_name_plural = "quota spent"
        constraints = [
            # Also the index by which the ledger finds its row.
            models.UniqueConstraint(fields=["day", "project", "bucket"], name="one_spend_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.project}, {self.day}: {self.spent} {self.get_bucket_display()}"


class TroubleQuerySet(models.QuerySet["Trouble"]):
    def open(self) -> Self:
        """Return what is in the way now, the newest first. A pause is over at its hour, noted or not."""
        lapsed = Q(kind__in=Trouble.PAUSES, until__lte=timezone.now())
        return self.filter(ended_at=None).exclude(lapsed).order_by("-began_at")


class Trouble(models.Model):
    """Something that keeps Windhover from its work until it is over. The admin is told when it begins and ends."""

    class Kind(models.TextChoices):
        SEARCHES_SPENT = "searches", "Waiting for searches"
        UNITS_SPENT = "units", "Waiting for units"
        KEY_REFUSED = "key", "YouTube refuses a key"
        PROJECT_SUSPENDED = "project", "YouTube has suspended a project"
        KEYS_REST = "rest", "Waiting for a key"
        YOUTUBE_AWAY = "youtube", "YouTube does not serve us"
        INVIDIOUS_AWAY = "inv-away", "Invidious does not serve us"
        INVIDIOUS_BLOCKED = "invidious", "Invidious does not let us search"

    # These pass by themselves, at their hour.
    PAUSES = [Kind.SEARCHES_SPENT, Kind.UNITS_SPENT]

    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.CharField(max_length=100, blank=True, help_text="A key's fingerprint, or a project.")
    message = models.TextField(help_text="In plain words.")
    began_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True, help_text="When it passes, or is looked at again.")
    ended_at = models.DateTimeField(null=True, blank=True)
    begin_told_at = models.DateTimeField(null=True, blank=True)
    end_told_at = models.DateTimeField(null=True, blank=True)

    objects = TroubleQuerySet.as_manager()

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], condition=Q(ended_at=None), name="trouble_open_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.message}"
