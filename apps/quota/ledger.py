"""The ledger of daily quota: what each project has used of its buckets today.

The only writer of QuotaSpend. A call is reserved before it is made, and counts as used even if no response came. What
YouTube reports overrides the count. All workers share the ledger through the database, so it survives restarts.
"""

from datetime import datetime
from enum import Enum

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from apps.quota import pacific
from apps.quota.models import QuotaSpend
from core.errors import Bucket

# The share of a project's searches that is reserved for manual and first fetches, at the start and at the end of a
# day. It shrinks in between, since what is not used before the reset is lost.
MANUAL_RESERVE = 0.1
MANUAL_RESERVE_AT_RESET = 0.02

# While there are gaps to close, scheduled fetches get this share of the searches less. Gaps may exceed the elapsed
# share of the day by this much.
GAP_RESERVE = 0.2


class Purpose(Enum):
    """Why a call is made, which decides how much of the bucket it may use."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    GAP = "gap"


def limit(project: str, bucket: Bucket) -> int:
    """Return the project's daily limit: searches, or units of the general bucket."""
    limits: dict[str, int] = settings.YT_SEARCHES_PER_DAY if bucket == "search" else settings.YT_UNITS_PER_DAY
    return limits.get(project, limits[""])


def scheduled_limit(project: str) -> int:
    """Return how many of the project's searches scheduled fetches may use in a whole day."""
    return limit(project, "search") - _manual_reserve(project, elapsed=1)


def allowance(project: str, bucket: Bucket, purpose: Purpose, now: datetime) -> int:
    """Return how much of the bucket may be used in total when a call for `purpose` is made at `now`."""
    whole = limit(project, bucket)
    if bucket == "general" or purpose is Purpose.MANUAL:
        return whole
    elapsed = pacific.share_elapsed(now)
    scheduled = whole - _manual_reserve(project, elapsed)
    if purpose is Purpose.GAP:
        # Gaps may use searches in proportion to the time passed, and some early in the day, but never those that are
        # needed in the evening.
        return min(scheduled, int(scheduled_limit(project) * (elapsed + GAP_RESERVE)))
    return scheduled


def reserve(project: str, bucket: Bucket, purpose: Purpose) -> bool:
    """Reserve one call of the project's bucket for today; return False if none is left for this purpose.

    One conditional UPDATE, so that any number of processes together reserve no more calls than there are.
    """
    now = timezone.now()
    day = pacific.day_of(now)
    QuotaSpend.objects.get_or_create(project=project, day=day, bucket=bucket)
    row = QuotaSpend.objects.filter(
        project=project,
        day=day,
        bucket=bucket,
        refused_at=None,
        used__lt=allowance(project, bucket, purpose, now),
    )
    return row.update(used=F("used") + 1) == 1


def has_quota_left(project: str, bucket: Bucket, purpose: Purpose, at: datetime | None = None) -> bool:
    """Return whether reserve() would succeed now; one query.

    With `at`, apply the reserve for other purposes as it was at that time.
    """
    now = timezone.now()
    row = QuotaSpend.objects.filter(project=project, day=pacific.day_of(now), bucket=bucket).first()
    used, refused = (row.used, row.refused_at is not None) if row else (0, False)
    return not refused and used < allowance(project, bucket, purpose, at or now)


def mark_exhausted(project: str, bucket: Bucket, called_at: datetime) -> None:
    """Record that YouTube reported the bucket used up for the day of the call."""
    day, now = pacific.day_of(called_at), timezone.now()
    QuotaSpend.objects.update_or_create(project=project, day=day, bucket=bucket, defaults={"refused_at": now})


def move(old: str, new: str) -> None:
    """Count what project `old` has used today for project `new`: they turned out to be the same."""
    for spend in QuotaSpend.objects.filter(project=old, day=pacific.day_of(timezone.now())):
        row, _ = QuotaSpend.objects.get_or_create(project=new, day=spend.day, bucket=spend.bucket)
        refused_at = row.refused_at or spend.refused_at
        QuotaSpend.objects.filter(pk=row.pk).update(used=F("used") + spend.used, refused_at=refused_at)
        spend.delete()


def _manual_reserve(project: str, elapsed: float) -> int:
    share = MANUAL_RESERVE + (MANUAL_RESERVE_AT_RESET - MANUAL_RESERVE) * elapsed
    return round(limit(project, "search") * share)
