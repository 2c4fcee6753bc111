"""The state of today's searches and the plan: what the page, the API and the command show."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.quota import pacific
from apps.quota import report as quota_report
from apps.quota.models import QuotaSpend
from apps.quota.report import QuotaReport, ScheduledSearches
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet, Pause, VideoLog
from apps.videos.scheduling import pauses
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
    including as many further pages as were needed recently; 0 while they wait. `group_sizes` has the number of
    keywords of each group, by its id. `ends_at`: when the last search will be made at that rate; None if the
    searches last until the reset or are used up. `pause`: that they are used up. `until_reset` are the days until the
    reset, by the minute.
    """

    quota: QuotaReport
    plan: KeyWordEntryQuerySet
    scheduled: ScheduledSearches
    search_rate: float
    group_sizes: dict[int, int]
    ends_at: datetime | None
    pause: Pause | None
    until_reset: float
    hours: list[HourUsed]
    days: list[DayUsed]

    @property
    def waits_until(self) -> datetime | None:
        """When scheduled searches resume, if they are used up."""
        return self.pause.until if self.pause else None

    @property
    def most_frequent(self) -> KeyWordEntryQuerySet:
        """The beginning of the plan; two queries."""
        return self.plan.prefetch_related("gaps")[:MOST_FREQUENT]

    @property
    def mean_interval(self) -> int:
        """The average time between two scheduled searches, in seconds; 0 if nothing is scheduled."""
        return round(DAY / self.search_rate) if self.search_rate else 0

    @property
    def planned(self) -> float:
        """The searches that scheduled fetches will make until the reset: never more than are left."""
        return 0.0 if self.waits_until else min(self.scheduled.left, self.search_rate * self.until_reset)

    def planned_of(self, entry: KeyWordEntry) -> float:
        """Return the searches of a scheduled keyword until the reset, without further pages: of those for its group,
        its share.

        Those of all keywords are together never more than are left. By their intervals they might be: these are
        rounded, and kept while they differ little from the plan.
        """
        if not self.search_rate or self.waits_until or entry.searches_per_day is None:
            return 0.0
        own = entry.searches_per_day / self.group_sizes.get(entry.group_id or 0, 1) + entry.audits_per_day
        by_interval = own * self.until_reset
        # Without a key Invidious is searched, which has no limit.
        fits = self.planned / (self.search_rate * self.until_reset) if self.scheduled.per_day else 1.0
        return by_interval * fits

    @property
    def searches_per_day(self) -> int:
        """The daily limit of all projects together."""
        return sum(project.search.limit for project in self.quota.projects)

    @property
    def waits_for_key(self) -> bool:
        """Whether nothing is searched before a person adds or repairs a key."""
        return pauses.waits_for_key(self.scheduled)

    @property
    def lasts(self) -> str:
        """How long the searches last: `no_key`, `used_up`, `ends` (at `ends_at`) or `until_reset`."""
        if not self.scheduled.per_day:
            return "no_key"
        if self.waits_until or not self.scheduled.left:
            return "used_up"
        return "ends" if self.ends_at else "until_reset"


def today() -> SchedulingReport:
    """Return the state of today's searches; nine queries, and that of the plan when it is read."""
    now = timezone.now()
    plan = (
        KeyWordEntry.objects.scheduled()
        .with_sharing()
        .order_by(F("planned_interval").asc(nulls_last=True), "group", "normalized")
    )
    scheduled = quota_report.scheduled_searches()
    pause = pauses.present(pauses.current(), scheduled)
    search_rate, group_sizes = 0.0, dict[int, int]()
    if scheduled.per_day or settings.INVIDIOUS_URL:
        first_pages, group_sizes = _searches_per_day()
        search_rate = 0.0 if pause else first_pages / (1 - further_share(now))
    quota = quota_report.today()
    return SchedulingReport(
        quota=quota,
        plan=plan,
        scheduled=scheduled,
        search_rate=search_rate,
        group_sizes=group_sizes,
        ends_at=_ends_at(now, scheduled.left, search_rate),
        pause=pause,
        until_reset=(quota.resets_at - now.replace(second=0, microsecond=0)) / timedelta(days=1),
        hours=_hours(now),
        days=days_used(),
    )


def _searches_per_day() -> tuple[float, dict[int, int]]:
    """Return the searches per day that the planned keywords' intervals need, for each group, for each other keyword,
    and for audits; and the number of each group's keywords. One query."""
    planned = KeyWordEntry.objects.scheduled().filter(planned_interval__isnull=False).order_by()
    intervals = planned.values_list("group", "planned_interval", "audit_interval")
    alike = intervals.annotate(keywords=Count("pk"))
    searches, of_groups, sizes = 0.0, dict[int, float](), Counter[int]()
    for group, interval, audit_interval, keywords in alike:
        if group is None:
            searches += keywords * DAY / interval
        else:
            of_groups[group] = max(of_groups.get(group, 0.0), DAY / interval)
            sizes[group] += keywords
        if audit_interval:
            searches += keywords * DAY / audit_interval
    return searches + sum(of_groups.values()), dict(sizes)


def _ends_at(now: datetime, left: int, search_rate: float) -> datetime | None:
    if not search_rate or not left:
        return None
    # At most two days, since a high limit may last for more years than a date can have.
    lasts, day = timedelta(days=min(left / search_rate, 2)), pacific.next_reset(now) - now
    # In the last hour the day is planned to its end, and intervals may differ from the plan by a step of the grid.
    return now + lasts if lasts < day - max(LAST_HOUR, day / 10) else None


def _hours(now: datetime) -> list[HourUsed]:
    """Return today's hours, of which a day has 23 to 25."""
    start, end = pacific.start_of(pacific.day_of(now)), pacific.next_reset(now)
    used = [0] * round((end - start) / HOUR)
    logs = VideoLog.objects.filter(created_at__gte=start, created_at__lt=end, searches__gt=0)
    for created_at, searches in logs.values_list("created_at", "searches"):
        used[int((created_at - start) / HOUR)] += searches
    starts = [start + number * HOUR for number in range(len(used))]
    return [HourUsed(hour, searches if hour <= now else None) for hour, searches in zip(starts, used, strict=True)]


def days_used(entry: KeyWordEntry | None = None, days: int = DAYS) -> list[DayUsed]:
    """Return the last days with their searches: those that were for `entry`, also if they were for others as well; or
    all projects'. One query."""
    last = pacific.day_of(timezone.now())
    dates = [last - timedelta(days=back) for back in reversed(range(days))]
    used: Counter[date] = Counter()
    if entry:
        logs = entry.logs.filter(created_at__gte=pacific.start_of(dates[0]))
        made = logs.annotate(made=Coalesce("shared_with__searches", "searches")).filter(made__gt=0)
        for created_at, searches in made.values_list("created_at", "made"):
            used[pacific.day_of(created_at)] += searches
    else:
        spends = QuotaSpend.objects.filter(bucket=QuotaSpend.Bucket.SEARCH, day__gte=dates[0])
        used.update(dict(spends.values_list("day").annotate(searches=Sum("used")).order_by()))
    return [DayUsed(day, used[day]) for day in dates]
