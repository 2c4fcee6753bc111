"""What is watched, what was found, and what happened."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import F, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Upper
from django.dispatch import Signal
from django.utils import timezone

from apps.quota.errors import NoUsableKey
from apps.videos import keywords
from apps.videos.fetching.gaps import Gap
from apps.videos.fulltext import Search
from apps.videos.scheduling.allocation import DAY
from core import found_video
from core.errors import ProjectSuspended

if TYPE_CHECKING:
    from apps.quota.youtube import YouTube

# A fetch that began longer ago is over, or its worker has died: longer than Celery's time limit for a task.
LONGEST_FETCH = timedelta(seconds=140)

# After a pause the keywords resume spread over this time, not all at once.
SPREAD = timedelta(minutes=1)

# Beat's clock and ours drift: its message may come up to a tenth of the interval before the fetch is due, and never
# more than this.
MAX_EARLY = timedelta(seconds=30)

# Sent in the transaction in which keywords were added, changed or deleted, with `keyword_ids`. Bookkeeping through
# update() does not send it.
keywords_changed = Signal()


class VideoFetchMethod(models.TextChoices):
    YOUTUBE = "youtube", "YouTube"
    INVIDIOUS = "invidious", "Invidious"


class KeyWordEntryQuerySet(models.QuerySet["KeyWordEntry"]):
    def find(self, text: str) -> "KeyWordEntry | None":
        """Return the entry for `text`, in any spelling of the same word, or None."""
        try:
            text = keywords.check(text)
        except ValidationError:
            return None
        return self.filter(normalized=keywords.normalize(text)).first()

    def watch(self, text: str, **chosen: Any) -> "tuple[KeyWordEntry, bool]":
        """Return the entry for `text` and whether it is new.

        `chosen` (interval, weight, state) applies to a new entry; an existing one keeps its own values. A previewed
        one becomes watched. Raises ValidationError.
        """
        if (entry := self.find(text)) is None:
            try:
                with transaction.atomic():
                    return self.create(keyword=text, **chosen), True
            except IntegrityError:
                # Another process has just added it.
                if (entry := self.find(text)) is None:
                    raise
        if entry.state == KeyWordEntry.State.PREVIEWED:
            entry.state, entry.interval = KeyWordEntry.State.WATCHED, chosen.get("interval")
            entry.save()
        return entry, False

    def watched(self) -> Self:
        return self.filter(state=KeyWordEntry.State.WATCHED)

    def scheduled(self) -> Self:
        """Return the watched entries that are planned: all but those whose query YouTube refuses."""
        return self.watched().filter(bad_query="")

    def unclaimed(self) -> Self:
        """Return the entries that no worker has claimed. Claims of workers that died are ended by claims.Watcher."""
        return self.filter(claim_token="")

    def overdue(self, now: datetime) -> Self:
        """Return the watched entries whose fetch should have begun at `now`, and has not."""
        return self.watched().unclaimed().filter(next_due_at__lte=now).order_by("next_due_at")

    def with_last_log(self) -> Self:
        """Annotate each entry with the status, error code and message of its newest log; an index lookup per entry."""
        newest = VideoLog.objects.filter(keyword=OuterRef("pk")).order_by("-created_at", "-id")
        return self.annotate(
            last_log_status=Subquery(newest.values("status")[:1]),
            last_log_error_code=Subquery(newest.values("error_code")[:1]),
            last_log_message=Subquery(newest.values("message")[:1]),
        )

    def with_videos_changed_at(self) -> Self:
        """Annotate each entry with VideoTotal.changed_at, read at the same moment as its own fields."""
        return self.annotate(videos_changed_at=Subquery(VideoTotal.objects.values("changed_at")[:1]))

    def lock(self) -> list["KeyWordEntry"]:
        """Return the entries, locked until the end of the transaction.

        Lock entries here before changing several: in the order of their ids, so that two transactions cannot
        deadlock, and without blocking new rows that refer to them.
        """
        return list(self.select_for_update(no_key=True).order_by("pk"))

    def set_state(self, state: "KeyWordEntry.State") -> None:
        """Pause or resume the entries, as KeyWordEntry.save() does for one."""
        ids = list(self.values_list("pk", flat=True))
        entries = KeyWordEntry.objects.filter(pk__in=ids)
        with transaction.atomic():
            entries.lock()
            if state == KeyWordEntry.State.WATCHED:
                again = ~Q(refused_since=None) | Q(next_due_at=None)
                entries.filter(again).update(next_due_at=timezone.now())
            entries.update(state=state, bad_query="", refused_since=None)
            keywords_changed.send(KeyWordEntry, keyword_ids=ids)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Hide and unschedule the entries at once; a chore erases their matches and videos in chunks."""
        ids = list(self.values_list("pk", flat=True))
        entries = KeyWordEntry.objects.filter(pk__in=ids)
        with transaction.atomic():
            entries.lock()
            hidden = entries.update(state=KeyWordEntry.State.DELETING, claim_token="", next_due_at=None)
            keywords_changed.send(KeyWordEntry, keyword_ids=ids)
        return hidden, {KeyWordEntry._meta.label: hidden}

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class _NotDeleted(models.Manager.from_queryset(KeyWordEntryQuerySet)):  # type: ignore[misc]
    """Hide keywords that are being deleted."""

    def get_queryset(self) -> KeyWordEntryQuerySet:
        return super().get_queryset().exclude(state=KeyWordEntry.State.DELETING)  # type: ignore[no-any-return]


class KeyWordEntry(models.Model):
    """A keyword to watch."""

    # The assumed number of new videos per day for a keyword that was not searched yet.
    PRIOR_RATE = 10.0

    class State(models.TextChoices):
        WATCHED = "watched", "watched"
        PAUSED = "paused", "paused"
        PREVIEWED = "previewed", "previewed"
        DELETING = "deleting", "being deleted"

    keyword = models.CharField(max_length=keywords.MAX_LENGTH, help_text="As typed, without invisible characters.")
    normalized = models.CharField(max_length=keywords.MAX_LENGTH, editable=False)
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.WATCHED,
    )
    interval = models.PositiveIntegerField(
        "interval in seconds",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(30 * DAY)],
        help_text="Empty: the default interval (FETCH_INTERVAL).",
    )
    planned_interval = models.PositiveIntegerField(
        default=DAY, editable=False, help_text="Seconds between fetches in the current plan."
    )
    below_daily_minimum = models.BooleanField(
        default=False, editable=False, help_text="There are not enough searches to fetch it once a day."
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How important it is to find its videos early, from 1 to 100.",
    )
    rate = models.FloatField(default=PRIOR_RATE, editable=False, help_text="Estimated new videos per day.")
    video_count = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    next_due_at = models.DateTimeField(null=True, editable=False)
    last_fetched_at = models.DateTimeField(null=True, editable=False, help_text="Start of the last fetch.")
    searched_through = models.DateTimeField(
        null=True, editable=False, help_text="YouTube was searched up to here, except for recorded gaps."
    )
    bad_query = models.CharField(
        max_length=300,
        blank=True,
        default="",
        editable=False,
        help_text="Why YouTube refuses this keyword. It is tried again once a day.",
    )
    refused_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when YouTube has refused each search for this keyword."
    )
    claim_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)

    objects = _NotDeleted()
    including_deleted = models.Manager.from_queryset(KeyWordEntryQuerySet)()

    class Meta:
        verbose_name = "keyword"
        ordering = ["normalized"]
        constraints = [
            # A keyword can be added again while its old entry is still being erased.
            models.UniqueConstraint(
                fields=["normalized"],
                condition=~Q(state="deleting"),
                name="keyword_once",
                violation_error_message="This keyword already exists.",
            ),
        ]
        indexes = [
            # The chore catch_up: overdue().
            models.Index(fields=["state", "next_due_at"], name="keyword_due"),
        ]

    def __str__(self) -> str:
        return self.keyword

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save a keyword that a person added or changed.

        Of a stored entry only `update_fields` are written, by default the fields that people edit: a fetch may be
        updating the others at the same time. By default a query that YouTube refused is tried again.

        Raises ValidationError for an invalid keyword, DoesNotExist if it has been deleted.
        """
        self.clean()
        if update_fields is None:
            update_fields = ["keyword", "normalized", "state", "interval", "weight", "bad_query", "refused_since"]
            was_refused = self.refused_since is not None
            self.bad_query, self.refused_since = "", None
            if self.state == self.State.WATCHED and (was_refused or self.next_due_at is None):
                self.next_due_at = timezone.now()
                update_fields.append("next_due_at")
        with transaction.atomic():
            if not self._state.adding:
                if "keyword" in update_fields:
                    VideoTotal.lock()  # videos show the spelling of their keyword
                kwargs["update_fields"] = update_fields
                if not KeyWordEntry.objects.select_for_update().filter(pk=self.pk).exists():
                    raise KeyWordEntry.DoesNotExist("This keyword has been deleted.")
            super().save(*args, **kwargs)
            keywords_changed.send(KeyWordEntry, keyword_ids=[self.pk])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Hide and unschedule the entry at once; a chore erases its matches and videos in chunks."""
        return KeyWordEntry.including_deleted.filter(pk=self.pk).delete()

    def clean(self) -> None:
        try:
            self.keyword = keywords.check(self.keyword, same_as=None if self._state.adding else self.normalized)
        except ValidationError as error:
            raise ValidationError({"keyword": error}) from error
        if self._state.adding:
            self.normalized = keywords.normalize(self.keyword)

    @property
    def requested_interval(self) -> int | None:
        """The interval in seconds that was chosen for this keyword or as the default; None = automatic."""
        return self.interval or settings.FETCH_INTERVAL

    @property
    def is_stretched(self) -> bool:
        """Whether the daily searches do not suffice for the requested interval."""
        return self.requested_interval is not None and self.planned_interval > self.requested_interval

    @property
    def searches_per_day(self) -> float:
        return DAY / self.planned_interval

    @property
    def expected_delay(self) -> int:
        """The average time in seconds from when YouTube shows a video until it is found: half an interval."""
        return self.planned_interval // 2

    @property
    def phase(self) -> float:
        """The keyword's place among all, from 0.05 to 1: multiples of the golden ratio are spread evenly."""
        return 0.05 + 0.95 * ((self.pk * 0.618033988749895) % 1)

    def after_pause(self, end: datetime) -> datetime:
        """Return when this keyword resumes after a pause that ends at `end`; keywords are spread over SPREAD."""
        return end + SPREAD * self.phase

    def due_after(self, started_at: datetime, *, was_waiting: bool) -> datetime:
        """Return when the next fetch is due, after one that began at `started_at`.

        Keywords that are fetched for the first time, after waiting, or long overdue are often fetched together with
        others. On the automatic schedule their next fetch comes sooner, by `phase`, so that they spread out again.
        """
        interval = timedelta(seconds=self.planned_interval)
        overdue = self.next_due_at is not None and started_at > self.next_due_at + interval / 2
        bunched = self.last_fetched_at is None or was_waiting or overdue
        return started_at + interval * (self.phase if bunched and self.requested_interval is None else 1)

    def validate_constraints(self, exclude: Any = None) -> None:
        """Include `normalized` in the checks, although forms exclude it because they do not show it."""
        super().validate_constraints(exclude=set(exclude or ()) - {"normalized"})

    @property
    def next_fetch_at(self) -> datetime | None:
        """When the next scheduled fetch is due; None while the keyword is paused."""
        return self.next_due_at if self.state == self.State.WATCHED else None

    def is_due(self) -> bool:
        """Return whether a scheduled fetch should have begun."""
        return self.next_fetch_at is not None and self.next_fetch_at <= timezone.now()

    @property
    def next_trigger(self) -> "VideoLog.Trigger":
        return VideoLog.Trigger.SCHEDULE if self.last_fetched_at else VideoLog.Trigger.FIRST

    def claim(self, *, scheduled: bool) -> str | None:
        """Claim this keyword for a fetch; return the claim's token, or None if it is claimed or not due.

        A scheduled fetch requires that `next_due_at` has come, so that a message delivered twice, or two beats, cause
        one search. One conditional UPDATE: only one of any number of workers succeeds.
        """
        claimable = KeyWordEntry.objects.filter(pk=self.pk)
        if scheduled:
            early = min(MAX_EARLY, timedelta(seconds=self.planned_interval / 10))
            claimable = claimable.watched().filter(next_due_at__lte=timezone.now() + early)
        return self._claim(claimable)

    def claim_erasing(self) -> str | None:
        """Claim this deleted keyword for erasing; return the claim's token, or None if it is claimed."""
        return self._claim(KeyWordEntry.including_deleted.filter(pk=self.pk, state=self.State.DELETING))

    @staticmethod
    def _claim(claimable: KeyWordEntryQuerySet) -> str | None:
        token = uuid.uuid4().hex
        return token if claimable.unclaimed().update(claim_token=token, claimed_at=timezone.now()) else None

    def renew(self, token: str) -> bool:
        """Renew the claim; return False if it has ended. One UPDATE: see fetching/claims.py."""
        claimed = KeyWordEntry.including_deleted.filter(pk=self.pk, claim_token=token)
        return bool(claimed.update(claimed_at=timezone.now()))

    def release(self, token: str, **changes: Any) -> bool:
        """Release the claim and write `changes`; return False if it has ended."""
        claimed = KeyWordEntry.including_deleted.filter(pk=self.pk, claim_token=token)
        return bool(claimed.update(claim_token="", claimed_at=None, **changes))


class SearchGap(models.Model):
    """A stored Gap: see fetching/gaps.py."""

    keyword = models.ForeignKey(KeyWordEntry, on_delete=models.CASCADE, related_name="gaps")
    after = models.DateTimeField()
    before = models.DateTimeField()
    late = models.BooleanField(default=False)

    class Meta:
        ordering = ["-before"]

    def __str__(self) -> str:
        return f"{self.keyword}: {self.after:%Y-%m-%d %H:%M} to {self.before:%Y-%m-%d %H:%M}"

    @property
    def value(self) -> Gap:
        return Gap(self.after, self.before, self.late)


class VideoQuerySet(models.QuerySet["Video"]):
    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-video_id")

    def search(self, text: str) -> Self:
        """Return the videos with all words of `text` in title, description or channel; see fulltext.py.

        One short query, now.
        """
        return self.filter(Search(text).condition(self.db, "pk"))

    def in_order_of(self, video_ids: Iterable[str]) -> list["Video"]:
        """Return the videos with these ids, in this order, without any that have just been removed."""
        videos = self.in_bulk(list(video_ids))
        return [videos[video_id] for video_id in video_ids if video_id in videos]

    def with_keywords(self) -> Self:
        """Prefetch each video's matches with their keywords into `found_by`, earliest first; one query."""
        matches = Match.objects.select_related("keyword").exclude(keyword__state=KeyWordEntry.State.DELETING)
        return self.prefetch_related(Prefetch("matches", matches.order_by("created_at", "pk"), to_attr="found_by"))

    def to_complete(self, requested_before: datetime, limit: int) -> list[str]:
        """Return the ids of up to `limit` videos to request with videos.list, newest first: those not completed yet,
        and streams that were live or upcoming; except those requested since `requested_before`.

        Two queries, because each uses an index of its own. Of many streams, those requested longest ago come first.
        """
        requestable = self.filter(Q(missing_since=None) | Q(missing_since__lt=requested_before)).order_by("-created_at")
        running = requestable.filter(live_state__in=[Video.LiveState.LIVE, Video.LiveState.UPCOMING])
        # In another order PostgreSQL might walk all videos, newest first, to find the few streams.
        running = running.order_by("completed_at")
        wanted = (requestable.filter(completed_at=None), running.filter(completed_at__lt=requested_before))
        rows = [row for videos in wanted for row in videos.values_list("created_at", "pk")[:limit]]
        return [pk for _, pk in sorted(rows, reverse=True)[:limit]]


class Video(models.Model):
    """One YouTube video."""

    class LiveState(models.TextChoices):
        NONE = "none", "none"
        UPCOMING = "upcoming", "upcoming"
        LIVE = "live", "live"
        COMPLETED = "completed", "premiered or streamed"

    video_id = models.CharField("video id", max_length=16, primary_key=True)
    title = models.CharField(max_length=found_video.TITLE_LENGTH, blank=True)
    description = models.TextField(blank=True)
    published_at = models.DateTimeField()
    published_exact = models.BooleanField(default=True, help_text="False: the date is an estimate.")
    channel_id = models.CharField(max_length=found_video.CHANNEL_ID_LENGTH, blank=True)
    channel_title = models.CharField(max_length=found_video.CHANNEL_TITLE_LENGTH, blank=True)
    thumbnail = models.CharField(max_length=found_video.THUMBNAIL_LENGTH, blank=True)
    duration = models.PositiveIntegerField("duration in seconds", null=True)
    live_state = models.CharField(max_length=10, choices=LiveState.choices, default=LiveState.NONE)
    starts_at = models.DateTimeField(
        null=True, help_text="When a premiere or stream started, or is planned to start; null: neither, or unknown."
    )
    view_count = models.PositiveBigIntegerField(null=True)
    views_read_at = models.DateTimeField(null=True)
    method = models.CharField(max_length=10, choices=VideoFetchMethod.choices)
    keyword = models.ForeignKey(
        KeyWordEntry,
        null=True,
        on_delete=models.SET_NULL,
        related_name="first_found",
        help_text="The keyword that found it first.",
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="When another field last changed.")
    completed_at = models.DateTimeField(null=True, help_text="When YouTube last gave the full data.")
    missing_since = models.DateTimeField(null=True, help_text="When YouTube first left it out of a response.")

    objects = VideoQuerySet.as_manager()

    class Meta:
        # SQLite uses a partial index only where the condition's values are written in the statement, as with NULL;
        # Django passes all others as parameters.
        indexes = [
            # All videos, newest first: / and GET /api/videos/.
            models.Index(fields=["-published_at", "-video_id"], name="video_newest"),
            # Filters and orders of GET /api/videos/, see conditions.py. Those with two values have an index as well,
            # since one of them may be rare.
            models.Index(fields=["channel_id", "-published_at", "-video_id"], name="video_channel"),
            models.Index(
                Upper("channel_title"), F("published_at").desc(), F("video_id").desc(), name="video_channel_name"
            ),
            models.Index(fields=["live_state", "-published_at", "-video_id"], name="video_live"),
            models.Index(fields=["method", "-published_at", "-video_id"], name="video_method"),
            models.Index(fields=["published_exact", "-published_at", "-video_id"], name="video_exact"),
            models.Index(fields=["created_at", "video_id"], name="video_found"),
            # The migration adds two more for PostgreSQL, where these do not serve descending orders: unknown is last.
            models.Index(fields=["view_count", "video_id"], name="video_views"),
            models.Index(fields=["duration", "video_id"], name="video_duration"),
            # The chore that completes videos: to_complete().
            models.Index(fields=["-created_at"], condition=Q(completed_at=None), name="video_incomplete"),
            models.Index(fields=["live_state", "completed_at"], name="video_running"),
        ]

    def __str__(self) -> str:
        return self.title or self.video_id

    @property
    def watch_url(self) -> str:
        return watch_url(self.video_id)


def watch_url(video_id: str) -> str:
    """Return the address of the video on YouTube."""
    return f"https://www.youtube.com/watch?v={video_id}"


class VideoTotal(models.Model):
    """The number of videos and when they changed, in a single row, so that no page counts or compares a million.

    Code that changes what lists of videos show locks this row first: writers take turns, and the count always equals
    the number of rows. At a hundred searches per day they never wait long.
    """

    count = models.PositiveBigIntegerField(default=0)
    changed_at = models.DateTimeField(
        default=timezone.now, help_text="Differs after each change, by a second or more, even if the clock does not."
    )

    def __str__(self) -> str:
        return str(self.count)

    @classmethod
    def lock(cls) -> "VideoTotal":
        """Return the row, locked until the end of the transaction, which counts as a change of the videos."""
        total, _ = cls.objects.select_for_update().get_or_create(pk=1)
        total.changed_at = max(timezone.now(), total.changed_at + timedelta(seconds=1))
        total.save(update_fields=["changed_at"])
        return total

    @classmethod
    def read(cls) -> "VideoTotal":
        """Return the row; one query."""
        return cls.objects.first() or cls()

    @classmethod
    def current(cls) -> int:
        """Return the number of videos; one query."""
        return cls.read().count


class MatchQuerySet(models.QuerySet["Match"]):
    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-video")

    def search(self, text: str) -> Self:
        """Return the matches of the videos that `Video.objects.search(text)` returns."""
        return self.filter(Search(text).condition(self.db, "video"))


class Match(models.Model):
    """A keyword found a video."""

    keyword = models.ForeignKey(KeyWordEntry, on_delete=models.CASCADE, related_name="matches", db_index=False)
    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="matches")
    method = models.CharField(max_length=10, choices=VideoFetchMethod.choices)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(
        help_text="Copy of the video's date, so that one index can list a keyword's videos."
    )

    objects = MatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "matches"
        constraints = [models.UniqueConstraint(fields=["keyword", "video"], name="match_once")]
        indexes = [
            # One keyword's videos, newest first: its page and GET /api/keyword/<keyword>/videos/.
            models.Index(fields=["keyword", "-published_at", "-video"], name="match_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.keyword_id} - {self.video_id}"


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

    def under_way(self, now: datetime) -> Self:
        """Return fetches that are running, or manual and waiting."""
        recent = (now - LONGEST_FETCH, now + LONGEST_FETCH)
        running = Q(status=VideoLog.Status.RUNNING, created_at__range=recent)
        manual = Q(status=VideoLog.Status.WAITING, trigger=VideoLog.Trigger.MANUAL)
        # Both statuses also outside the OR, where an index can be used.
        return self.filter(running | manual, status__in=[VideoLog.Status.RUNNING, VideoLog.Status.WAITING])

    def close_abandoned(self) -> None:
        """Close the running logs of workers that died, and retry manual fetches once."""
        running = self.filter(status=VideoLog.Status.RUNNING)
        if not running.exists():
            return  # on SQLite even an UPDATE of no rows takes the write lock
        again = Q(trigger=VideoLog.Trigger.MANUAL, keyword__isnull=False) & ~Q(error_code=VideoLog.WORKER_DIED)
        message = "The worker stopped during the fetch."
        running.exclude(again).close(VideoLog.Status.INTERRUPTED, message, error_code=VideoLog.WORKER_DIED)
        message += " Retrying once."
        running.filter(again).close(
            VideoLog.Status.WAITING, message, error_code=VideoLog.WORKER_DIED, waiting_until=None
        )

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
    TIME_LIMIT = "time_limit"
    # The error codes of fetches that need a person.
    NEEDS_PERSON = [NoUsableKey.code, ProjectSuspended.code]

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", "schedule"
        FIRST = "first", "first fetch"
        MANUAL = "manual", "manual"
        PREVIEW = "preview", "preview"

    keyword = models.ForeignKey(KeyWordEntry, null=True, on_delete=models.SET_NULL, related_name="logs", db_index=False)
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
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} {self.keyword_text}: {self.status}"

    def record_usage(self, youtube: "YouTube") -> None:
        """Write what the fetch has used so far."""
        VideoLog.objects.filter(pk=self.pk).update(searches=youtube.searches, units=youtube.units)

    @property
    def still_waits(self) -> bool:
        """Whether the fetch is waiting for a moment that has not come yet."""
        return self.waiting_until is not None and self.waiting_until > timezone.now()
