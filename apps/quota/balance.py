"""Where the day's calls stand: what each project has left, and in what state its keys are."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from apps.quota import ledger, pacific
from apps.quota.models import ApiKey, QuotaSpend
from core.errors import Bucket


@dataclass(frozen=True, slots=True)
class BucketBalance:
    limit: int
    spent: int
    refused_at: datetime | None

    @property
    def left(self) -> int:
        return 0 if self.refused_at else max(0, self.limit - self.spent)


@dataclass(frozen=True, slots=True)
class ProjectBalance:
    project: str
    search: BucketBalance
    general: BucketBalance
    keys: list[ApiKey]


@dataclass(frozen=True, slots=True)
class Balance:
    day: date
    resets_at: datetime
    projects: list[ProjectBalance]


def today() -> Balance:
    """Return today's balance of every project that has a key; two queries."""
    now = timezone.now()
    day = pacific.day_of(now)
    spends = {(row.project, row.bucket): row for row in QuotaSpend.objects.filter(day=day)}
    keys: dict[str, list[ApiKey]] = {}
    for key in ApiKey.objects.order_by("position"):
        keys.setdefault(key.project, []).append(key)

    def bucket(project: str, name: Bucket) -> BucketBalance:
        row = spends.get((project, name))
        return BucketBalance(
            limit=ledger.limit(project, name),
            spent=row.spent if row else 0,
            refused_at=row.refused_at if row else None,
        )

    projects = [
        ProjectBalance(project, bucket(project, "search"), bucket(project, "general"), rows)
        for project, rows in keys.items()
    ]
    return Balance(day, pacific.next_reset(now), projects)
