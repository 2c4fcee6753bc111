"""Delete what is not kept any longer: fetch logs (KEEP_LOGS) and videos (KEEP_VIDEOS).

As when keywords are erased, in short transactions with pauses between them. Each function stops after `deadline` (of
time.monotonic()); the next call continues.
"""

import math
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.videos.fetching import erasing
from apps.videos.fetching.erasing import CHUNK_INTERVAL
from apps.videos.models import Video, VideoLog, VideoLogQuerySet, VideoQuerySet

CHUNK = 500


def prune_logs(deadline: float = math.inf) -> int:
    """Delete old logs and return how many."""
    return _delete(prunable_logs(), lambda ids: VideoLog.objects.filter(pk__in=ids).delete(), deadline)


def prune_videos(deadline: float = math.inf) -> int:
    """Delete old videos with their matches and return how many."""
    rows = prunable_videos()
    return _delete(rows, lambda ids: erasing.erase_videos(rows.filter(pk__in=ids)), deadline)


def prunable_logs() -> VideoLogQuerySet:
    """Return the logs older than KEEP_LOGS, except those that are running or waiting, and the newest one of each
    keyword."""
    if settings.KEEP_LOGS is None:
        return VideoLog.objects.none()
    end = timezone.now() - timedelta(days=settings.KEEP_LOGS)
    newer = Q(created_at__gt=OuterRef("created_at")) | Q(created_at=OuterRef("created_at"), pk__gt=OuterRef("pk"))
    has_newer = Exists(VideoLog.objects.filter(newer, keyword=OuterRef("keyword")))
    ended = VideoLog.objects.exclude(status__in=[VideoLog.Status.RUNNING, VideoLog.Status.WAITING])
    return ended.filter(Q(keyword=None) | has_newer, created_at__lt=end).order_by("created_at")


def prunable_videos() -> VideoQuerySet:
    """Return the videos that were found longer ago than KEEP_VIDEOS, except starred ones; and those that are about no
    keyword of the group that found them, before they would have to be refreshed."""
    now = timezone.now()
    condition = Q(keyword=None, created_at__lt=now - Video.REFRESH_AFTER)
    if settings.KEEP_VIDEOS:
        condition |= Q(created_at__lt=now - timedelta(days=settings.KEEP_VIDEOS))
    return Video.objects.filter(condition, starred_at=None)


def _delete(rows: QuerySet, delete: Callable[[list], object], deadline: float) -> int:
    deleted = 0
    while time.monotonic() < deadline:
        # Looked up first, since on SQLite even a DELETE of no rows takes the write lock.
        chunk = list(rows.values_list("pk", flat=True)[:CHUNK])
        if chunk:
            delete(chunk)
            deleted += len(chunk)
        if len(chunk) < CHUNK:
            break
        time.sleep(CHUNK_INTERVAL)
    return deleted
