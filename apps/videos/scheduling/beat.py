"""Keep Celery Beat's rows in sync with the keywords: the only writer of these rows.

Each watched keyword has one PeriodicTask, `keyword-<id>`, which sends `process_trigger`. The row is derived from
the entry. `next_due_at` decides when beat sends it (scheduler.py), and whether the message causes a fetch.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.incidents import clocks
from apps.incidents.models import MAX_SKEW, Incident
from apps.quota import pacific
from apps.videos.fetching.erasing import CHUNK_INTERVAL
from apps.videos.models import SPREAD, KeyWordEntry, SearchEvidence, SearchGroup
from apps.videos.scheduling import groups, pauses
from apps.videos.scheduling.plan import Plan, make_plan

TASK = "apps.videos.tasks.process_trigger"
PREFIX = "keyword-"

# The fields of a keyword that the plan decides.
PLANNED: Final = [
    "planned_interval",
    "below_daily_minimum",
    "next_due_at",
    "group_id",
    "audit_interval",
    "audit_due_at",
]

# Keywords written in one transaction.
CHUNK = 100


def sync(keyword_ids: Collection[int] | None = None) -> None:
    """Make a new plan and update beat's rows by it; with `keyword_ids` only for these keywords.

    It writes only what differs, so it may run at any time: the plan is made before, and then written in short
    transactions with pauses between them, so that no other writer waits long. For one keyword it needs about twenty
    queries, however many others there are.
    """
    plan, pause = make_plan(regroup=keyword_ids is None), pauses.current()
    new = _Planned(plan, pause, _groups(plan))
    ids = sorted(_differing(new) if keyword_ids is None else keyword_ids)
    for start in range(0, len(ids), CHUNK):
        if start:
            time.sleep(CHUNK_INTERVAL)
        _write(ids[start : start + CHUNK], new)
    if keyword_ids is None:
        _remove_groups()


def request_plan() -> None:
    """Have beat send `sync_schedules` soon: once, however many changes request it within a few seconds."""
    PeriodicTasks.update_changed()


def record_sent(keyword_ids: Collection[int]) -> None:
    """Record that beat has just sent the messages of these keywords, which the admin shows."""
    with transaction.atomic():
        # Without the rows that a plan is changing: it locks them in another order.
        sent = PeriodicTask.objects.filter(name__in=map(row_name, keyword_ids))
        free = sent.select_for_update(skip_locked=True).values("pk")
        sent.filter(pk__in=free).update(last_run_at=timezone.now(), total_run_count=F("total_run_count") + 1)


def _groups(plan: Plan) -> dict[int, int]:
    """Return the id of the group of each keyword that is in one; groups that are new are created."""
    arranged = plan.allocation.groups
    new = [SearchGroup() for group in arranged if group.id is None]
    created = iter(SearchGroup.objects.bulk_create(new) if new else new)
    ids = [next(created).pk if group.id is None else group.id for group in arranged]
    return {keyword: ids[place] for keyword, place in plan.allocation.group_of.items()}


def _remove_groups() -> None:
    """Remove groups without keywords: new ones not before another plan has written them, and those whose query YouTube
    refused a while later."""
    now = timezone.now()
    refused = Q(refused_at__range=(now - groups.HALF_LIFE, now + MAX_SKEW))
    gone = SearchGroup.objects.filter(keywords=None, created_at__lt=now - timedelta(hours=1)).exclude(refused)
    if gone.exists():
        with transaction.atomic():
            _lock_rows()
            gone.delete()


def _lock_rows() -> None:
    """Let one transaction at a time change beat's rows, and groups: two would undo each other's changes."""
    PeriodicTasks.objects.select_for_update().get_or_create(ident=1, defaults={"last_update": timezone.now()})


def _differing(new: "_Planned") -> set[int]:
    """Return the ids of the keywords whose plan or row has to be written. Two queries, and no lock."""
    rows = PeriodicTask.objects.filter(task=TASK, name__startswith=PREFIX)
    mirrored = {name: row for name, *row in rows.values_list("name", "interval__every", "enabled", "expire_seconds")}
    ids = set()
    read = ["interval", "weight", "last_fetched_at", "refused_since", *PLANNED]
    for entry in KeyWordEntry.objects.scheduled().only(*read).order_by():
        row = mirrored.pop(row_name(entry.pk), None)
        if row != [entry.current_interval, True, None] or new.changes(entry):
            ids.add(entry.pk)
    return ids | {int(name.removeprefix(PREFIX)) for name in mirrored}


def _write(keyword_ids: Collection[int], new: "_Planned") -> None:
    """Write the plan of these keywords, and their rows, in one transaction."""
    with transaction.atomic():
        _lock_rows()
        # Another plan may have removed groups.
        wanted = SearchGroup.objects.filter(pk__in={new.groups[pk] for pk in keyword_ids if pk in new.groups})
        groups = set(wanted.values_list("pk", flat=True))
        entries = KeyWordEntry.objects.scheduled().filter(pk__in=keyword_ids).lock()
        moved = []
        for entry in entries:
            changes = new.changes(entry)
            if not changes or changes.get("group_id") not in {None, *groups}:
                continue
            if "group_id" in changes:
                moved.append(entry)
            for name, value in changes.items():
                setattr(entry, name, value)
            # One by one: bulk_update() builds a CASE with as many branches, and takes four times as long.
            KeyWordEntry.objects.filter(pk=entry.pk).update(**changes)
        if moved:
            # What is found from now on is evidence about the searches that are made from now on.
            SearchEvidence.objects.bulk_create(
                [SearchEvidence(keyword=entry) for entry in moved],
                update_conflicts=True,
                unique_fields=["keyword"],
                update_fields=["counted_through"],
            )
        _mirror(PeriodicTask.objects.filter(task=TASK, name__in=map(row_name, keyword_ids)), entries)


@dataclass(frozen=True, slots=True)
class _Planned:
    """What a plan changes at the keywords; `groups` has the group of each keyword that is in one."""

    plan: Plan
    pause: Incident | None
    groups: Mapping[int, int]

    def changes(self, entry: KeyWordEntry) -> dict[str, Any]:
        """Return which of the PLANNED fields of `entry` differ from the plan, and their values."""
        if not self.plan.covers(entry):
            return {}  # nothing can be searched, or it was changed since; a later plan follows
        interval = self.plan.interval(entry)
        keeps = pauses.is_waiting(entry, self.pause) or entry.refused_since is not None or entry.last_fetched_at is None
        audit_interval = self.plan.audit_interval(entry)
        planned = {
            "planned_interval": interval,
            "below_daily_minimum": self.plan.allocation.shares[entry.pk].below_daily_minimum,
            "next_due_at": entry.next_due_at if keeps else _moved(entry, interval),
            "group_id": self.groups.get(entry.pk),
            "audit_interval": audit_interval,
            "audit_due_at": _audit_due_at(entry, audit_interval),
        }
        return {name: value for name, value in planned.items() if getattr(entry, name) != value}


def _audit_due_at(entry: KeyWordEntry, interval: int | None) -> datetime | None:
    """Return when `entry` is to be audited now that its interval is `interval`: the rest of the old one shrinks or
    grows in proportion."""
    if interval is None:
        return None
    now = timezone.now()
    longest = max(timedelta(seconds=entry.audit_interval or 0), timedelta(days=1))
    # A later date was recorded before the clock was set back.
    is_wrong = entry.audit_due_at and entry.audit_due_at > now + longest + MAX_SKEW
    if entry.audit_due_at is None or not entry.audit_interval or is_wrong:
        return now + timedelta(seconds=interval) * entry.phase
    if interval == entry.audit_interval:
        return entry.audit_due_at
    left = entry.audit_due_at - now
    return now + left * (interval / entry.audit_interval) if left > timedelta() else entry.audit_due_at


def _moved(entry: KeyWordEntry, interval: int) -> datetime | None:
    """Return when `entry` is due now that its interval is `interval`.

    The rest of the old interval shrinks or grows in proportion: so keywords stay spread out, and the plan takes effect
    at once. No keyword waits longer than the rest of its old interval and the new one together.
    """
    now = timezone.now()
    if entry.next_due_at is None or entry.next_due_at <= now:
        return entry.next_due_at
    old, left = entry.current_interval, (entry.next_due_at - now).total_seconds()
    if left > old:
        # It waits for the reset. A later date can only come from an earlier plan.
        soonest = max(now, (entry.last_fetched_at or now) + timedelta(seconds=interval))
        return entry.next_due_at if entry.next_due_at <= pacific.next_reset(now) + SPREAD else soonest
    if interval == old:
        return entry.next_due_at
    if interval == entry.requested_interval and interval < old and entry.last_fetched_at:
        # A person wants it sooner.
        return max(now, entry.last_fetched_at + timedelta(seconds=interval))
    return now + timedelta(seconds=left * interval / old)


def repair_future_dates() -> None:
    """Date what keywords have from the future as of now, because the clock was set back, and reschedule those that were
    fetched or added then.

    One that was never fetched is due within a day, also if it waits for the reset.
    """
    now = timezone.now()
    future, waits_longest = now + MAX_SKEW, pacific.next_reset(now) + SPREAD
    never_fetched = Q(last_fetched_at=None, next_due_at__gt=waits_longest, state=KeyWordEntry.State.WATCHED)
    recorded = {name: Q(**{f"{name}__gt": future}) for name in ("created_at", "last_fetched_at", "refused_since")}
    wrong = KeyWordEntry.objects.filter(reduce(or_, recorded.values(), never_fetched))
    if not wrong.exists():
        return
    with transaction.atomic():
        for entry in wrong.lock():
            interval = timedelta(seconds=entry.current_interval) if entry.last_fetched_at else timedelta()
            due = min(entry.next_due_at, now + interval * entry.phase) if entry.next_due_at else None
            moments = {name: getattr(entry, name) for name in recorded}
            changes = {name: now for name, moment in moments.items() if clocks.is_future(moment, now)}
            KeyWordEntry.objects.filter(pk=entry.pk).update(next_due_at=due, **changes)


def _mirror(stored: Iterable[PeriodicTask], entries: Iterable[KeyWordEntry]) -> None:
    """Make the `stored` rows those of `entries`.

    It bypasses PeriodicTask.save(), by which beat would read the chores' rows again, and a plan would be requested.
    """
    rows = {row.name: row for row in stored}
    wanted = {row_name(entry.pk): entry for entry in entries}
    schedules = _schedules({entry.current_interval for entry in wanted.values()})

    gone = [row.pk for name, row in rows.items() if name not in wanted]
    PeriodicTask.objects.filter(pk__in=gone).delete()

    new: list[PeriodicTask] = []
    differing: dict[int, list[int]] = {}
    for name, entry in wanted.items():
        schedule, row = schedules[entry.current_interval], rows.get(name)
        if row is None:
            new.append(_row(name, entry.pk, schedule))
        elif row.interval_id != schedule.pk or not row.enabled or row.expire_seconds:
            differing.setdefault(schedule.pk, []).append(row.pk)
    PeriodicTask.objects.bulk_create(new)
    for schedule_id, ids in differing.items():
        PeriodicTask.objects.filter(pk__in=ids).update(interval=schedule_id, enabled=True, expire_seconds=None)


def row_name(keyword_id: int) -> str:
    return f"{PREFIX}{keyword_id}"


def _row(name: str, keyword_id: int, schedule: IntervalSchedule) -> PeriodicTask:
    return PeriodicTask(
        name=name,
        task=TASK,
        args=json.dumps([keyword_id]),
        interval=schedule,
        last_run_at=timezone.now(),
    )


def _schedules(lengths: set[int]) -> dict[int, IntervalSchedule]:
    """Return a schedule for each length in seconds; two queries. They are shared, and never edited."""
    in_seconds = IntervalSchedule.objects.filter(period=IntervalSchedule.SECONDS)
    missing = lengths - set(in_seconds.filter(every__in=lengths).values_list("every", flat=True))
    IntervalSchedule.objects.bulk_create(
        IntervalSchedule(every=seconds, period=IntervalSchedule.SECONDS) for seconds in missing
    )
    return {schedule.every: schedule for schedule in in_seconds.filter(every__in=lengths)}
