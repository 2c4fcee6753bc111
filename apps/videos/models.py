"""What is watched, what was found, and what happened."""

import uuid
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import OuterRef, Prefetch, Q, Subquery
from django.dispatch import Signal
from django.utils import timezone

from apps.videos import keywords

DAY = 86_400

# A claim older than this belongs to a worker that died: longer than Celery's time limit for a task, which is
# longer than the longest fetch.
CLAIM_AGE_LIMIT = timedelta(seconds=140)

# After a pause the keywords start again within this time, not all at one moment.
SPREAD = timedelta(minutes=1)

# Beat's ring may come a little before the moment that is due, since both drift: up to a tenth of the interval,
# and never more than this, counts as on time.
EARLIEST_RING = timedelta(seconds=30)


# Sent when keywords were added, changed or deleted by whatever way, with `saved` (the entry) or `deleted` (True).
# Bookkeeping through update() does not send it.
keywords_changed = Signal()


class VideoFetchMethod(models.TextChoices):
    YOUTUBE = "youtube", "YouTube"
    INVIDIOUS = "invidious", "Invidious"


class KeyWordEntryQuerySet(models.QuerySet["KeyWordEntry"]):
    def find(self, text: str) -> "KeyWordEntry | None":
        """Return the entry for `text` in any case and spacing, or None."""
        try:
            text = keywords.check(text)
        except ValidationError:
            return None
        return self.filter(normalized=keywords.normalize(text)).first()

    def watch(self, text: str, **chosen: Any) -> "tuple[KeyWordEntry, bool]":
        """Return the entry for `text` and whether it is new; `chosen` (interval, weight, state) are the new
        one's, an existing one keeps its own.

        One that was only previewed is watched from now on. Raises ValidationError.
        """
        if (entry := self.find(text)) is None:
            try:
                with transaction.atomic():
                    return self.create(keyword=text, **chosen), True
            except IntegrityError:
                # Somebody added it in the meantime.
                if (entry := self.find(text)) is None:
                    raise
        if entry.state == KeyWordEntry.State.PREVIEWED:
            entry.state, entry.interval = KeyWordEntry.State.WATCHED, chosen.get("interval")
            entry.save()
        return entry, False

    def watched(self) -> Self:
        return self.filter(state=KeyWordEntry.State.WATCHED)

    def scheduled(self) -> Self:
        """Return the watched entries that are worth a search: not those whose query YouTube does not accept."""
        return self.watched().filter(bad_query="")

    def overdue(self, now: datetime) -> Self:
        """Return the scheduled entries whose fetch should have begun, and that nobody is fetching."""
        unclaimed = Q(claim_token="") | Q(claimed_at__lt=now - CLAIM_AGE_LIMIT)
        return self.scheduled().filter(unclaimed, next_due_at__lte=now).order_by("next_due_at")

    def with_last_log(self) -> Self:
        """Annotate each entry with its newest log's status, error and message; one indexed look per entry."""
        newest = VideoLog.objects.filter(keyword=OuterRef("pk")).order_by("-created_at", "-id")
        return self.annotate(
            last_log_status=Subquery(newest.values("status")[:1]),
            last_log_error=Subquery(newest.values("error")[:1]),
            last_log_message=Subquery(newest.values("message")[:1]),
        )

    def lock(self) -> list["KeyWordEntry"]:
        """Return the entries, locked until the end of the transaction.

        Whoever changes many locks them first: in the order of their ids, so that no two wait for each other in a
        circle, and leaving others free to refer to them.
        """
        return list(self.select_for_update(no_key=True).order_by("pk"))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Hide and unschedule the entries at once; a chore erases what belongs to them, bit by bit."""
        ids = list(self.values_list("pk", flat=True))
        entries = KeyWordEntry.objects.filter(pk__in=ids)
        with transaction.atomic():
            entries.lock()
            hidden = entries.update(state=KeyWordEntry.State.DELETING, claim_token="", next_due_at=None)
            keywords_changed.send(KeyWordEntry, deleted=bool(hidden))
        return hidden, {KeyWordEntry._meta.label: hidden}

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class _NotDeleted(models.Manager.from_queryset(KeyWordEntryQuerySet)):  # type: ignore[misc]
    """Keywords as everybody sees them: deleting one hides it at once."""

    def get_queryset(self) -> KeyWordEntryQuerySet:
        return super().get_queryset().exclude(state=KeyWordEntry.State.DELETING)  # type: ignore[no-any-return]


class KeyWordEntry(models.Model):
    """A keyword to watch, and how."""

    # Videos a day, of a keyword of which nothing is known yet.
    PRIOR_RATE = 10.0

    class State(models.TextChoices):
        WATCHED = "watched", "watched"
        PAUSED = "paused", "paused"
        PREVIEWED = "previewed", "previewed"
        DELETING = "deleting", "being deleted"

    keyword = models.CharField(max_length=keywords.LONGEST, help_text="As typed; white space is folded.")
    normalized = models.CharField(max_length=keywords.LONGEST, editable=False)
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
        help_text="Empty = automatic: as often as the day's searches allow.",
    )
    planned_interval = models.PositiveIntegerField(
        default=DAY, editable=False, help_text="Seconds between fetches as planned now, within the budget."
    )
    starves = models.BooleanField(
        default=False, editable=False, help_text="There are too few searches to search this one once a day."
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How much finding this keyword's videos early matters, 1 to 100.",
    )
    rate = models.FloatField(default=PRIOR_RATE, editable=False, help_text="New videos a day, as estimated.")
    video_count = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    next_due_at = models.DateTimeField(null=True, editable=False)
    last_fetched_at = models.DateTimeField(null=True, editable=False, help_text="When the last fetch began.")
    searched_through = models.DateTimeField(
        null=True, editable=False, help_text="Up to here YouTube was searched, but for recorded gaps."
    )
    bad_query = models.CharField(
        max_length=300, blank=True, default="", editable=False, help_text="Why YouTube does not accept this keyword."
    )
    claim_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)

    objects = _NotDeleted()
    including_deleted = models.Manager.from_queryset(KeyWordEntryQuerySet)()

    class Meta:
        verbose_name = "keyword"
        ordering = ["normalized"]
        constraints = [
            # A word may be watched anew while its former entry is still being erased.
            models.UniqueConstraint(
                fields=["normalized"],
                condition=~Q(state="deleting"),
                name="keyword_once",
                violation_error_message="This keyword is watched already.",
            ),
        ]
        indexes = [
            # The chore each minute: what is overdue?
            models.Index(fields=["next_due_at"], condition=Q(state="watched"), name="keyword_due"),
        ]

    def __str__(self) -> str:
        return self.keyword

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a keyword that a person added or changed.

        Raises ValidationError for what cannot be a keyword, DoesNotExist if it was deleted meanwhile.

        Of a stored one only what people choose is written: a fetch may just be counting its videos or moving its
        dates, by update(), which does not touch the schedule.
        """
        self.clean()
        # Whoever edits a keyword that was refused wants it tried again, now.
        refused, self.bad_query = bool(self.bad_query), ""
        chosen = ["keyword", "normalized", "state", "interval", "weight", "bad_query"]
        if self.state == self.State.WATCHED and (refused or self.next_due_at is None):
            self.next_due_at = timezone.now()
            chosen.append("next_due_at")
        with transaction.atomic():
            if not self._state.adding:
                kwargs["update_fields"] = chosen
                if not KeyWordEntry.objects.select_for_update().filter(pk=self.pk).exists():
                    raise KeyWordEntry.DoesNotExist("This keyword has been deleted meanwhile.")
            super().save(*args, **kwargs)
            keywords_changed.send(KeyWordEntry, saved=self)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Hide and unschedule the entry at once; a chore erases what belongs to it, bit by bit."""
        return KeyWordEntry.including_deleted.filter(pk=self.pk).delete()

    def clean(self) -> None:
        self.keyword = keywords.check(self.keyword)
        normalized = keywords.normalize(self.keyword)
        if self.pk and normalized != self.normalized:
            raise ValidationError({"keyword": "Only the spelling may change; another word is another keyword."})
        self.normalized = normalized

    @property
    def wish(self) -> int | None:
        """The interval in seconds that a person chose, for this keyword or for all; None = automatic."""
        return self.interval or settings.FETCH_INTERVAL

    @property
    def is_stretched(self) -> bool:
        """Tell whether the day's searches do not bear the interval that a person chose."""
        return self.wish is not None and self.planned_interval > self.wish

    @property
    def searches_a_day(self) -> float:
        return DAY / self.planned_interval

    @property
    def expected_delay(self) -> int:
        """How long a video waits to be found, in seconds, on the mean: half an interval, once YouTube shows it."""
        return self.planned_interval // 2

    @property
    def phase(self) -> float:
        """The keyword's place, from 0.05 to 1, among all: multiples of the golden ratio never crowd."""
        return 0.05 + 0.95 * ((self.pk * 0.618033988749895) % 1)

    def after_pause(self, end: datetime) -> datetime:
        """Return when this keyword goes on after a pause that ends at `end`: not all at one moment."""
        return end + SPREAD * self.phase

    def due_after(self, began: datetime, *, waited: bool) -> datetime:
        """Return when the next fetch is due, after one that began at `began`; `waited` tells that it was put off.

        One that comes for the first time, was put off, or comes long after it was due, came together with others,
        most likely. Where nobody has said how often, it comes again sooner, so that they part.
        """
        interval = timedelta(seconds=self.planned_interval)
        overdue = self.next_due_at is not None and began > self.next_due_at + interval / 2
        together = self.last_fetched_at is None or waited or overdue
        return began + interval * (self.phase if together and self.wish is None else 1)

    def validate_constraints(self, exclude: Any = None) -> None:
        """Check what the database would refuse; forms leave `normalized` out, as they do not show it."""
        super().validate_constraints(exclude=set(exclude or ()) - {"normalized"})

    def is_due(self) -> bool:
        """Tell whether a scheduled fetch should have begun."""
        scheduled = self.state == self.State.WATCHED and not self.bad_query
        return scheduled and self.next_due_at is not None and self.next_due_at <= timezone.now()

    @property
    def next_trigger(self) -> "VideoLog.Trigger":
        return VideoLog.Trigger.SCHEDULE if self.last_fetched_at else VideoLog.Trigger.FIRST

    def claim(self, *, scheduled: bool) -> str | None:
        """Take the right to fetch this keyword; return the claim's token, or None if it is not to be had.

        A scheduled fetch is due only when `next_due_at` has come, so that a message delivered twice, or two
        beats, search once. One conditional UPDATE: of any number of workers one succeeds.
        """
        claimable = KeyWordEntry.objects.filter(pk=self.pk)
        if scheduled:
            early = min(EARLIEST_RING, timedelta(seconds=self.planned_interval / 10))
            claimable = claimable.scheduled().filter(next_due_at__lte=timezone.now() + early)
        return self._take(claimable)

    def claim_erasing(self) -> str | None:
        """Take the right to erase this deleted keyword; return the claim's token, or None if it is not to be had."""
        return self._take(KeyWordEntry.including_deleted.filter(pk=self.pk, state=self.State.DELETING))

    @staticmethod
    def _take(claimable: KeyWordEntryQuerySet) -> str | None:
        now, token = timezone.now(), uuid.uuid4().hex
        free = Q(claim_token="") | Q(claimed_at__lt=now - CLAIM_AGE_LIMIT)
        return token if claimable.filter(free).update(claim_token=token, claimed_at=now) else None

    def release(self, token: str, **changes: Any) -> bool:
        """Give the claim back and write `changes`; return False if somebody else has taken it over."""
        mine = KeyWordEntry.objects.filter(pk=self.pk, claim_token=token)
        return bool(mine.update(claim_token="", claimed_at=None, **changes))


class SearchGap(models.Model):
    """A stretch of publication dates that a search did not reach: its page was full before it got there.

    A `late` one has been searched before, and is looked through once more for what YouTube showed late.
    """

    keyword = models.ForeignKey(KeyWordEntry, on_delete=models.CASCADE, related_name="gaps")
    after = models.DateTimeField()
    before = models.DateTimeField()
    late = models.BooleanField(default=False)

    class Meta:
        ordering = ["-before"]

    def __str__(self) -> str:
        return f"{self.keyword}: {self.after:%Y-%m-%d %H:%M} to {self.before:%Y-%m-%d %H:%M}"


class VideoQuerySet(models.QuerySet["Video"]):
    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-video_id")

    def with_keywords(self) -> Self:
        """Prefetch into `found_by` the matches by which keywords found each video, earliest first; one query."""
        matches = Match.objects.select_related("keyword").exclude(keyword__state=KeyWordEntry.State.DELETING)
        return self.prefetch_related(Prefetch("matches", matches.order_by("created_at", "pk"), to_attr="found_by"))

    def to_complete(self, asked_before: datetime) -> Self:
        """Return the videos of which YouTube has more to tell, newest finds first: all of those not yet completed,
        and streams that were live or to come; but none asked about since `asked_before`, in vain or not."""
        running = Q(live_state__in=[Video.LiveState.LIVE, Video.LiveState.UPCOMING])
        told = self.filter(Q(completed_at=None) | running & Q(completed_at__lt=asked_before))
        return told.filter(Q(missing_since=None) | Q(missing_since__lt=asked_before)).order_by("-created_at")


class Video(models.Model):
    """One YouTube video."""

    class LiveState(models.TextChoices):
        NONE = "none", "none"
        UPCOMING = "upcoming", "upcoming"
        LIVE = "live", "live"
        COMPLETED = "completed", "was live"

    video_id = models.CharField("video id", max_length=16, primary_key=True)
    title = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True)
    published_at = models.DateTimeField()
    published_exact = models.BooleanField(default=True, help_text="False: Invidious guessed the date.")
    channel_id = models.CharField(max_length=100, blank=True)
    channel_title = models.CharField(max_length=200, blank=True)
    thumbnail = models.CharField(max_length=500, blank=True)
    duration = models.PositiveIntegerField("duration in seconds", null=True)
    live_state = models.CharField(max_length=10, choices=LiveState.choices, default=LiveState.NONE)
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
    updated_at = models.DateTimeField(help_text="Moves only when something changed.")
    completed_at = models.DateTimeField(null=True, help_text="When YouTube last told all it knows.")
    missing_since = models.DateTimeField(null=True, help_text="When YouTube, asked about it, left it out.")

    objects = VideoQuerySet.as_manager()

    class Meta:
        indexes = [
            # All videos, newest first: / and GET /api/videos/.
            models.Index(fields=["-published_at", "-video_id"], name="video_newest"),
            # The chore that completes what could not be completed at once.
            models.Index(fields=["-created_at"], condition=Q(completed_at=None), name="video_incomplete"),
            models.Index(
                fields=["-created_at"], condition=Q(live_state__in=["live", "upcoming"]), name="video_running"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.video_id

    @property
    def watch_url(self) -> str:
        return f"https://www.youtube.com/watch?v={self.video_id}"


class VideoTotal(models.Model):
    """How many videos there are, in its only row, so that no page counts a million of them.

    Whoever adds or removes videos locks this row first: storing takes turns, and the count always equals the
    rows. At a hundred searches a day turns are never long.
    """

    count = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.count)

    @classmethod
    def lock(cls) -> "VideoTotal":
        """Return the row, locked until the end of the transaction."""
        return cls.objects.select_for_update().get_or_create(pk=1)[0]

    @classmethod
    def now(cls) -> int:
        """Return the number of videos; one query."""
        return cls.objects.values_list("count", flat=True).first() or 0


class MatchQuerySet(models.QuerySet["Match"]):
    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-video")


class Match(models.Model):
    """A keyword found a video: when, and by which method."""

    keyword = models.ForeignKey(KeyWordEntry, on_delete=models.CASCADE, related_name="matches", db_index=False)
    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="matches")
    method = models.CharField(max_length=10, choices=VideoFetchMethod.choices)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(help_text="Always the video's own, so that one index serves a page.")

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
        """Return what a person asked for and no worker has begun: asked for a minute ago or more, or to be tried
        again when searches are there, which they are."""
        asked_for = self.filter(status=VideoLog.Status.WAITING, keyword__isnull=False)
        lost = Q(waiting_until=None, created_at__lt=now - timedelta(minutes=1))
        return asked_for.filter(lost | Q(trigger=VideoLog.Trigger.MANUAL, waiting_until__lte=now))

    def abandoned(self, now: datetime) -> Self:
        """Return fetches that still run although every claim of their time has lapsed."""
        return self.filter(status=VideoLog.Status.RUNNING, created_at__lt=now - 2 * CLAIM_AGE_LIMIT)

    def under_way(self, now: datetime) -> Self:
        """Return fetches that run, and those that a person has asked for and that wait."""
        running = Q(status=VideoLog.Status.RUNNING, created_at__gt=now - CLAIM_AGE_LIMIT)
        asked_for = Q(status=VideoLog.Status.WAITING, trigger=VideoLog.Trigger.MANUAL)
        lost = Q(status=VideoLog.Status.WAITING, waiting_until=None)
        return self.filter(running | asked_for | lost)

    def end_dead(self) -> None:
        """Note that the workers of those that run have died. What a person has asked for is tried once more."""
        dead = self.filter(status=VideoLog.Status.RUNNING)
        if not dead.exists():
            return  # each minute an UPDATE of nothing would take SQLite's only lock
        again = Q(trigger=VideoLog.Trigger.MANUAL, keyword__isnull=False) & ~Q(error=VideoLog.TRIED_AGAIN)
        dead.exclude(again).close(VideoLog.Status.INTERRUPTED, "The worker stopped before it was done.")
        message = "The worker stopped before it was done; it is tried once more."
        dead.filter(again).close(VideoLog.Status.WAITING, message, error=VideoLog.TRIED_AGAIN, waiting_until=None)

    def close(self, status: "VideoLog.Status", message: str, **changes: Any) -> int:
        return self.update(status=status, message=message, **changes)


class VideoLog(models.Model):
    """One fetch: what asked for it, what it did, what it cost, how it ended. It outlives its keyword."""

    class Status(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        WAITING = "waiting", "waiting"
        INTERRUPTED = "interrupted", "interrupted"

    # The error of a fetch whose worker died, and that was begun again.
    TRIED_AGAIN = "WorkerDied"
    # The errors of fetches that nothing helps but a person.
    UNTIL_A_PERSON_ACTS = ["NothingLeft", "ProjectSuspended"]

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", "schedule"
        FIRST = "first", "first fetch"
        MANUAL = "manual", "by hand"
        PREVIEW = "preview", "preview"

    keyword = models.ForeignKey(KeyWordEntry, null=True, on_delete=models.SET_NULL, related_name="logs", db_index=False)
    keyword_text = models.CharField(max_length=keywords.LONGEST)
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.SCHEDULE)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RUNNING)
    method = models.CharField(max_length=10, choices=VideoFetchMethod.choices, blank=True)
    number_found = models.PositiveIntegerField(default=0)
    number_added = models.PositiveIntegerField(default=0, help_text="Matches that were new.")
    message = models.TextField(blank=True, help_text="What happened, in plain words.")
    error = models.CharField(max_length=100, blank=True, help_text="The kind of error.")
    http_status = models.PositiveSmallIntegerField(null=True)
    searches = models.PositiveSmallIntegerField(default=0)
    units = models.PositiveSmallIntegerField(default=0)
    duration = models.FloatField("duration in seconds", null=True)
    waiting_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = VideoLogQuerySet.as_manager()

    class Meta:
        indexes = [
            # A keyword's log, newest first, and its last fetch.
            models.Index(fields=["keyword", "-created_at", "-id"], name="log_of_keyword"),
            # The log of everything, newest first.
            models.Index(fields=["-created_at", "-id"], name="log_newest"),
            # The chore each minute: what was asked for and never begun, begun and never ended?
            models.Index(
                fields=["status", "created_at"],
                condition=Q(status__in=["running", "waiting"]),
                name="log_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} {self.keyword_text}: {self.status}"

    @property
    def still_waits(self) -> bool:
        """Tell whether the moment for which the fetch waited is still to come."""
        return self.waiting_until is not None and self.waiting_until > timezone.now()
