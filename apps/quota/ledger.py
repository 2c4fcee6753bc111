"""The ledger: the only writer of ApiKey and QuotaSpend.

A call is reserved before it is made, and counts as spent even if no answer came. What YouTube refuses overrides
what was counted here. All workers share the ledger through the database, so it survives restarts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from apps.quota import pacific, troubles
from apps.quota.models import ApiKey, QuotaSpend, Trouble, keys_changed
from core.errors import Bucket

# Of a project's searches this share is kept for people, for first fetches and "fetch now", at the beginning and at
# the end of a day. It melts between, since what nobody asked for by night would be lost.
KEPT_FOR_PEOPLE = 0.1
KEPT_AT_LAST = 0.02

# While there are gaps to close, schedules are planned with this share of the searches less, and gaps may run ahead
# of the day by as much.
KEPT_FOR_GAPS = 0.2


class Purpose(Enum):
    """Why a call is made; it decides how much of the bucket the call may use."""

    SCHEDULE = "schedule"
    PERSON = "person"
    GAP = "gap"


def fingerprint(key: str) -> str:
    """Return what names `key` without telling it: 16 hexadecimal digits of its SHA-256."""
    return sha256(key.encode()).hexdigest()[:16]


def sync_keys(*, forget: bool = True) -> None:
    """Bring ApiKey in step with YT_KEYS: new keys appear, keys that are gone disappear, the rest keep their state.

    A key that a person takes out, and puts back after a start without it, is tried anew. Only a start forgets
    keys: a command that happens to run with other settings must not make Windhover forget a refusal.
    """
    wanted = [(fingerprint(key), project) for project, key in settings.YT_KEYS]
    with transaction.atomic():
        if forget:
            ApiKey.objects.exclude(fingerprint__in=[mark for mark, _ in wanted]).delete()
        _end_troubles()
        rows = ApiKey.objects.in_bulk([mark for mark, _ in wanted], field_name="fingerprint")
        projects = _projects(wanted, rows)
        seen: dict[str, int] = {}
        for position, (mark, named) in enumerate(wanted):
            seen[named] = seen.get(named, 0) + 1
            label = named or f"key {position + 1}"
            if named and seen[named] > 1:
                label = f"{named} ({seen[named]})"
            place = {"position": position, "label": label, "project": projects[mark]}
            if mark in rows:
                # Not by save(): changed_at tells when the key's state changed, and this happens at every start.
                ApiKey.objects.filter(fingerprint=mark).update(**place)
            else:
                # Another worker may be noticing the same new key.
                ApiKey.objects.get_or_create(fingerprint=mark, defaults=place)
        for mark, row in rows.items():
            if row.project not in projects.values():
                _move_spending(row.project, projects[mark])


def _projects(wanted: Sequence[tuple[str, str]], rows: Mapping[str, ApiKey]) -> dict[str, str]:
    """Return the project of each key, by fingerprint.

    A bare key is a project of its own until YouTube has named its project. Keys of one project, whatever a person
    called them, share its quota: they go by the first name that a person gave, else by YouTube's.
    """
    names: dict[str, str] = {}
    for mark, named in wanted:
        if named and mark in rows and rows[mark].consumer:
            names.setdefault(rows[mark].consumer, named)
    return {
        mark: names.get(rows[mark].consumer, rows[mark].consumer)
        if mark in rows and rows[mark].consumer
        else named or f"key-{mark[:8]}"
        for mark, named in wanted
    }


def _move_spending(old: str, new: str) -> None:
    """Count today what was spent under the name `old` under the name `new`: it turned out to be one project."""
    for spend in QuotaSpend.objects.filter(project=old, day=pacific.day_of(timezone.now())):
        row, _ = QuotaSpend.objects.get_or_create(project=new, day=spend.day, bucket=spend.bucket)
        refused_at = row.refused_at or spend.refused_at
        QuotaSpend.objects.filter(pk=row.pk).update(spent=F("spent") + spend.spent, refused_at=refused_at)
        spend.delete()


def learn_consumer(key: ApiKey, consumer: str) -> bool:
    """Note how YouTube itself calls the key's project; return whether that was news."""
    if not consumer or not ApiKey.objects.filter(pk=key.pk).exclude(consumer=consumer).update(consumer=consumer):
        return False
    sync_keys(forget=False)
    return True


def usable_keys() -> list[tuple[ApiKey, str]]:
    """Return the keys that may be tried now, in the order of YT_KEYS, each with its secret. One query.

    None may be while any project is suspended: going on with another project's key would be going around the
    suspension, which YouTube's policies forbid (III.D.6). Taking the suspended keys out of YT_KEYS ends that.
    """
    secrets = {fingerprint(key): key for _, key in settings.YT_KEYS}
    rows = {row.fingerprint: row for row in ApiKey.objects.all()}
    if secrets.keys() - rows.keys():
        sync_keys(forget=False)
        rows = {row.fingerprint: row for row in ApiKey.objects.all()}
    if any(row.state == ApiKey.State.SUSPENDED for row in rows.values()):
        return []
    now = timezone.now()
    usable = [row for row in rows.values() if row.fingerprint in secrets and row.is_usable(now)]
    return [(row, secrets[row.fingerprint]) for row in sorted(usable, key=lambda row: row.position)]


def limit(project: str, bucket: Bucket) -> int:
    """Return the project's daily limit: searches, or units of the general bucket."""
    limits: dict[str, int] = settings.YT_SEARCHES_PER_DAY if bucket == "search" else settings.YT_UNITS_PER_DAY
    return limits.get(project, limits[""])


def allowance(project: str, bucket: Bucket, purpose: Purpose, now: datetime) -> int:
    """Return how much of the bucket may be spent, all in all, by the time a call for `purpose` is made."""
    whole = limit(project, bucket)
    if bucket == "general" or purpose is Purpose.PERSON:
        return whole
    elapsed = pacific.share_elapsed(now)
    scheduled = whole - _kept_for_people(whole, elapsed)
    if purpose is Purpose.GAP:
        # Gaps are closed with what the day's pace has left over, and first of all, but never with what the
        # evening needs.
        return min(scheduled, int(_for_schedules(project) * (elapsed + KEPT_FOR_GAPS)))
    return scheduled


def _kept_for_people(whole: int, elapsed: float) -> int:
    return round(whole * (KEPT_FOR_PEOPLE + (KEPT_AT_LAST - KEPT_FOR_PEOPLE) * elapsed))


def _for_schedules(project: str) -> int:
    """Return how many of its searches schedules may have used by the end of a day."""
    whole = limit(project, "search")
    return whole - _kept_for_people(whole, elapsed=1)


@dataclass(frozen=True, slots=True)
class ScheduledSearches:
    """How many searches schedules may make: in a whole day, and still today."""

    a_day: int
    left: int


def scheduled_searches() -> ScheduledSearches:
    """Return what all projects with a key that is not refused have for schedules; two queries. What melts until the
    end of the day of that which is kept for people is counted as left, unless the rest is spent before.

    Nothing while any project is suspended: see usable_keys().
    """
    marks = [fingerprint(key) for _, key in settings.YT_KEYS]
    rows = list(ApiKey.objects.filter(fingerprint__in=marks))
    if any(row.state == ApiKey.State.SUSPENDED for row in rows):
        return ScheduledSearches(0, 0)
    a_day = {row.project: _for_schedules(row.project) for row in rows if row.state != ApiKey.State.REFUSED}
    now = timezone.now()
    left = dict(a_day)
    for spend in QuotaSpend.objects.filter(day=pacific.day_of(now), bucket="search", project__in=a_day):
        spent = spend.refused_at or spend.spent >= allowance(spend.project, "search", Purpose.SCHEDULE, now)
        left[spend.project] = 0 if spent else a_day[spend.project] - spend.spent
    return ScheduledSearches(sum(a_day.values()), sum(left.values()))


def reserve(project: str, bucket: Bucket, purpose: Purpose) -> bool:
    """Take one call from the project's bucket for today; return False if it has none left for this purpose.

    One conditional UPDATE, so that of any number of processes just as many succeed as there are calls left.
    """
    now = timezone.now()
    day = pacific.day_of(now)
    QuotaSpend.objects.get_or_create(project=project, day=day, bucket=bucket)
    row = QuotaSpend.objects.filter(
        project=project,
        day=day,
        bucket=bucket,
        refused_at=None,
        spent__lt=allowance(project, bucket, purpose, now),
    )
    return row.update(spent=F("spent") + 1) == 1


def has_left(project: str, bucket: Bucket, purpose: Purpose, at: datetime | None = None) -> bool:
    """Tell whether reserve() would succeed now, without taking anything; one query.

    `at` asks by what was kept for others at an earlier moment.
    """
    now = timezone.now()
    row = QuotaSpend.objects.filter(project=project, day=pacific.day_of(now), bucket=bucket).first()
    spent, refused = (row.spent, row.refused_at is not None) if row else (0, False)
    return not refused and spent < allowance(project, bucket, purpose, at or now)


def mark_empty(project: str, bucket: Bucket, asked_at: datetime | None = None) -> None:
    """Note that YouTube said the bucket is empty: nothing more of it on the day of the call, by default today."""
    now = timezone.now()
    day = pacific.day_of(asked_at or now)
    QuotaSpend.objects.update_or_create(project=project, day=day, bucket=bucket, defaults={"refused_at": now})


def refuse(key: ApiKey, reason: str) -> None:
    """Leave `key` alone until a person acts."""
    # What another worker has learned meanwhile may be worse.
    usable = ApiKey.objects.filter(pk=key.pk).exclude(state=ApiKey.State.SUSPENDED)
    if _set_state(usable, ApiKey.State.REFUSED, reason):
        troubles.begin(Trouble.Kind.KEY_REFUSED, f"{key.label}: {reason}", subject=key.fingerprint)


def suspend(project: str, reason: str) -> None:
    """Leave all keys of a suspended project alone, and with them every other: see usable_keys()."""
    _set_state(ApiKey.objects.filter(project=project), ApiKey.State.SUSPENDED, reason)
    troubles.begin(Trouble.Kind.PROJECT_SUSPENDED, f"{project}: {reason}", subject=project)


def rest(key: ApiKey, reason: str, length: timedelta) -> None:
    """Leave `key` alone for a while; a rest of an hour is long enough to need a person."""
    usable = ApiKey.objects.filter(pk=key.pk, state__in=[ApiKey.State.ACTIVE, ApiKey.State.RESTING])
    if _set_state(usable, ApiKey.State.RESTING, reason, timezone.now() + length) and length >= timedelta(hours=1):
        troubles.begin(Trouble.Kind.KEY_REFUSED, f"{key.label}: {reason}", subject=key.fingerprint)


def end_rest(key: ApiKey) -> None:
    """Note that YouTube has accepted a key that rested."""
    if _set_state(ApiKey.objects.filter(pk=key.pk, state=ApiKey.State.RESTING), ApiKey.State.ACTIVE, ""):
        _end_troubles()


def reactivate(*keys: ApiKey) -> int:
    """Use keys again, whatever was wrong, because a person said so; return how many."""
    count = _set_state(ApiKey.objects.filter(pk__in=[key.pk for key in keys]), ApiKey.State.ACTIVE, "")
    _end_troubles()
    return count


def _end_troubles() -> None:
    """Note which refusals and suspensions are over, now that keys have changed."""
    kept_out = [ApiKey.State.REFUSED, ApiKey.State.RESTING]
    refused = ApiKey.objects.filter(state__in=kept_out).values_list("fingerprint", flat=True)
    suspended = ApiKey.objects.filter(state=ApiKey.State.SUSPENDED).values_list("project", flat=True)
    troubles.end(Trouble.Kind.KEY_REFUSED, still=list(refused))
    troubles.end(Trouble.Kind.PROJECT_SUSPENDED, still=list(suspended))
    if not settings.YT_KEYS:
        for kind in (Trouble.Kind.YOUTUBE_AWAY, Trouble.Kind.KEYS_REST, *Trouble.PAUSES):
            troubles.end(kind)
    if not settings.INVIDIOUS_URL:
        troubles.end(Trouble.Kind.INVIDIOUS_AWAY)
        troubles.end(Trouble.Kind.INVIDIOUS_BLOCKED)


def _set_state(keys: QuerySet[ApiKey], state: ApiKey.State, reason: str, resting_until: datetime | None = None) -> int:
    count = keys.update(state=state, reason=reason[:300], resting_until=resting_until, changed_at=timezone.now())
    if state != ApiKey.State.RESTING:
        keys_changed.send(ApiKey)
    return count
