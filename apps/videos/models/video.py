"""What was found."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Upper
from django.utils import timezone

from apps.incidents.models import MAX_SKEW
from apps.videos import keywords
from apps.videos.fulltext import Search
from apps.videos.models.keyword import KeyWordEntry
from apps.videos.models.match import Match
from apps.videos.models.method import VideoFetchMethod
from apps.videos.models.rule import HidingRule
from core import found_video


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
        """Prefetch each video's matches with their keywords and the rules that hide them into `found_by`, earliest
        first; one query."""
        matches = Match.objects.select_related("keyword", "hidden_by").exclude(
            keyword__state=KeyWordEntry.State.DELETING
        )
        return self.prefetch_related(Prefetch("matches", matches.order_by("created_at", "pk"), to_attr="found_by"))

    def with_matched_in(self) -> Self:
        """Annotate each video with where the keyword that found it first stands in it."""
        first = Match.objects.filter(video=OuterRef("pk"), keyword=OuterRef("keyword"))
        return self.annotate(matched_in=Subquery(first.values("matched_in")))

    def to_complete(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of up to `limit` videos to request with videos.list, newest first: those not completed yet,
        and streams that were live or upcoming; except those requested a short time ago.

        Several queries, so that each reads a part of an index in its order. Of many streams, those requested longest
        ago come first.
        """
        incomplete = self._not_missing_since(now - Video.GONE_AFTER).filter(completed_at=None, blanked_at=None)
        parts = [
            incomplete.filter(published_exact__in=[is_exact], method=method).order_by("-created_at")
            for is_exact in (True, False)
            for method in VideoFetchMethod.values
        ]
        running = self._not_missing_since(now - Video.RUNNING_AGAIN_AFTER).filter(
            live_state__in=[Video.LiveState.LIVE, Video.LiveState.UPCOMING],
            completed_at__lt=now - Video.RUNNING_AGAIN_AFTER,
        )
        # In another order PostgreSQL might walk all videos, newest first, to find the few streams.
        wanted = (*parts, running.order_by("completed_at"))
        rows = [row for videos in wanted for row in videos.values_list("created_at", "pk")[:limit]]
        return [pk for _, pk in sorted(rows, reverse=True)[:limit]]

    def to_refresh(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of up to `limit` videos whose data is to be requested again: those whose data is older than
        REFRESH_AFTER, oldest first, then blanked ones that YouTube may still have.

        A query for each state, because the index starts with it.
        """
        # What YouTube left out before it was blanked is gone. What it left out since may be back.
        left_out_since = Q(missing_since__gt=F("blanked_at"), missing_since__lt=now - Video.GONE_AFTER)
        blanked = self.filter(Q(missing_since=None) | left_out_since, blanked_at__isnull=False).order_by("blanked_at")
        due = self._not_missing_since(now - Video.GONE_AFTER).completed_before(now - Video.REFRESH_AFTER)
        rows = [
            row
            for state in Video.LiveState.values
            for row in due.filter(live_state=state).order_by("completed_at").values_list("completed_at", "pk")[:limit]
        ]
        ids = [pk for _, pk in sorted(rows)][:limit]
        return [*ids, *blanked.values_list("pk", flat=True)[: limit - len(ids)]]

    def completed_before(self, moment: datetime) -> Self:
        """Return the videos whose full data YouTube last gave before `moment`."""
        # All states, so that an index serves it.
        return self.filter(live_state__in=Video.LiveState.values, completed_at__lt=moment)

    def found_incomplete_before(self, moment: datetime) -> Self:
        """Return the videos of which a search of YouTube last said something new before `moment`, and whose full data
        was never given."""
        # With all methods, `__in` and `created_at`, so that SQLite uses the index for both parts.
        exact = Q(published_exact__in=[True], method__in=VideoFetchMethod.values)
        estimated = Q(published_exact__in=[False], method=VideoFetchMethod.YOUTUBE)
        incomplete = self.filter(completed_at=None, blanked_at=None, created_at__lt=moment, updated_at__lt=moment)
        return incomplete.filter(exact | estimated)

    def _not_missing_since(self, moment: datetime) -> Self:
        """Return the videos without those that YouTube first left out after `moment`; with those that it left out in
        the future, before the clock was set back."""
        in_future = Q(missing_since__gt=timezone.now() + MAX_SKEW)
        return self.filter(Q(missing_since=None) | Q(missing_since__lt=moment) | in_future)


class Video(models.Model):
    """One YouTube video."""

    # YouTube's terms allow keeping its data for 30 days (Developer Policies, III.E.4.d): then it is refreshed or
    # erased. Refreshing begins early enough to survive an outage of some days.
    REFRESH_AFTER: ClassVar = timedelta(days=24)
    BLANK_AFTER: ClassVar = timedelta(days=29)

    # A single response may be wrong: a video that YouTube leaves out counts as gone if it still does after this time.
    GONE_AFTER: ClassVar = timedelta(days=1)

    # How often a stream that was live or upcoming is requested until it has ended.
    RUNNING_AGAIN_AFTER: ClassVar = timedelta(hours=1)

    class LiveState(models.TextChoices):
        NONE = "none", "none"
        UPCOMING = "upcoming", "upcoming"
        LIVE = "live", "live"
        COMPLETED = "completed", "premiered or streamed"

    video_id = models.CharField("video id", max_length=16, primary_key=True)
    title = models.CharField(max_length=found_video.TITLE_LENGTH, blank=True)
    description = models.TextField(blank=True)
    # Null, and not an empty list, as long as they are unknown.
    tags = models.JSONField(null=True, help_text="A list of texts. Null: unknown, as YouTube's search returns none.")
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
        help_text="The keyword that found it first. Null: a search for a group found it, and it is about none of them.",
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="When another field last changed.")
    completed_at = models.DateTimeField(null=True, help_text="When YouTube last gave the full data.")
    missing_since = models.DateTimeField(null=True, help_text="When YouTube first left it out of a response.")
    blanked_at = models.DateTimeField(
        null=True,
        help_text="When YouTube's data was erased: the video is gone (missing), or was not refreshed in time.",
    )
    # Marks, written by marks.py; what is hidden, by hiding.py. They are not the source's, so updated_at does not move
    # with them.
    seen_at = models.DateTimeField(null=True, help_text="When it was marked as seen.")
    starred_at = models.DateTimeField(null=True, help_text="When it was starred.")
    hidden_at = models.DateTimeField(null=True, help_text="When it was hidden: lists leave it out.")
    hidden_by_rules = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It is hidden because rules hide it for each keyword that found it, if any did.",
    )

    objects = VideoQuerySet.as_manager()

    class Meta:
        # SQLite uses a partial index only where the condition's values are written in the statement, as with NULL;
        # Django passes all others as parameters.
        indexes = [
            # All videos, newest first: / and GET /api/videos/. With `created_at` because found_before tests all newer
            # videos, and reading the index alone takes a tenth of the time; and with `hidden_at`, as all in whose order
            # a page can be, because lists leave hidden videos out.
            models.Index(fields=["-published_at", "-video_id", "created_at", "hidden_at"], name="video_newest"),
            # Filters and orders of GET /api/videos/, see conditions.py. Those with two values have an index as well,
            # since one of them may be rare.
            models.Index(fields=["channel_id", "-published_at", "-video_id", "hidden_at"], name="video_channel"),
            models.Index(
                Upper("channel_title"),
                F("published_at").desc(),
                F("video_id").desc(),
                F("hidden_at"),
                name="video_channel_name",
            ),
            models.Index(fields=["live_state", "-published_at", "-video_id", "hidden_at"], name="video_live"),
            models.Index(fields=["method", "-published_at", "-video_id", "hidden_at"], name="video_method"),
            models.Index(fields=["published_exact", "-published_at", "-video_id", "hidden_at"], name="video_exact"),
            models.Index(fields=["created_at", "video_id", "hidden_at"], name="video_found"),
            # The migration adds two more for PostgreSQL, where these do not serve descending orders: unknown is last.
            models.Index(fields=["view_count", "video_id", "hidden_at"], name="video_views"),
            models.Index(fields=["duration", "video_id", "hidden_at"], name="video_duration"),
            # Marks, of which one value may be rare. Hidden videos stay unseen, so the unseen ones are without them.
            # With the columns of the condition: SQLite would look each up in the table.
            models.Index(
                fields=["-published_at", "-video_id", "seen_at", "hidden_at"],
                condition=Q(seen_at=None, hidden_at=None),
                name="video_unseen",
            ),
            models.Index(
                fields=["-published_at", "-video_id", "starred_at", "hidden_at"],
                condition=Q(starred_at__isnull=False),
                name="video_starred",
            ),
            models.Index(
                fields=["-published_at", "-video_id", "hidden_at"],
                condition=Q(hidden_at__isnull=False),
                name="video_hidden",
            ),
            # Those that are about no keyword of the group that found them.
            models.Index(
                fields=["-published_at", "-video_id", "keyword"], condition=Q(keyword=None), name="video_unassigned"
            ),
            # The chores that request videos: to_complete() and to_refresh().
            models.Index(
                fields=["published_exact", "method", "-created_at"],
                condition=Q(completed_at=None, blanked_at=None),
                name="video_not_complete",
            ),
            models.Index(fields=["live_state", "completed_at"], name="video_running"),
            models.Index(fields=["blanked_at"], condition=Q(blanked_at__isnull=False), name="video_blanked"),
        ]

    def __str__(self) -> str:
        return self.title if keywords.strip_invisible(self.title) else self.video_id

    @property
    def channel_filter(self) -> str:
        """The value of the filter `channel` that selects the videos of the same channel."""
        return self.channel_id or self.channel_title

    @property
    def discovery_delay(self) -> int | None:
        """The seconds from publication until it was found, or None if the date is an estimate or later."""
        delay = round((self.created_at - self.published_at).total_seconds())
        return delay if self.published_exact and delay >= 0 else None

    @property
    def is_seen(self) -> bool:
        return self.seen_at is not None

    @property
    def is_starred(self) -> bool:
        return self.starred_at is not None

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None

    @property
    def hidden_by(self) -> int | None:
        """The id of a rule that hides it; None: none, or it was hidden by hand. One query if rules hide it."""
        if not self.hidden_by_rules:
            return None
        return self.matches.order_by("created_at", "pk").values_list("hidden_by", flat=True).first()

    @property
    def hiding_rule(self) -> HidingRule | None:
        """A rule that hides it, of videos with_keywords()."""
        found_by: list[Match] = getattr(self, "found_by", [])
        return next((match.hidden_by for match in found_by if match.hidden_by), None)

    @property
    def watch_url(self) -> str:
        return watch_url(self.video_id)


def watch_url(video_id: str) -> str:
    """Return the address of the video on YouTube."""
    return f"https://www.youtube.com/watch?v={video_id}"
