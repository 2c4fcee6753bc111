"""What is left of today's quota, for the page, the API, the command and the planning of searches."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from apps.quota import keys, ledger, pacific
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey, QuotaSpend
from core.errors import Bucket


@dataclass(frozen=True, slots=True)
class BucketReport:
    limit: int
    used: int
    refused_at: datetime | None

    @property
    def left(self) -> int:
        return 0 if self.refused_at else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class ProjectReport:
    project: str
    search: BucketReport
    general: BucketReport
    keys: list[ApiKey]


@dataclass(frozen=True, slots=True)
class QuotaReport:
    day: date
    resets_at: datetime
    projects: list[ProjectReport]


@dataclass(frozen=True, slots=True)
class ScheduledSearches:
    """How many searches scheduled fetches may make: in a whole day, and in what is left of today.

    `limit` and `unused` are those of all fetches: of a whole day, and of today. Manual fetches may make all of them.
    """

    per_day: int
    left: int
    limit: int
    unused: int

    @property
    def used(self) -> int:
        return self.limit - self.unused

    @property
    def reserved(self) -> int:
        """The unused searches that only manual and first fetches may make."""
        return self.unused - self.left

    @property
    def used_up(self) -> bool:
        """Whether scheduled fetches have to wait for the reset."""
        return self.per_day > 0 and not self.left


def today() -> QuotaReport:
    """Return today's quota of each project that has a key; two queries."""
    now = timezone.now()
    day = pacific.day_of(now)
    spends = {(row.project, row.bucket): row for row in QuotaSpend.objects.filter(day=day)}
    keys_of: dict[str, list[ApiKey]] = {}
    for key in ApiKey.objects.order_by("position"):
        keys_of.setdefault(key.project, []).append(key)

    def bucket(project: str, name: Bucket) -> BucketReport:
        row = spends.get((project, name))
        return BucketReport(
            limit=ledger.limit(project, name),
            used=row.used if row else 0,
            refused_at=row.refused_at if row else None,
        )

    projects = [
        ProjectReport(project, bucket(project, "search"), bucket(project, "general"), rows)
        for project, rows in keys_of.items()
    ]
    return QuotaReport(day, pacific.next_reset(now), projects)


def scheduled_searches() -> ScheduledSearches:
    """Return the searches of all projects in service that scheduled fetches may use; two queries.

    The part of the manual reserve that becomes available before the reset counts as left, unless the rest is used up
    already. None is unused once YouTube has reported the limit reached.
    """
    per_day = {key.project: ledger.scheduled_limit(key.project) for key in keys.in_service()}
    now = timezone.now()
    limits = {project: ledger.limit(project, "search") for project in per_day}
    left, unused = dict(per_day), dict(limits)
    for spend in QuotaSpend.objects.filter(day=pacific.day_of(now), bucket="search", project__in=per_day):
        used_up = spend.refused_at or spend.used >= ledger.allowance(spend.project, "search", Purpose.SCHEDULE, now)
        left[spend.project] = 0 if used_up else per_day[spend.project] - spend.used
        unused[spend.project] = 0 if spend.refused_at else max(0, limits[spend.project] - spend.used)
    return ScheduledSearches(*(sum(each.values()) for each in (per_day, left, limits, unused)))
