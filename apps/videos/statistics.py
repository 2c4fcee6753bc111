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
from itertools import pairwise
from math import ceil
from typing import Any, Final, NamedTuple

from django.db.models import Count, DateField, F, Func, Q, QuerySet
from django.utils import timezone

from apps.videos.models import KeyWordEntry, Video, VideoFetchMethod, VideoTotal
from apps.videos.scheduling.report import DAYS, DayUsed, days_used

NEWEST: Final = 1_000
TOP_CHANNELS: Final = 10

# The periods that may be requested, in days.
PERIODS: Final = [7, 30, 90]

# Up to these delays, in seconds, videos are counted together.
DELAY_STEPS: Final = [300, 900, 1_800, 3_600, 10_800, 21_600, 86_400]


@dataclass(frozen=True, slots=True)
class VideosOfDay:
    """How many videos were published, and how many found, on a day in UTC."""

    day: date
    published: int
    found: int


@dataclass(frozen=True, slots=True)
class DelayStep:
    """How many videos were found within so many seconds, and not within those of the step before; None: ever."""

    within: int | None
    videos: int


@dataclass(frozen=True, slots=True)
class Delay:
    """How soon `videos` were found after their publication.

    `median` and `p95`: within so many seconds half of them, or 95 %, were found. `within_1h` and `within_6h`: the
    shares that were, from 0 to 1. `steps`: how many were found how soon; together all.
    """

    videos: int
    median: int
    p95: int
    within_1h: float
    within_6h: float
    steps: list[DelayStep]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Delay":
        """Summarize the delays of one video or more."""
        ordered, number = sorted(seconds), len(seconds)
        median, p95 = (ceil(ordered[ceil(number * percent / 100) - 1]) for percent in (50, 95))
        within_1h, within_6h = (bisect_right(ordered, hours * 3600) / number for hours in (1, 6))
        found = [*(bisect_right(ordered, bound) for bound in DELAY_STEPS), number]
        new = [after - before for before, after in pairwise([0, *found])]
        steps = [DelayStep(*step) for step in zip([*DELAY_STEPS, None], new, strict=True)]
        return cls(number, median, p95, within_1h, within_6h, steps)


@dataclass(frozen=True, slots=True)
class ChannelFound:
    channel_id: str
    channel_title: str
    videos: int


@dataclass(frozen=True, slots=True)
class Newest:
    """The last NEWEST videos that were found within the period and are not hidden.

    `since` is when the first of them was found.
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
    """`days` are in UTC, `searches` are of days in California, which the quota follows; both oldest first."""

    video_count: int
    hidden_count: int
    days: list[VideosOfDay]
    searches: list[DayUsed]
    newest: Newest


class _Found(NamedTuple):
    """A video that was found; `is_timed`: whether its delay counts."""

    method: str
    channel_id: str
    channel_title: str
    published_at: datetime
    found_at: datetime
    is_timed: bool


class _DayInUTC(Func):
    """The day of a date-time. On SQLite Django's TruncDate would call Python for each row."""

    output_field = DateField()
    template = "(%(expressions)s AT TIME ZONE 'UTC')::date"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="SUBSTR(%(expressions)s, 1, 10)", **context)


# What was published before shows no delay: the first search finds it, whenever that is.
_AFTER_KEYWORD = Q(published_at__gte=F("keyword__created_at"))


def of_all(days: int = DAYS) -> Statistics:
    """Return the last days' statistics of all videos that are not hidden, each as the first keyword found it; five
    queries."""
    return _statistics(VideoTotal.read(), Video.objects.filter(hidden_at=None), _of_all(), days_used(days=days))


def newest_of_all(days: int) -> Newest:
    """Return what of_all() says of the last videos found; one query, whose cost does not grow with their number."""
    return _newest_since(_first_of(days), _of_all())


def _of_all() -> QuerySet[Any, Any]:
    videos = Video.objects.filter(hidden_at=None).annotate(is_timed=_AFTER_KEYWORD & Q(published_exact=True))
    return videos.values_list("method", "channel_id", "channel_title", "published_at", "created_at", "is_timed")


def of_keyword(entry: KeyWordEntry, days: int = DAYS) -> Statistics:
    """Return the last days' statistics of what `entry` found, also if another keyword had found it before; four
    queries."""
    matches = entry.matches.all()
    newest = matches.filter(hidden=False).annotate(is_timed=_AFTER_KEYWORD & Q(video__published_exact=True))
    columns = ("method", "video__channel_id", "video__channel_title", "published_at", "created_at", "is_timed")
    return _statistics(entry, matches, newest.values_list(*columns), days_used(entry, days))


def _statistics(
    kept: KeyWordEntry | VideoTotal, rows: QuerySet[Any], newest: QuerySet[Any, Any], searches: list[DayUsed]
) -> Statistics:
    """`kept` has the numbers of videos; `rows` are videos or matches, `newest` the same with the values of _Found."""
    first = _first_of(len(searches))
    days = [first + timedelta(days=day) for day in range(len(searches))]
    published, found = (_per_day(rows, field, first) for field in ("published_at", "created_at"))
    return Statistics(
        video_count=kept.video_count if isinstance(kept, KeyWordEntry) else kept.count,
        hidden_count=kept.hidden_count,
        days=[VideosOfDay(day, published.get(day, 0), found.get(day, 0)) for day in (day.date() for day in days)],
        searches=searches,
        newest=_newest_since(first, newest),
    )


def _per_day(rows: QuerySet[Any], field: str, since: datetime) -> dict[date, int]:
    """Return the number of rows of each day that has any; one query, which reads nothing but the date's index."""
    recent = rows.filter(**{f"{field}__gte": since}).order_by()
    return dict(recent.values_list(_DayInUTC(field)).annotate(rows=Count("*")))


def _first_of(days: int) -> datetime:
    """Return when the first of so many days began, of which today is the last."""
    return datetime.combine(timezone.now().date(), time(), UTC) - timedelta(days=days - 1)


def _newest_since(since: datetime, rows: QuerySet[Any, Any]) -> Newest:
    found = [_Found(*row) for row in rows.filter(created_at__gte=since).order_by("-created_at", "-pk")[:NEWEST]]
    methods = Counter(video.method for video in found)
    # Those whose channel is unknown are left out. The title is that of the last video found.
    channels = Counter(video.channel_id for video in found if video.channel_id)
    titles = {video.channel_id: video.channel_title for video in reversed(found)}
    # A date that was corrected, as that of a premiere, may lie after the discovery.
    delays = [max(0.0, (video.found_at - video.published_at).total_seconds()) for video in found if video.is_timed]
    return Newest(
        videos=len(found),
        since=found[-1].found_at if found else None,
        methods={method.value: methods[method] for method in VideoFetchMethod},
        channels=[ChannelFound(pk, titles[pk], number) for pk, number in channels.most_common(TOP_CHANNELS)],
        delay=Delay.of(delays) if delays else None,
    )
