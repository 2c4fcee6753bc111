"""What Celery runs, and how it is asked: adapters, nothing more.

Each task takes plain ids and returns quietly if the row is gone. A message that cannot be sent, or is lost, costs
a minute at most: catch_up sends what is owed.
"""

import logging
import time
from datetime import timedelta
from typing import Any

from celery import Task, shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from apps.videos import fetching, schedules, searching, storing
from apps.videos.models import KeyWordEntry, VideoLog

logger = logging.getLogger(__name__)

# A task has no more time than Celery gives it.
ERASE_SECONDS = 60

# Beat has this long to ring before the chore takes a fetch for overdue.
RING_GRACE = timedelta(seconds=15)


@shared_task
def process_trigger(keyword_id: int, trigger: str = "schedule", log_id: int | None = None) -> None:
    """Fetch one keyword: beat sends it on the keyword's schedule, people with a log of their own."""
    entry = KeyWordEntry.objects.filter(pk=keyword_id).first()
    log = VideoLog.objects.filter(pk=log_id, status=VideoLog.Status.WAITING).first() if log_id else None
    if entry is None or (log_id and log is None):
        return
    fetching.fetch_keyword(entry, VideoLog.Trigger(trigger), log)


@shared_task
def catch_up() -> None:
    """Send what is owed: never fetched, overdue, asked for in vain, or left by a worker that died."""
    now = timezone.now()
    schedules.resume_early()
    schedules.leave_for_tomorrow()
    VideoLog.objects.abandoned(now).end_dead()
    for log in VideoLog.objects.unsent(now):
        send(process_trigger, log.keyword_id, trigger=log.trigger, log_id=log.pk)
    for entry in KeyWordEntry.objects.overdue(now - RING_GRACE):
        send(process_trigger, entry.pk, trigger=entry.next_trigger)


@shared_task
def erase_deleted() -> None:
    """Erase what deleted keywords left behind; the chore's next one goes on where time runs out."""
    deadline = time.monotonic() + ERASE_SECONDS
    for entry in KeyWordEntry.including_deleted.filter(state=KeyWordEntry.State.DELETING):
        # One eraser for each: two would only take turns from those who store.
        if token := entry.claim_erasing():
            storing.erase(entry, deadline)
            KeyWordEntry.including_deleted.filter(pk=entry.pk, claim_token=token).update(claim_token="")


@shared_task
def complete_videos() -> None:
    """Ask YouTube for what it could not tell when the videos were found."""
    searching.complete_stored()


@shared_task
def sync_schedules() -> None:
    """Plan anew from today's keys and keywords, and mend whatever differs in beat."""
    schedules.sync()


def fetch_now(entry: KeyWordEntry) -> VideoLog:
    """Ask for a fetch and return the log in which it will tell its story; one under way already is the one.

    Raises KeyWordEntry.DoesNotExist if the keyword was deleted meanwhile.
    """
    with transaction.atomic():
        # Locked, so that of two who ask at the same moment the second sees the first one's log.
        if not KeyWordEntry.objects.filter(pk=entry.pk).lock():
            raise KeyWordEntry.DoesNotExist("This keyword has been deleted meanwhile.")
        under_way = entry.logs.under_way(timezone.now()).order_by("-created_at").first()
        log = under_way or VideoLog.objects.create(
            keyword=entry,
            keyword_text=entry.keyword,
            trigger=VideoLog.Trigger.MANUAL,
            status=VideoLog.Status.WAITING,
            message="Waiting for a worker.",
        )
        # One that waits for a pause to end may not have to any more; to try costs nothing.
        if log.waiting_until or not under_way:
            transaction.on_commit(lambda: send(process_trigger, entry.pk, trigger=log.trigger, log_id=log.pk))
    return log


def send_after_commit(saved: KeyWordEntry | None = None, deleted: bool = False, **kwargs: Any) -> None:
    """Fetch a keyword that is new or resumed, and begin to erase deleted ones, once the change is committed."""
    if saved and saved.is_due():
        transaction.on_commit(lambda: send(process_trigger, saved.pk, trigger=saved.next_trigger))
    if deleted:
        transaction.on_commit(lambda: send(erase_deleted))


def send(task: Task, *args: Any, **kwargs: Any) -> None:
    """Send `task` now; a broker that is away costs a line in the log."""
    try:
        task.apply_async(args=args, kwargs=kwargs, expires=60)
    except OperationalError:
        logger.warning("The broker is away; %s is sent when it is back.", task.name)
