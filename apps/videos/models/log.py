"""What happened."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from apps.incidents.models import MAX_SKEW
from apps.quota.errors import NoUsableKey
from apps.videos import keywords
from apps.videos.models.method import VideoFetchMethod
from core.errors import ProjectSuspended

if TYPE_CHECKING:
    from apps.quota.youtube import YouTube

# A fetch that began longer ago is over, or its worker has died: longer than Celery's time limit for a task.
LONGEST_FETCH = timedelta(seconds=140)


class VideoLogQuerySet(models.QuerySet["VideoLog"]):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def unsent(self, now: datetime) -> Self:
        """Return the manual fetches that no worker has begun although they were requested a minute ago or more, or
        whose worker died, or that were waiting for searches that are available now."""
        requested = self.filter(status=VideoLog.Status.WAITING, keyword__isnull=False)
        recent = Q(created_at__range=(now - timedelta(minutes=1), now + LONGEST_FETCH))
        lost = Q(waiting_until=None) & (Q(error_code=VideoLog.WORKER_DIED) | ~recent)
        return requested.filter(lost | Q(trigger=VideoLog.Trigger.MANUAL, waiting_until__lte=now))

    def abandoned(self, now: datetime) -> Self:
        """Return running fetches that have lost their claim, as by deleting the keyword, and must be over."""
        running = self.filter(Q(keyword=None) | Q(keyword__claim_token=""), status=VideoLog.Status.RUNNING)
        return running.exclude(created_at__range=(now - LONGEST_FETCH, now + LONGEST_FETCH))

    def ended(self) -> Self:
        """Return the fetches that have ended, or wait for searches: not those that are running or not started yet."""
        waits = Q(status=VideoLog.Status.WAITING, waiting_until__isnull=False)
        return self.filter(
            Q(status__in=[VideoLog.Status.DONE, VideoLog.Status.FAILED, VideoLog.Status.INTERRUPTED]) | waits
        )

    def under_way(self, now: datetime) -> Self:
        """Return fetches that are running, or requested and waiting."""
        recent = (now - LONGEST_FETCH, now + LONGEST_FETCH)
        running = Q(status=VideoLog.Status.RUNNING, created_at__range=recent)
        requested = Q(status=VideoLog.Status.WAITING, trigger__in=VideoLog.REQUESTED)
        # Both statuses also outside the OR, where an index can be used.
        return self.filter(running | requested, status__in=[VideoLog.Status.RUNNING, VideoLog.Status.WAITING])

    def close_abandoned(self) -> None:
        """Close the running logs of workers that died, and retry manual fetches once."""
        running = self.filter(status=VideoLog.Status.RUNNING)
        if not running.exists():
            return  # on SQLite even an UPDATE of no rows takes the write lock
        again = Q(trigger=VideoLog.Trigger.MANUAL, keyword__isnull=False) & ~Q(error_code=VideoLog.WORKER_DIED)
        message = "The worker stopped during the fetch."
        keywords: Any = VideoLog._meta.get_field("keyword").related_model
        with transaction.atomic():
            ids = list(running.exclude(keyword=None).values_list("keyword", flat=True))
            entries = keywords.including_deleted.filter(pk__in=ids)
            entries.lock()  # before their logs, as a fetch does
            running.exclude(again).close(VideoLog.Status.INTERRUPTED, message, error_code=VideoLog.WORKER_DIED)
            message += " Retrying once."
            running.filter(again).close(
                VideoLog.Status.WAITING, message, error_code=VideoLog.WORKER_DIED, waiting_until=None
            )
            entries.record_last_status()

    def repair_future_dates(self) -> None:
        """Date logs from the future as of now, because the clock was set back: the newest must be the last one."""
        in_future = self.filter(created_at__gt=timezone.now() + MAX_SKEW)
        if in_future.exists():
            in_future.update(created_at=timezone.now())

    def close(self, status: "VideoLog.Status", message: str, **changes: Any) -> int:
        return self.update(status=status, message=message, **changes)


class VideoLog(models.Model):
    """One fetch: its trigger, what it found and used, and how it ended. It outlives its keyword."""

    class Status(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        WAITING = "waiting", "waiting"
        INTERRUPTED = "interrupted", "interrupted"

    # Error codes besides those of core.errors and of NoKeyAvailable.
    WORKER_DIED = "worker_died"
    INTERNAL_ERROR = "internal_error"
    DATABASE_ERROR = "database_error"
    TIME_LIMIT = "time_limit"
    # The error codes of fetches that failed by themselves, not because of a source or its limits.
    OWN_FAILURES = [WORKER_DIED, INTERNAL_ERROR, TIME_LIMIT]
    # The error codes of fetches that need a person.
    NEEDS_PERSON = [NoUsableKey.code, ProjectSuspended.code]

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", "schedule"
        FIRST = "first", "first fetch"
        MANUAL = "manual", "manual"
        PREVIEW = "preview", "preview"
        AUDIT = "audit", "check alone"

    # What a person requested, and gets an answer to.
    REQUESTED = [Trigger.MANUAL, Trigger.PREVIEW]

    keyword = models.ForeignKey(
        "KeyWordEntry", null=True, on_delete=models.SET_NULL, related_name="logs", db_index=False
    )
    keyword_text = models.CharField(max_length=keywords.MAX_LENGTH)
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.SCHEDULE)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RUNNING)
    method = models.CharField(max_length=10, choices=VideoFetchMethod.choices, blank=True)
    number_found = models.PositiveIntegerField(default=0)
    number_added = models.PositiveIntegerField(default=0, help_text="New matches.")
    message = models.TextField(blank=True, help_text="What happened.")
    error_code = models.CharField(
        max_length=30, blank=True, help_text="A stable identifier; empty if there was no error."
    )
    error = models.GeneratedField(
        expression=models.Case(models.When(error_code="", then=models.Value(False)), default=models.Value(True)),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    http_status = models.PositiveSmallIntegerField(null=True)
    shared_with = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="sharing",
        help_text="The fetch whose search was for this keyword as well, and which counts it.",
    )
    searches = models.PositiveSmallIntegerField(default=0)
    units = models.PositiveSmallIntegerField(default=0)
    duration = models.FloatField("duration in seconds", null=True)
    waiting_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = VideoLogQuerySet.as_manager()

    class Meta:
        verbose_name = "fetch"
        verbose_name_plural = "fetch log"
        indexes = [
            # A keyword's log, newest first, and its last fetch.
            models.Index(fields=["keyword", "-created_at", "-id"], name="log_of_keyword"),
            # The log of a deleted keyword, of which only the text remains.
            models.Index(
                fields=["keyword_text", "-created_at", "-id"], condition=Q(keyword=None), name="log_of_deleted"
            ),
            # All logs, newest first.
            models.Index(fields=["-created_at", "-id"], name="log_newest"),
            # Filters of the admin and of GET /api/logs/: one of the values may be rare. Other conditions are tested in
            # the order of time: there are few logs, since old ones are removed.
            models.Index(fields=["error", "-created_at", "-id"], name="log_errors"),
            models.Index(fields=["method", "-created_at", "-id"], name="log_method"),
            models.Index(fields=["trigger", "-created_at", "-id"], name="log_trigger"),
            # The chore catch_up: unsent() and abandoned().
            models.Index(fields=["status", "created_at"], name="log_open"),
            # Each fetch and "Fetch now": the keyword's logs that are running or waiting.
            models.Index(fields=["keyword", "status", "created_at"], name="log_open_of_keyword"),
            # What the description of an export says about fetches: all that it counts, so that it reads no log.
            models.Index(
                fields=["keyword", "error_code", "status", "method", "created_at", "searches"], name="log_summary"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} {self.keyword_text}: {self.status}"

    def record_usage(self, youtube: "YouTube") -> None:
        """Write what the fetch has used so far."""
        VideoLog.objects.filter(pk=self.pk).update(searches=youtube.searches, units=youtube.units)

    def with_shared(self) -> VideoLogQuerySet:
        """Return this log, and those of the other keywords that the same search was for."""
        return VideoLog.objects.filter(Q(pk=self.pk) | Q(shared_with=self.pk))

    @property
    def is_under_way(self) -> bool:
        """Whether the fetch has not ended; it may be waiting."""
        return self.status in (VideoLog.Status.WAITING, VideoLog.Status.RUNNING)

    @property
    def still_waits(self) -> bool:
        """Whether the fetch is waiting for a moment that has not come yet."""
        return self.waiting_until is not None and self.waiting_until > timezone.now()
