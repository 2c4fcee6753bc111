"""Manual fetches: what "Fetch now" does."""

from django.db import transaction
from django.utils import timezone

from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tasks import process_trigger, send


def fetch_now(entry: KeyWordEntry) -> VideoLog:
    """Enqueue a fetch and return its log; if one is already running or waiting, return that one's.

    Raises KeyWordEntry.DoesNotExist if the keyword has been deleted.
    """
    with transaction.atomic():
        # Locked, so that of two simultaneous requests the second sees the log of the first.
        if not KeyWordEntry.objects.filter(pk=entry.pk).lock():
            raise KeyWordEntry.DoesNotExist("This keyword has been deleted.")
        # Sorted here: to sort them, the database would read all the keyword's logs in order.
        logs = entry.logs.under_way(timezone.now())
        under_way = max(logs, key=lambda log: log.created_at, default=None)
        log = under_way or VideoLog.objects.create(
            keyword=entry,
            keyword_text=entry.keyword,
            trigger=VideoLog.Trigger.MANUAL,
            status=VideoLog.Status.WAITING,
            message="Not started yet.",
        )
        # One that waits for the end of a pause is tried now: searches may be available again.
        if log.waiting_until or not under_way:
            transaction.on_commit(lambda: send(process_trigger, entry.pk, trigger=log.trigger, log_id=log.pk))
    return log
