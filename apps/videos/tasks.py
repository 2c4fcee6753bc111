"""What Celery runs: adapters around the functions that do the work.

Each task takes plain ids and returns quietly if the row is gone. A message that cannot be sent, or gets lost, delays a
fetch by at most 90 seconds: catch_up enqueues it again. Messages do not expire, since the clocks of sender and worker
may differ: one that comes late does no harm.
"""

import logging
import time
from datetime import timedelta
from functools import partial
from typing import Any

from celery import Task, current_app, shared_task
from django.utils import timezone

from apps.incidents.parts import BROKER_ERRORS
from apps.videos import hiding, notifications
from apps.videos.fetching import (
    claims,
    completing,
    counting,
    erasing,
    failing,
    pruning,
    reattributing,
    refreshing,
    refused,
    silent,
)
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat, pauses

logger = logging.getLogger(__name__)

# Less than Celery's time limit for a task.
ERASE_SECONDS = 60

# No further message to an address is begun after so many seconds.
NOTIFY_SECONDS = 20

# While this many messages wait for a worker, none is added on schedule: catch_up later finds what is overdue.
MAX_WAITING = 1000

# Beat has this long to send its message before the chore considers a fetch overdue.
BEAT_GRACE = timedelta(seconds=15)


@shared_task
def process_trigger(keyword_id: int, trigger: str = "schedule", log_id: int | None = None) -> None:
    """Fetch one keyword: sent by beat on its schedule, or for a manual fetch with the id of its log.

    Beat's message is the same each time; a fetch on schedule may be the first.
    """
    entry = KeyWordEntry.objects.filter(pk=keyword_id).first()
    if entry is None:
        return
    # Of this keyword: in a database that was restored from a backup, the id may be that of another fetch.
    log = entry.logs.filter(pk=log_id, status=VideoLog.Status.WAITING).first() if log_id else None
    if log_id and log is None:
        return
    log = fetch_keyword(entry, entry.next_trigger if trigger == "schedule" else VideoLog.Trigger(trigger), log)
    if log and log.with_shared().filter(number_added__gt=0, keyword__notify=KeyWordEntry.Notify.EACH).exists():
        send(notify_of_videos)


@shared_task
def catch_up() -> None:
    """Enqueue overdue fetches and manual ones whose message was lost, and close those of workers that died."""
    now = timezone.now()
    beat.repair_future_dates()
    pauses.resume_waiting()
    pauses.defer_until_reset()
    VideoLog.objects.abandoned(now).close_abandoned()
    for log in VideoLog.objects.unsent(now):
        send(process_trigger, log.keyword_id, trigger=log.trigger, log_id=log.pk)
    # Afterwards, because those above are also recognized by dates that cannot be.
    VideoLog.objects.repair_future_dates()
    if queue_is_full():
        return
    for entry in KeyWordEntry.objects.overdue(now - BEAT_GRACE):
        send(process_trigger, entry.pk, trigger=entry.next_trigger)
    for entry in KeyWordEntry.objects.to_audit(now):
        send(process_trigger, entry.pk, trigger=VideoLog.Trigger.AUDIT)


@shared_task
def erase_deleted() -> None:
    """Erase deleted keywords, and those whose preview is over; if time runs out, the next run continues."""
    forgotten = KeyWordEntry.objects.forgotten(timezone.now())
    if forgotten.exists():  # on SQLite, deleting none would take the write lock
        forgotten.delete()
    deadline = time.monotonic() + ERASE_SECONDS
    for entry in KeyWordEntry.including_deleted.erasable():
        # One worker for each keyword: two would only slow down other writers.
        if token := entry.claim_erasing():
            with claims.renewed(entry.pk, partial(entry.renew, token)):
                erasing.erase(entry, deadline)
            entry.release(token)


@shared_task
def prune_logs() -> None:
    """Delete old fetch logs; if time runs out, the next run continues."""
    pruning.prune_logs(time.monotonic() + ERASE_SECONDS)


@shared_task
def prune_videos() -> None:
    """Delete videos that are not kept any longer; if time runs out, the next run continues."""
    pruning.prune_videos(time.monotonic() + ERASE_SECONDS)


@shared_task
def complete_videos() -> None:
    """Complete stored videos whose full data YouTube could not give when they were found."""
    completing.complete_stored()


@shared_task
def refresh_videos() -> None:
    """Refresh the oldest data of YouTube, and erase what is too old; if time runs out, the next run continues."""
    refreshing.refresh(time.monotonic() + ERASE_SECONDS)


@shared_task
def apply_rules() -> None:
    """Apply new rules that hide videos to what is stored, and undo deleted ones; if time runs out, the next run
    continues."""
    hiding.apply_pending(time.monotonic() + ERASE_SECONDS)


@shared_task
def attribute_matches() -> None:
    """Find out where keywords stand in stored videos; if time runs out, the next run continues."""
    reattributing.attribute_stored(time.monotonic() + ERASE_SECONDS)


@shared_task
def verify_counts() -> None:
    """Correct the stored numbers of videos, and what keywords copy from their logs and videos, if any is wrong."""
    counting.verify_counts()


@shared_task
def sync_schedules() -> None:
    """Plan again with today's keys and keywords, and repair differences in beat's rows and incidents."""
    beat.sync()
    refused.sync_incidents()
    failing.close_incidents()


@shared_task
def notice_silence() -> None:
    """Find out which keywords are unusually quiet."""
    silent.sync()


@shared_task
def notify_of_videos() -> None:
    """Notify of new videos what is due: a task for each address, so that a slow one does not delay the others."""
    for subject in notifications.due_subjects():
        send(notify_address, subject)


@shared_task
def notify_address(subject: str) -> None:
    """Notify one address of all keywords' new videos; if time runs out, the next run continues."""
    notifications.send_to(subject, time.monotonic() + NOTIFY_SECONDS)


def send(task: Task, *args: Any, **kwargs: Any) -> None:
    """Send `task` now; if the broker is unavailable, only log it."""
    try:
        task.apply_async(args=args, kwargs=kwargs)
    except BROKER_ERRORS:
        logger.warning("broker unavailable; %s will be sent later", task.name)


def queue_is_full() -> bool:
    """Return whether MAX_WAITING messages wait for a worker; also False if the broker is unavailable."""
    return (queue_length() or 0) >= MAX_WAITING


def queue_length() -> int | None:
    """Return how many messages wait for a worker; None if the broker is unavailable."""
    try:
        with current_app.connection_or_acquire() as connection:
            return int(connection.default_channel.queue_declare(current_app.conf.task_default_queue).message_count)
    except BROKER_ERRORS:
        return None
