"""The ledger of daily quota: what each project has used of its buckets today.

The only writer of QuotaSpend. A call is reserved before it is made, and counts as used even if no response came. What
YouTube reports overrides the count. All workers share the ledger through the database, so it survives restarts. A
database that was restored from a backup may know fewer searches than were made: see recall().
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from apps.quota import pacific, searches_file
from apps.quota.models import ApiKey, QuotaSpend
from core.errors import Bucket

logger = logging.getLogger(__name__)

# The share of a project's searches that is reserved for manual and first fetches, at the start and at the end of a
# day. It shrinks in between, since what is not used before the reset is lost.
MANUAL_RESERVE = 0.1
MANUAL_RESERVE_AT_RESET = 0.02

# The share of a project's units that refreshing stored videos leaves to the completion of new ones; and how far it may
# be ahead of the elapsed share of the day.
COMPLETION_RESERVE = 0.1
REFRESH_AHEAD = 0.1

# While there are gaps to close, scheduled fetches get this share of the searches less. Gaps may exceed the elapsed
# share of the day by this much.
GAP_RESERVE = 0.2


class Purpose(Enum):
    """Why a call is made, which decides how much of the bucket it may use."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    GAP = "gap"
    REFRESH = "refresh"


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
    elapsed = pacific.share_elapsed(now)
    if purpose is Purpose.REFRESH:
        return int(whole * min(1 - COMPLETION_RESERVE, elapsed + REFRESH_AHEAD))
    if bucket == "general" or purpose is Purpose.MANUAL:
        return whole
    scheduled = whole - _manual_reserve(project, elapsed)
    if purpose is Purpose.GAP:
        # Gaps may use searches in proportion to the time passed, and some early in the day, but never those that are
        # needed in the evening.
        return min(scheduled, int(scheduled_limit(project) * (elapsed + GAP_RESERVE)))
    return scheduled


def reserve(project: str, bucket: Bucket, purpose: Purpose, key: str = "") -> bool:
    """Reserve one call of the project's bucket for today; return False if none is left for this purpose.

    One conditional UPDATE, so that any number of processes together reserve no more calls than there are. `key` is the
    fingerprint of the key that makes the call: in a restored database its project may have another name.
    """
    now = timezone.now()
    day = pacific.day_of(now)
    spend, _ = QuotaSpend.objects.get_or_create(project=project, day=day, bucket=bucket)
    names = {project, key} - {""}
    if bucket == "search":
        _raise(spend, _highest(searches_file.read(day) or {}, names))
    unspent = QuotaSpend.objects.filter(pk=spend.pk, refused_at=None, used__lt=allowance(project, bucket, purpose, now))
    reserved = unspent.update(used=F("used") + 1) == 1
    if reserved and bucket == "search":
        spend.refresh_from_db()
        searches_file.note(names, day, spend.used)
    return reserved


def recall(projects: Iterable[str]) -> None:
    """Correct today's searches of `projects` if the database was restored from a backup; called at each start.

    The file next to the database says how many there were. Without it the database came from elsewhere, and what was
    used is unknown: assume what scheduled fetches use until now. Then searching goes on at the usual rate until YouTube
    refuses it, and what is reserved for manual fetches stays reserved.
    """
    now = timezone.now()
    day = pacific.day_of(now)
    known = searches_file.read(day)
    if known is None:
        if not QuotaSpend.objects.exists():
            return  # a new database
        known = {project: round(scheduled_limit(project) * pacific.share_elapsed(now)) for project in projects}
        for project, used in known.items():
            searches_file.note([project], day, used)
    names = {project: {project} for project in projects}
    for key in ApiKey.objects.filter(project__in=names):
        names[key.project].add(key.fingerprint)
    for project in names:
        if used := _highest(known, names[project]):
            spend, _ = QuotaSpend.objects.get_or_create(project=project, day=day, bucket="search")
            _raise(spend, used)


def _highest(known: Mapping[str, int], names: Iterable[str]) -> int:
    return max((known.get(name, 0) for name in names), default=0)


def _raise(spend: QuotaSpend, used: int) -> None:
    """Count at least `used` calls."""
    if spend.used < used and QuotaSpend.objects.filter(pk=spend.pk, used__lt=used).update(used=used):
        logger.warning("%s, but there were %s: the database was restored from a backup", spend, used)


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
