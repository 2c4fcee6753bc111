"""Keep Celery Beat's rows in step with the keywords: the only writer of these rows.

Each watched keyword has one PeriodicTask, `keyword-<id>`, which sends `process_trigger`. The row is derived from
the entry. `next_due_at` decides when beat sends it (scheduler.py), and whether the message causes a fetch.
"""

import json
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.incidents.models import MAX_SKEW
from apps.quota import pacific
from apps.videos.models import SPREAD, KeyWordEntry
from apps.videos.scheduling import pauses
from apps.videos.scheduling.plan import make_plan, planned_interval

TASK = "apps.videos.tasks.process_trigger"


def sync(keyword_ids: Collection[int] | None = None) -> None:
    """Make a new plan and bring beat in step with it; with `keyword_ids` only for these keywords.

    It writes only what differs, so it may run at any time. For one keyword it needs about twenty queries, whatever
    the number of the others.
    """
    entries, rows = KeyWordEntry.objects.scheduled(), PeriodicTask.objects.filter(task=TASK)
    if keyword_ids is not None:
        entries, rows = entries.filter(pk__in=keyword_ids), rows.filter(name__in=map(row_name, keyword_ids))
    with transaction.atomic():
        # One transaction at a time may change beat's rows: two would undo each other's changes.
        PeriodicTasks.objects.select_for_update().get_or_create(ident=1, defaults={"last_update": timezone.now()})
        planned = entries.lock()
        _apply_plan(planned)
        if _mirror(rows, planned):
            PeriodicTasks.update_changed()


def _apply_plan(entries: Iterable[KeyWordEntry]) -> None:
    """Write the planned intervals to the entries, and move their next fetches accordingly."""
    pause = pauses.current()
    plan = make_plan()
    for entry in entries:
        if entry.pk not in plan.shares:
            continue  # nothing can be searched, or it was paused since; a later plan follows
        interval, below_minimum = planned_interval(plan, entry), plan.shares[entry.pk].below_daily_minimum
        keeps = pauses.is_waiting(entry, pause) or entry.refused_since is not None
        due = entry.next_due_at if keeps else _moved(entry, interval)
        if (interval, below_minimum, due) == (entry.planned_interval, entry.below_daily_minimum, entry.next_due_at):
            continue
        entry.planned_interval, entry.below_daily_minimum, entry.next_due_at = interval, below_minimum, due
        # One by one: bulk_update() builds a CASE with as many branches, and takes four times as long.
        KeyWordEntry.objects.filter(pk=entry.pk).update(
            planned_interval=interval, below_daily_minimum=below_minimum, next_due_at=due
        )


def _moved(entry: KeyWordEntry, interval: int) -> datetime | None:
    """Return when `entry` is due now that its interval is `interval`.

    The rest of the old interval shrinks or grows in proportion: so keywords stay spread out, and the plan takes effect
    at once. No keyword waits longer than the rest of its old interval and the new one together.
    """
    now = timezone.now()
    if entry.next_due_at is None or entry.next_due_at <= now:
        return entry.next_due_at
    old, left = entry.planned_interval, (entry.next_due_at - now).total_seconds()
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
    """Reschedule keywords whose last fetch lies in the future because the clock was set back."""
    now = timezone.now()
    fetched_in_future = KeyWordEntry.objects.watched().filter(last_fetched_at__gt=now + MAX_SKEW)
    if not fetched_in_future.exists():
        return
    with transaction.atomic():
        for entry in fetched_in_future.lock():
            soonest = now + timedelta(seconds=entry.planned_interval) * entry.phase
            due = min(entry.next_due_at, soonest) if entry.next_due_at else None
            KeyWordEntry.objects.filter(pk=entry.pk).update(last_fetched_at=now, next_due_at=due)


def _mirror(stored: Iterable[PeriodicTask], entries: Iterable[KeyWordEntry]) -> bool:
    """Make the `stored` rows those of `entries`; return whether anything had to change.

    It bypasses PeriodicTask.save(), which would make beat read everything again once per row.
    """
    rows = {row.name: row for row in stored}
    wanted = {row_name(entry.pk): entry for entry in entries}
    schedules = _schedules({entry.planned_interval for entry in wanted.values()})

    gone = [row.pk for name, row in rows.items() if name not in wanted]
    PeriodicTask.objects.filter(pk__in=gone).delete()

    new: list[PeriodicTask] = []
    differing: dict[int, list[int]] = {}
    for name, entry in wanted.items():
        schedule, row = schedules[entry.planned_interval], rows.get(name)
        if row is None:
            new.append(_row(name, entry.pk, schedule))
        elif row.interval_id != schedule.pk or not row.enabled or row.expire_seconds:
            differing.setdefault(schedule.pk, []).append(row.pk)
    PeriodicTask.objects.bulk_create(new)
    for schedule_id, ids in differing.items():
        PeriodicTask.objects.filter(pk__in=ids).update(interval=schedule_id, enabled=True, expire_seconds=None)
    return bool(gone or new or differing)


def row_name(keyword_id: int) -> str:
    return f"keyword-{keyword_id}"


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
