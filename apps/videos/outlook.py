"""How the day's searches stand, how they were spent, and how far they will reach: what page, API and command tell."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from apps.quota import balance, ledger, pacific
from apps.quota.balance import Balance
from apps.quota.budget import DAY
from apps.quota.ledger import ScheduledSearches
from apps.quota.models import QuotaSpend
from apps.videos import planning
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet, VideoLog
from apps.videos.schedules import LAST_HOUR

DAYS = 30
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SpentHour:
    """An hour of today: the searches made in it; None if it is still to come."""

    start: datetime
    searches: int | None


@dataclass(frozen=True, slots=True)
class SpentDay:
    """A day in California, and the searches made in it by all projects."""

    day: date
    searches: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where the day stands.

    `plan`: the keywords that are searched, the most often searched first; what is planned stands in each. `pace`:
    searches a day, as the keywords' intervals are now, with the further pages that they have needed of late.
    `ends_at`: when the day's last search is made at that pace; None if they last until the reset, or are spent.
    """

    balance: Balance
    plan: KeyWordEntryQuerySet
    scheduled: ScheduledSearches
    pace: float
    ends_at: datetime | None
    hours: list[SpentHour]
    days: list[SpentDay]

    @property
    def mean_interval(self) -> int:
        """The time between two scheduled searches, in seconds; 0 where nothing is scheduled."""
        return round(DAY / self.pace) if self.pace else 0

    @property
    def searches_a_day(self) -> int:
        """What all projects together have, for whatever purpose."""
        return sum(project.search.limit for project in self.balance.projects)


def today() -> Outlook:
    """Return where the day stands; eight queries, whatever there is, and the plan's own."""
    now = timezone.now()
    plan = KeyWordEntry.objects.scheduled().order_by("planned_interval", "normalized")
    scheduled = ledger.scheduled_searches()
    pace = 0.0
    if scheduled.a_day or settings.INVIDIOUS_URL:
        searched = sum(entry.searches_a_day for entry in plan.only("planned_interval"))
        pace = searched / (1 - planning.further_share(now))
    return Outlook(
        balance=balance.today(),
        plan=plan,
        scheduled=scheduled,
        pace=pace,
        ends_at=_ends_at(now, scheduled.left, pace),
        hours=_hours(now),
        days=_days(pacific.day_of(now)),
    )


def _ends_at(now: datetime, left: int, pace: float) -> datetime | None:
    if not pace or not left:
        return None
    end, reset = now + timedelta(days=left / pace), pacific.next_reset(now)
    # In its last hour a day is planned to its end; and before, intervals may be a step of the grid off.
    return end if end < reset - max(LAST_HOUR, (reset - now) / 10) else None


def _hours(now: datetime) -> list[SpentHour]:
    """Return today's hours, of which a day has 23 to 25."""
    start, end = pacific.start_of(pacific.day_of(now)), pacific.next_reset(now)
    spent = [0] * round((end - start) / HOUR)
    for made_at, searches in VideoLog.objects.filter(created_at__gte=start, created_at__lt=end).values_list(
        "created_at", "searches"
    ):
        spent[int((made_at - start) / HOUR)] += searches
    starts = [start + number * HOUR for number in range(len(spent))]
    return [SpentHour(hour, searches if hour <= now else None) for hour, searches in zip(starts, spent, strict=True)]


def _days(last: date) -> list[SpentDay]:
    days = [last - timedelta(days=back) for back in reversed(range(DAYS))]
    spends = QuotaSpend.objects.filter(bucket=QuotaSpend.Bucket.SEARCH, day__gte=days[0])
    spent = dict(spends.values_list("day").annotate(searches=Sum("spent")).order_by())
    return [SpentDay(day, spent.get(day, 0)) for day in days]
