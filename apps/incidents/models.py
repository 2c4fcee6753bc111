"""Incidents: problems that a person should know about."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

# A difference between two clocks that networks and busy machines do not explain. What was recorded so far in the
# future was recorded before the clock was set back.
MAX_SKEW = timedelta(minutes=2)


class IncidentQuerySet(models.QuerySet["Incident"]):
    def open(self) -> Self:
        """Return the open incidents, newest first. A pause is over at `until`, even if it is not closed yet."""
        expired = Q(kind__in=Incident.PAUSES, until__lte=timezone.now())
        return self.filter(closed_at=None).exclude(expired).order_by("-opened_at")

    def problems(self) -> Self:
        """Return those that every page shows: all but notices."""
        return self.exclude(kind__in=Incident.NOTICES)

    def not_ended(self, kind: str) -> Self:
        """Return the incidents of this kind, open or closed, whose `until` has not come yet."""
        now = timezone.now()
        return self.filter(kind=kind, until__gt=now, opened_at__lte=now + MAX_SKEW)


class Incident(models.Model):
    """A problem that a person should know about.

    The admin is notified when it opens and closes, unless it is short (notify.py).
    """

    class Kind(models.TextChoices):
        SEARCHES_USED_UP = "searches_used_up", "Daily search limit reached"
        UNITS_USED_UP = "units_used_up", "Daily unit limit reached"
        KEY_REFUSED = "key_refused", "API key refused"
        PROJECT_SUSPENDED = "project_suspended", "Project suspended"
        KEYS_COOLING_DOWN = "keys_cooling_down", "API keys cooling down"
        YOUTUBE_UNAVAILABLE = "youtube_unavailable", "YouTube unavailable"
        INVIDIOUS_UNAVAILABLE = "invidious_unavailable", "Invidious unavailable"
        INVIDIOUS_BLOCKED = "invidious_blocked", "Invidious blocked"
        DATABASE_UNAVAILABLE = "database_unavailable", "Database not available"
        BROKER_UNAVAILABLE = "broker_unavailable", "Broker not responding"
        WORKER_STOPPED = "worker_stopped", "Worker not responding"
        BEAT_STOPPED = "beat_stopped", "Beat not responding"
        DISK_FULL = "disk_full", "Disk full or not writable"
        CLOCKS_DIFFER = "clocks_differ", "Clocks differ"
        NOTIFICATION_FAILED = "notification_failed", "Notification not delivered"
        QUERY_REFUSED = "query_refused", "Keyword refused by YouTube"
        KEYWORD_FAILS = "keyword_fails", "Keyword cannot be fetched"
        CHORE_FAILS = "chore_fails", "Regular task fails"
        DATA_NOT_REFRESHED = "data_not_refreshed", "Videos not refreshed"
        KEYWORD_SILENT = "keyword_silent", "Keyword unusually quiet"

    # These end by themselves at `until`.
    PAUSES = [Kind.SEARCHES_USED_UP, Kind.UNITS_USED_UP]

    # Nothing is wrong with Windhover. The admin is notified when these open; pages show them where they belong.
    NOTICES = [Kind.KEYWORD_SILENT]

    # What the web server watches: see parts.py.
    PARTS = [
        Kind.DATABASE_UNAVAILABLE,
        Kind.BROKER_UNAVAILABLE,
        Kind.WORKER_STOPPED,
        Kind.BEAT_STOPPED,
        Kind.DISK_FULL,
    ]

    kind = models.CharField(max_length=30, choices=Kind.choices)
    subject = models.CharField(
        max_length=100, blank=True, help_text="A key's fingerprint, a project, a bucket, a keyword's id or a task."
    )
    message = models.TextField(help_text="What happened.")
    host = models.CharField(max_length=255, blank=True, default="", help_text="The machine that reported it.")
    opened_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True, help_text="When it ends or is checked again.")
    closed_at = models.DateTimeField(null=True, blank=True)
    opened_notified_at = models.DateTimeField(null=True, blank=True)
    closed_notified_at = models.DateTimeField(null=True, blank=True)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        verbose_name = "problem"
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], condition=Q(closed_at=None), name="incident_open_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}. {self.details}".strip()

    @property
    def ends_at(self) -> datetime | None:
        """`until`, while it has not passed."""
        return self.until if self.until and self.until > timezone.now() else None

    @property
    def is_retried(self) -> bool:
        """Whether Windhover retries by itself."""
        if self.kind in (self.Kind.KEY_REFUSED, self.Kind.NOTIFICATION_FAILED):
            return self.until is not None
        kinds = [self.Kind.PROJECT_SUSPENDED, self.Kind.CLOCKS_DIFFER, *self.PARTS]
        return self.kind not in kinds

    @property
    def details(self) -> str:
        """The message, without the name of the kind where it begins with that."""
        return self.message.removeprefix(f"{self.get_kind_display()}.").strip()


class Heartbeat(models.Model):
    """The last sign of life of a part that cannot be asked."""

    part = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField(help_text="By the clock of the part.")
    owner = models.CharField(
        max_length=255, blank=True, default="", help_text="The machine and process whose part works, if only one may."
    )

    def __str__(self) -> str:
        return f"{self.part}, {self.beat_at:%Y-%m-%d %H:%M:%S}"
