"""The state of today's searches and the plan: what the page, the API and the command show."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone

from apps.quota import pacific
from apps.quota import report as quota_report
from apps.quota.models import QuotaSpend
from apps.quota.report import QuotaReport, ScheduledSearches
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet, VideoLog
from apps.videos.scheduling.allocation import DAY
from apps.videos.scheduling.pauses import LAST_HOUR
from apps.videos.scheduling.plan import further_share

DAYS = 30
HOUR = timedelta(hours=1)
MOST_FREQUENT = 100


@dataclass(frozen=True, slots=True)
class HourUsed:
    """An hour of today and the searches made in it; None if it is still to come."""

    start: datetime
    searches: int | None


@dataclass(frozen=True, slots=True)
class DayUsed:
    """A day in California and the searches made in it."""

    day: date
    searches: int


@dataclass(frozen=True, slots=True)
class SchedulingReport:
    """The state of today's searches.

    `plan`: the scheduled keywords, most frequent first. `search_rate`: searches per day with the current intervals,
    including as many further pages as were needed recently. `ends_at`: when the last search will be made at that rate;
    None if the searches last until the reset or are used up.
    """

    quota: QuotaReport
    plan: KeyWordEntryQuerySet
    scheduled: ScheduledSearches
    search_rate: float
    ends_at: datetime | None
    hours: list[HourUsed]
    days: list[DayUsed]

    @property
    def most_frequent(self) -> KeyWordEntryQuerySet:
        """The beginning of the plan; two queries."""
        return self.plan.prefetch_related("gaps")[:MOST_FREQUENT]

    @property
    def mean_interval(self) -> int:
        """The average time between two scheduled searches, in seconds; 0 if nothing is scheduled."""
        return round(DAY / self.search_rate) if self.search_rate else 0

    @property
    def searches_per_day(self) -> int:
        """The daily limit of all projects together."""
        return sum(project.search.limit for project in self.quota.projects)

    @property
    def lasts(self) -> str:
        """How long the searches last: `no_key`, `used_up`, `ends` (at `ends_at`) or `until_reset`."""
        if not self.scheduled.per_day:
            return "no_key"
        if not self.scheduled.left:
            return "used_up"
        return "ends" if self.ends_at else "until_reset"


def today() -> SchedulingReport:
    """Return the state of today's searches; eight queries, and that of the plan when it is read."""
    now = timezone.now()
    plan = KeyWordEntry.objects.scheduled().order_by("planned_interval", "normalized")
    scheduled = quota_report.scheduled_searches()
    search_rate = 0.0
    if scheduled.per_day or settings.INVIDIOUS_URL:
        intervals = plan.order_by().values_list("planned_interval").annotate(keywords=Count("pk"))
        first_pages = sum(keywords * DAY / interval for interval, keywords in intervals)
        search_rate = first_pages / (1 - further_share(now))
    return SchedulingReport(
        quota=quota_report.today(),
        plan=plan,
        scheduled=scheduled,
        search_rate=search_rate,
        ends_at=_ends_at(now, scheduled.left, search_rate),
        hours=_hours(now),
        days=days_used(),
    )


def _ends_at(now: datetime, left: int, search_rate: float) -> datetime | None:
    if not search_rate or not left:
        return None
    end, reset = now + timedelta(days=left / search_rate), pacific.next_reset(now)
    # In the last hour the day is planned to its end, and intervals may differ from the plan by a step of the grid.
    return end if end < reset - max(LAST_HOUR, (reset - now) / 10) else None


def _hours(now: datetime) -> list[HourUsed]:
    """Return today's hours, of which a day has 23 to 25."""
    start, end = pacific.start_of(pacific.day_of(now)), pacific.next_reset(now)
    used = [0] * round((end - start) / HOUR)
    logs = VideoLog.objects.filter(created_at__gte=start, created_at__lt=end, searches__gt=0)
    for created_at, searches in logs.values_list("created_at", "searches"):
        used[int((created_at - start) / HOUR)] += searches
    starts = [start + number * HOUR for number in range(len(used))]
    return [HourUsed(hour, searches if hour <= now else None) for hour, searches in zip(starts, used, strict=True)]


def days_used(entry: KeyWordEntry | None = None) -> list[DayUsed]:
    """Return the last DAYS days with their searches: those in the logs of `entry`, or all projects'; one query."""
    last = pacific.day_of(timezone.now())
    days = [last - timedelta(days=back) for back in reversed(range(DAYS))]
    used: Counter[date] = Counter()
    if entry:
        logs = entry.logs.filter(created_at__gte=pacific.start_of(days[0]), searches__gt=0)
        for created_at, searches in logs.values_list("created_at", "searches"):
            used[pacific.day_of(created_at)] += searches
    else:
        spends = QuotaSpend.objects.filter(bucket=QuotaSpend.Bucket.SEARCH, day__gte=days[0])
        used.update(dict(spends.values_list("day").annotate(searches=Sum("used")).order_by()))
    return [DayUsed(day, used[day]) for day in days]
