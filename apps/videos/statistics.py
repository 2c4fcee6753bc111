"""What was found lately, of one keyword or of all: numbers for the API, each cheap however many videos there are.

Nothing is stored for them, so they are always those of the rows. Days are counted in indexes alone. What needs the
videos themselves covers the last NEWEST that were found: those found last, not those published last, of which the ones
that are found late would be missing.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import Any, Final, NamedTuple

from django.db.models import Func, IntegerField, QuerySet, Value
from django.utils import timezone

from apps.videos.models import KeyWordEntry, Video, VideoFetchMethod, VideoTotal
from apps.videos.scheduling.report import DAYS, DayUsed, days_used

DAY: Final = timedelta(days=1)
NEWEST: Final = 2_000
TOP_CHANNELS: Final = 10


@dataclass(frozen=True, slots=True)
class VideosOfDay:
    """How many videos were published, and how many found, on a day in UTC."""

    day: date
    published: int
    found: int


@dataclass(frozen=True, slots=True)
class Delay:
    """How soon `videos` were found after their publication.

    `median` and `p95`: within so many seconds half of them, or 95 %, were found. `within_1h` and `within_6h`: the
    shares that were, from 0 to 1.
    """

    videos: int
    median: int
    p95: int
    within_1h: float
    within_6h: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Delay":
        """Summarize the delays of one video or more."""
        ordered, number = sorted(seconds), len(seconds)
        median, p95 = (ceil(ordered[ceil(number * percent / 100) - 1]) for percent in (50, 95))
        within_1h, within_6h = (bisect_right(ordered, hours * 3600) / number for hours in (1, 6))
        return cls(number, median, p95, within_1h, within_6h)


@dataclass(frozen=True, slots=True)
class ChannelFound:
    channel_id: str
    channel_title: str
    videos: int


@dataclass(frozen=True, slots=True)
class Newest:
    """The last NEWEST videos that were found within DAYS: `since` is when the first of them was.

    `delay` is that of the videos with an exact date that were published after their keyword was added; None if there
    is none.
    """

    videos: int
    since: datetime | None
    methods: dict[str, int]
    channels: list[ChannelFound]
    delay: Delay | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """`days` are in UTC, `searches` are of days in California, which the quota follows; both DAYS, oldest first."""

    video_count: int
    days: list[VideosOfDay]
    searches: list[DayUsed]
    newest: Newest


class _Found(NamedTuple):
    """A video that was found; `added_at` is when its keyword was added."""

    method: str
    channel_id: str
    channel_title: str
    published_at: datetime
    published_exact: bool
    found_at: datetime
    added_at: datetime | None


def of_all() -> Statistics:
    """Return the statistics of all videos, each as the first keyword found it; five queries."""
    videos, days = Video.objects.all(), _last_days()
    newest = (
        videos.filter(created_at__gte=days[0])
        .order_by("-created_at", "-pk")
        .values_list(
            *("method", "channel_id", "channel_title", "published_at", "published_exact"),
            *("created_at", "keyword__created_at"),
        )
    )
    return Statistics(VideoTotal.current(), _videos_of(days, videos), days_used(), _newest(newest))


def of_keyword(entry: KeyWordEntry) -> Statistics:
    """Return the statistics of what `entry` found, also if another keyword had found it before; four queries."""
    matches, days = entry.matches.all(), _last_days()
    newest = (
        matches.filter(created_at__gte=days[0])
        .order_by("-created_at", "-pk")
        .values_list(
            *("method", "video__channel_id", "video__channel_title", "published_at", "video__published_exact"),
            *("created_at", "keyword__created_at"),
        )
    )
    return Statistics(entry.video_count, _videos_of(days, matches), days_used(entry), _newest(newest))


def _last_days() -> list[datetime]:
    """Return when each of the last DAYS days in UTC begins, including today."""
    today = datetime.combine(timezone.now().date(), time(), UTC)
    return [today - DAY * back for back in reversed(range(DAYS))]


def _videos_of(days: Sequence[datetime], rows: QuerySet[Any]) -> list[VideosOfDay]:
    """Count `rows`, videos or matches; two queries, which read nothing but the indexes of both dates."""
    published, found = _counts(days, rows, "published_at"), _counts(days, rows, "created_at")
    return [VideosOfDay(day.date(), published[number], found[number]) for number, day in enumerate(days)]


def _counts(days: Sequence[datetime], rows: QuerySet[Any], field: str) -> dict[int, int]:
    """Return the number of rows of each day, by its place.

    A range of the index for each day: to group by day, SQLite would call Python for each row.
    """
    count = Func("pk", function="COUNT", output_field=IntegerField())
    ranges = [rows.filter(**{f"{field}__gte": day, f"{field}__lt": day + DAY}) for day in days]
    counts = [rows.values_list(Value(number), count) for number, rows in enumerate(ranges)]
    return dict(counts[0].union(*counts[1:], all=True))


def _newest(rows: QuerySet[Any, Any]) -> Newest:
    found = [_Found(*row) for row in rows[:NEWEST]]
    methods = Counter(video.method for video in found)
    # Those whose channel is unknown are left out. The title is that of the last video found.
    titles = {video.channel_id: video.channel_title for video in reversed(found) if video.channel_id}
    channels = Counter(video.channel_id for video in found if video.channel_id)
    # A date that is corrected later, as that of a premiere, may lie after the discovery.
    delays = [
        max(0.0, (video.found_at - video.published_at).total_seconds())
        for video in found
        if video.published_exact and video.added_at and video.published_at >= video.added_at
    ]
    return Newest(
        videos=len(found),
        since=found[-1].found_at if found else None,
        methods={method.value: methods[method] for method in VideoFetchMethod},
        channels=[ChannelFound(pk, titles[pk], number) for pk, number in channels.most_common(TOP_CHANNELS)],
        delay=Delay.of(delays) if delays else None,
    )
