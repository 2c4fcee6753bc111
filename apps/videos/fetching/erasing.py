"""Erase deleted keywords, with their matches and the videos that no other keyword found; and erase videos."""

import math
import time

from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery

from apps.videos import hiding
from apps.videos.models import (
    HidingRule,
    KeyWordEntry,
    Match,
    Video,
    VideoLog,
    VideoLogQuerySet,
    VideoQuerySet,
    VideoTotal,
)

CHUNK = 2000
# Seconds between two chunks. SQLite does not queue writers: each retries after at most 100 ms, so with a shorter pause
# some would never get the lock.
CHUNK_INTERVAL = 0.11


def erase(entry: KeyWordEntry, deadline: float = math.inf) -> None:
    """Erase a deleted keyword, in short transactions with pauses between them, so that no other writer waits long.

    It stops after `deadline` (of time.monotonic()); the next call continues, even after a crash.
    """
    while _erase_chunk(entry):
        if time.monotonic() > deadline:
            return
        time.sleep(CHUNK_INTERVAL)
    with transaction.atomic():
        deleted = KeyWordEntry.including_deleted.filter(pk=entry.pk, state=KeyWordEntry.State.DELETING)
        # Locked, because a fetch that claimed it before it was deleted may be opening its log now.
        if deleted.select_for_update().exists():
            _detach(VideoLog.objects.filter(keyword=entry))
            models.QuerySet.delete(deleted)  # not KeyWordEntryQuerySet.delete(), which hides


def _erase_chunk(entry: KeyWordEntry) -> bool:
    """Erase some of what belongs to `entry`; return False if nothing is left."""
    with transaction.atomic():
        total = VideoTotal.lock()
        logs = list(entry.logs.values_list("pk", flat=True)[:CHUNK])
        _detach(VideoLog.objects.filter(pk__in=logs))
        entry.gaps.all().delete()
        entry.new_videos.all().delete()

        chunk = dict(entry.matches.values_list("video", "pk")[:CHUNK])
        if chunk:
            total.mark_changed()
        Match.objects.filter(pk__in=chunk.values()).delete()
        videos = Video.objects.filter(pk__in=chunk)
        _remove(total, videos.filter(~Exists(Match.objects.filter(video=OuterRef("pk")))))

        # The other videos belong to the keyword that found them earliest. Filtered in Python: with both conditions in
        # one query, SQLite would scan every video the keyword found first.
        orphaned = [pk for pk, keyword in videos.values_list("pk", "keyword") if keyword == entry.pk]
        earliest = Match.objects.filter(video=OuterRef("pk")).order_by("created_at", "pk").values("keyword")[:1]
        Video.objects.filter(pk__in=orphaned).update(keyword=Subquery(earliest))
        if HidingRule.objects.exists():
            # A video that only this keyword showed is hidden by rules now.
            hiding.settle(total, chunk)
    return CHUNK in (len(chunk), len(logs))


def erase_videos(videos: VideoQuerySet) -> None:
    """Erase videos with their matches, in one transaction; at most some hundred at once."""
    with transaction.atomic():
        total = VideoTotal.lock()
        video_ids = list(videos.values_list("pk", flat=True))  # now, as one may have been starred
        matches = Match.objects.filter(video__in=video_ids)
        numbers = (
            matches.order_by()
            .values_list("keyword")
            .annotate(found=Count("pk"), hidden_ones=Count("pk", filter=Q(hidden=True)))
        )
        for keyword, found, hidden in sorted(numbers):
            KeyWordEntry.including_deleted.filter(pk=keyword).update(
                video_count=F("video_count") - found, hidden_count=F("hidden_count") - hidden
            )
        matches.delete()
        _remove(total, Video.objects.filter(pk__in=video_ids))
        total.mark_changed()


def _remove(total: VideoTotal, videos: VideoQuerySet) -> None:
    """Delete videos without matches, and count them off `total`, which is locked."""
    rows = dict(videos.values_list("pk", "hidden_at"))
    # only(): Django loads the rows to cascade, and descriptions are long.
    _, by_model = Video.objects.filter(pk__in=rows).only("pk").delete()
    total.count -= by_model.get(Video._meta.label, 0)
    total.hidden_count -= sum(hidden_at is not None for hidden_at in rows.values())
    total.save(update_fields=["count", "hidden_count"])


def _detach(logs: VideoLogQuerySet) -> None:
    """Keep logs without their keyword, and close those that wait for a worker."""
    logs.filter(status=VideoLog.Status.WAITING).close(VideoLog.Status.INTERRUPTED, "The keyword was deleted.")
    logs.update(keyword=None)
