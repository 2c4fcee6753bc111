"""Delete old fetch logs (LOG_DAYS)."""

import math
import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.videos.fetching.erasing import CHUNK, CHUNK_INTERVAL
from apps.videos.models import VideoLog, VideoLogQuerySet

# The plan and the quota page read the logs of the last day, which can have 25 hours.
MIN_AGE = timedelta(days=2)


def prune(deadline: float = math.inf) -> int:
    """Delete logs older than LOG_DAYS, except those `prunable` leaves out, and return how many; 0 days = delete none.

    As when keywords are erased, in short transactions with pauses between them. It stops after `deadline` (of
    time.monotonic()); the next call continues.
    """
    deleted = 0
    while settings.LOG_DAYS and time.monotonic() < deadline:
        # Looked up first, since on SQLite even a DELETE of no rows takes the write lock.
        chunk = list(prunable().values_list("pk", flat=True)[:CHUNK])
        if chunk:
            deleted += VideoLog.objects.filter(pk__in=chunk).delete()[0]
        if len(chunk) < CHUNK:
            break
        time.sleep(CHUNK_INTERVAL)
    return deleted


def prunable() -> VideoLogQuerySet:
    """Return the old logs, except those that are running or waiting, and the newest one of each keyword."""
    end = timezone.now() - max(timedelta(days=settings.LOG_DAYS), MIN_AGE)
    newer = Q(created_at__gt=OuterRef("created_at")) | Q(created_at=OuterRef("created_at"), pk__gt=OuterRef("pk"))
    has_newer = Exists(VideoLog.objects.filter(newer, keyword=OuterRef("keyword")))
    ended = VideoLog.objects.exclude(status__in=[VideoLog.Status.RUNNING, VideoLog.Status.WAITING])
    return ended.filter(Q(keyword=None) | has_newer, created_at__lt=end).order_by("created_at")
