"""KeyWordEntry -> beat: the only writer of keywords' beat rows.

Each watched keyword has one PeriodicTask, `keyword-<id>`, which sends `process_trigger`. The entry is the truth,
the row its mirror; `next_due_at` decides whether a ring counts, beat only rings.
"""

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.quota import budget, ledger, troubles
from apps.quota.models import Trouble
from apps.videos.models import KeyWordEntry, SearchGap

TASK = "apps.videos.tasks.process_trigger"

# Where only Invidious is asked, no budget says how often: this is often enough by default, and at most polite.
INVIDIOUS_INTERVAL = 15 * 60
INVIDIOUS_LEAST = 60

# While there are gaps to close, this share of the day's searches is planned for nothing else.
KEPT_FOR_GAPS = 0.2


def keep_after_commit(**kwargs: Any) -> None:
    """Bring beat in step once the change of a keyword, whichever way it was made, is committed; of many changes in
    one transaction once."""
    if not any(function is sync for _, function, *_ in connection.run_on_commit):
        transaction.on_commit(sync)


def plan() -> dict[int, int]:
    """Return the interval in seconds of each scheduled keyword, within the day's searches; four queries."""
    wishes = {
        pk: interval or settings.FETCH_INTERVAL
        for pk, interval in KeyWordEntry.objects.scheduled().values_list("pk", "interval")
    }
    searches = float(ledger.scheduled_searches())
    if SearchGap.objects.filter(keyword__in=KeyWordEntry.objects.scheduled()).exists():
        searches *= 1 - KEPT_FOR_GAPS
    if searches:
        return budget.share_out(wishes, searches)
    return {pk: max(wish or INVIDIOUS_INTERVAL, INVIDIOUS_LEAST) for pk, wish in wishes.items()}


def resume_early() -> None:
    """Let keywords that wait for the reset go on at once if there are searches after all: a key was added, say."""
    pause = Trouble.objects.open().filter(kind=Trouble.Kind.SEARCHES_SPENT).first()
    if pause is None:
        return
    projects = {key.project for key, _ in ledger.usable_keys()}
    if any(ledger.has_left(project, "search", ledger.Purpose.SCHEDULE) for project in projects):
        with transaction.atomic():
            waiting = KeyWordEntry.objects.scheduled().filter(next_due_at__gte=pause.until)
            waiting.lock()
            waiting.update(next_due_at=timezone.now())
        troubles.end(Trouble.Kind.SEARCHES_SPENT)


def sync() -> None:
    """Plan anew and bring beat in step; writes only what differs, so that it may be called at any time."""
    with transaction.atomic():
        # Two at a time would each undo what the other has just done.
        PeriodicTasks.objects.select_for_update().get_or_create(ident=1, defaults={"last_update": timezone.now()})
        intervals = plan()
        _adopt(intervals)
        if _mirror(intervals):
            PeriodicTasks.update_changed()


def _adopt(intervals: dict[int, int]) -> None:
    """Write the planned intervals to the entries. A shorter one takes effect at once; with a longer one the fetch
    that is already due keeps its time."""
    now = timezone.now()
    pause = Trouble.objects.open().filter(kind=Trouble.Kind.SEARCHES_SPENT).first()
    changed = []
    for entry in KeyWordEntry.objects.scheduled().lock():
        old = entry.planned_interval
        new = intervals.get(entry.pk, old)
        if new == old:
            continue
        if new < old and entry.last_fetched_at and entry.next_due_at:
            # One that waits for a reset is due later than its interval says; it goes on waiting.
            waits = entry.next_due_at > entry.last_fetched_at + timedelta(seconds=old) or (
                pause is not None and pause.until is not None and entry.next_due_at >= pause.until
            )
            if not waits:
                entry.next_due_at = max(now, entry.last_fetched_at + timedelta(seconds=new))
        entry.planned_interval = new
        changed.append(entry)
    KeyWordEntry.objects.bulk_update(changed, ["planned_interval", "next_due_at"], batch_size=200)


def _mirror(intervals: dict[int, int]) -> bool:
    """Make beat's rows what `intervals` says; return whether anything had to change.

    Written past PeriodicTask.save(), which would make beat read everything again once per row.
    """
    rows = {row.name: row for row in PeriodicTask.objects.filter(task=TASK)}
    wanted = {f"keyword-{pk}": (pk, seconds) for pk, seconds in intervals.items()}
    schedules = {seconds: _schedule(seconds) for seconds in set(intervals.values())}

    gone = [row.pk for name, row in rows.items() if name not in wanted]
    PeriodicTask.objects.filter(pk__in=gone).delete()

    new, differing = [], []
    for name, (pk, seconds) in wanted.items():
        row = rows.get(name)
        if row is None:
            new.append(_row(name, pk, schedules[seconds]))
        elif row.interval_id != schedules[seconds].pk or not row.enabled:
            row.interval, row.enabled = schedules[seconds], True
            differing.append(row)
    PeriodicTask.objects.bulk_create(new)
    PeriodicTask.objects.bulk_update(differing, ["interval", "enabled"], batch_size=200)
    return bool(gone or new or differing)


def _row(name: str, pk: int, schedule: IntervalSchedule) -> PeriodicTask:
    # A ring that nobody hears within its minute is worth nothing: the chore sends what is overdue.
    return PeriodicTask(
        name=name,
        task=TASK,
        args=json.dumps([pk]),
        interval=schedule,
        expire_seconds=60,
        last_run_at=timezone.now(),
    )


def _schedule(seconds: int) -> IntervalSchedule:
    schedule = IntervalSchedule.objects.filter(every=seconds, period=IntervalSchedule.SECONDS).first()
    return schedule or IntervalSchedule.objects.create(every=seconds, period=IntervalSchedule.SECONDS)
