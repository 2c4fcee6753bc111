"""KeyWordEntry -> beat: the only writer of keywords' beat rows.

Each watched keyword has one PeriodicTask, `keyword-<id>`, which sends `process_trigger`. The entry is the truth,
the row its mirror; `next_due_at` decides whether a ring counts, beat only rings.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.quota import ledger, pacific, troubles
from apps.quota.models import Trouble
from apps.videos import planning
from apps.videos.models import SPREAD, KeyWordEntry, VideoLog

TASK = "apps.videos.tasks.process_trigger"

# In a day's last hour, keywords for which no search is left wait for the reset without a word.
LAST_HOUR = timedelta(hours=1)


def keep_after_commit(**kwargs: Any) -> None:
    """Bring beat in step once the change of a keyword or of the keys, whichever way it was made, is committed; of
    many changes in one transaction once."""
    if not any(function is sync for _, function, *_ in connection.run_on_commit):
        transaction.on_commit(sync)


def resume_early() -> None:
    """Let keywords that wait go on at once if there are searches after all: a person has added a key, or mended one.

    Those that wait for the reset, for a key that rests, or for a person are told by their last log.
    """
    now = timezone.now()
    waits = Q(last_log_status=VideoLog.Status.WAITING) | Q(last_log_error__in=VideoLog.UNTIL_A_PERSON_ACTS)
    waiting = KeyWordEntry.objects.scheduled().with_last_log().filter(waits, next_due_at__gt=now)
    asked_for = VideoLog.objects.filter(
        status=VideoLog.Status.WAITING, trigger=VideoLog.Trigger.MANUAL, waiting_until__gt=now
    )
    pause = Trouble.objects.open().filter(kind=Trouble.Kind.SEARCHES_SPENT).first()
    if not (pause or waiting.exists() or asked_for.exists()):
        return
    projects = {key.project for key, _ in ledger.usable_keys()}
    # By what was kept for people when the pause began: the little that melts of it is nothing to wake all for.
    began = pause.began_at if pause else now
    payable = any(ledger.has_left(project, "search", ledger.Purpose.SCHEDULE, at=began) for project in projects)
    blocked = Trouble.objects.filter(kind=Trouble.Kind.INVIDIOUS_BLOCKED, until__gt=now).exists()
    if payable or (settings.INVIDIOUS_URL and not blocked):
        with transaction.atomic():
            entries = KeyWordEntry.objects.filter(pk__in=list(waiting.values_list("pk", flat=True)))
            entries.lock()
            entries.update(next_due_at=now)
            asked_for.update(waiting_until=now)
    if payable:
        troubles.end(Trouble.Kind.SEARCHES_SPENT)


def leave_for_tomorrow() -> None:
    """In a day's last hour let those wait for the reset for whom no search is left: this is no trouble, the day has
    just been planned to its end."""
    now = timezone.now()
    reset = pacific.next_reset(now)
    if settings.INVIDIOUS_URL or reset - now > LAST_HOUR:
        return
    with transaction.atomic():
        searches = ledger.scheduled_searches()
        due = KeyWordEntry.objects.scheduled().filter(next_due_at__lt=reset).exclude(last_fetched_at=None).lock()
        late = sorted(due, key=lambda entry: (entry.next_due_at, entry.pk))[searches.left :]
        for entry in late if searches.a_day else []:
            entry.next_due_at = entry.after_pause(reset)
        KeyWordEntry.objects.bulk_update(late, ["next_due_at"], batch_size=200)


def sync() -> None:
    """Plan anew and bring beat in step; writes only what differs, so that it may be called at any time."""
    with transaction.atomic():
        # Two at a time would each undo what the other has just done.
        PeriodicTasks.objects.select_for_update().get_or_create(ident=1, defaults={"last_update": timezone.now()})
        entries = KeyWordEntry.objects.scheduled().lock()
        _adopt(entries)
        if _mirror({entry.pk: entry.planned_interval for entry in entries}):
            PeriodicTasks.update_changed()


def _adopt(entries: list[KeyWordEntry]) -> None:
    """Write the planned intervals to the entries, and move what is due accordingly."""
    pause = Trouble.objects.open().filter(kind=Trouble.Kind.SEARCHES_SPENT).first()
    plan = planning.plan()
    for entry in entries:
        if entry.pk not in plan.shares:
            continue  # paused or refused meanwhile; a plan without it follows
        interval, starves = planning.interval(plan, entry), plan.shares[entry.pk].starves
        due = entry.next_due_at if _waits(entry, pause) else _moved(entry, interval)
        if (interval, starves, due) == (entry.planned_interval, entry.starves, entry.next_due_at):
            continue
        entry.next_due_at = due
        entry.planned_interval, entry.starves = interval, starves
        # One by one: bulk_update() builds a CASE of so many branches, and takes four times as long.
        KeyWordEntry.objects.filter(pk=entry.pk).update(
            planned_interval=interval, starves=starves, next_due_at=entry.next_due_at
        )


def _waits(entry: KeyWordEntry, pause: Trouble | None) -> bool:
    """Tell whether the keyword has been put off to just after the end of `pause`."""
    if pause is None or pause.until is None or entry.next_due_at is None:
        return False
    return pause.until <= entry.next_due_at <= pause.until + SPREAD


def _moved(entry: KeyWordEntry, interval: int) -> datetime | None:
    """Return when `entry` is due, now that its interval is another.

    What is left of the old interval shrinks or grows with it: so keywords stay spread as they are, and as many
    come due as are planned, at once. Nobody waits longer than the old interval had left and the new one together.
    """
    now = timezone.now()
    if entry.next_due_at is None or entry.next_due_at <= now:
        return entry.next_due_at
    old, left = entry.planned_interval, (entry.next_due_at - now).total_seconds()
    if left > old:
        # It waits for more than its interval: a reset. Further away only a plan that has passed can have put it.
        soonest = max(now, (entry.last_fetched_at or now) + timedelta(seconds=interval))
        return entry.next_due_at if entry.next_due_at <= pacific.next_reset(now) + SPREAD else soonest
    if interval == old:
        return entry.next_due_at
    if interval == entry.wish and interval < old and entry.last_fetched_at:
        # A person wants it sooner.
        return max(now, entry.last_fetched_at + timedelta(seconds=interval))
    return now + timedelta(seconds=left * interval / old)


def _mirror(intervals: dict[int, int]) -> bool:
    """Make beat's rows what `intervals` says; return whether anything had to change.

    Written past PeriodicTask.save(), which would make beat read everything again once per row.
    """
    rows = {row.name: row for row in PeriodicTask.objects.filter(task=TASK)}
    wanted = {f"keyword-{pk}": (pk, seconds) for pk, seconds in intervals.items()}
    schedules = _schedules(set(intervals.values()))

    gone = [row.pk for name, row in rows.items() if name not in wanted]
    PeriodicTask.objects.filter(pk__in=gone).delete()

    new: list[PeriodicTask] = []
    differing: dict[int, list[int]] = {}
    for name, (pk, seconds) in wanted.items():
        row = rows.get(name)
        if row is None:
            new.append(_row(name, pk, schedules[seconds]))
        elif row.interval_id != schedules[seconds].pk or not row.enabled:
            differing.setdefault(seconds, []).append(row.pk)
    PeriodicTask.objects.bulk_create(new)
    for seconds, ids in differing.items():
        PeriodicTask.objects.filter(pk__in=ids).update(interval=schedules[seconds], enabled=True)
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


def _schedules(lengths: set[int]) -> dict[int, IntervalSchedule]:
    """Return a schedule for each length in seconds; two queries. They are shared, and never edited."""
    in_seconds = IntervalSchedule.objects.filter(period=IntervalSchedule.SECONDS)
    missing = lengths - set(in_seconds.filter(every__in=lengths).values_list("every", flat=True))
    IntervalSchedule.objects.bulk_create(
        IntervalSchedule(every=seconds, period=IntervalSchedule.SECONDS) for seconds in missing
    )
    return {schedule.every: schedule for schedule in in_seconds.filter(every__in=lengths)}
