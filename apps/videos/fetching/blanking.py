"""Erase what YouTube said of stored videos: of those that are gone, and of those that could not be refreshed in time.

What is Windhover's own stays: which keywords found a video, when, how, and where they stand in it; marks; and whether
rules hide it. The publication date is YouTube's, so the time at which the video was found takes its place.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from apps.incidents.models import MAX_SKEW
from apps.videos import hiding
from apps.videos.models import Match, Video, VideoQuerySet, VideoTotal

_BLANK: Final[dict[str, Any]] = {
    "title": "",
    "description": "",
    "tags": None,
    "published_at": F("created_at"),
    "published_exact": False,
    "channel_id": "",
    "channel_title": "",
    "thumbnail": "",
    "duration": None,
    "live_state": Video.LiveState.NONE,
    "starts_at": None,
    "view_count": None,
    "views_read_at": None,
    "completed_at": None,
}


def blank(videos: VideoQuerySet) -> None:
    """Erase YouTube's data of these videos, in one transaction; at most some hundred at once.

    They come back as they were when YouTube gives their data again.
    """
    if not videos.exists():  # on SQLite, writing nothing would take the write lock
        return
    now = timezone.now()
    with transaction.atomic():
        total = VideoTotal.lock()
        video_ids = list(videos.values_list("pk", flat=True))  # now, as they may have been refreshed
        Video.objects.filter(pk__in=video_ids).update(**_BLANK, blanked_at=now, updated_at=now)
        own_date = Subquery(Video.objects.filter(pk=OuterRef("video")).values("published_at")[:1])
        Match.objects.filter(video__in=video_ids).update(published_at=own_date)
        total.mark_changed()


def doubt_missing(video_ids: Iterable[str]) -> None:
    """Record that an answer that may be wrong left out these videos: they are requested again in a day, among others.

    None is gone because of it. What cannot be refreshed for a month is erased in any case.
    """
    with transaction.atomic():
        VideoTotal.lock()  # as those who store videos do
        Video.objects.filter(pk__in=video_ids).update(missing_since=timezone.now())


def record_missing(video_ids: Iterable[str]) -> None:
    """Record that YouTube left these videos out of a response, as it does with deleted and private ones.

    A stream that was left out before has ended. A video that was left out for the first time GONE_AFTER ago is gone,
    and is blanked.
    """
    now = timezone.now()
    missing = Video.objects.filter(pk__in=video_ids)
    with transaction.atomic():
        total = VideoTotal.lock()
        again = missing.exclude(missing_since=None)
        running = again.filter(live_state__in=[Video.LiveState.LIVE, Video.LiveState.UPCOMING])
        if ended := list(running.values_list("pk", flat=True)):
            Video.objects.filter(pk__in=ended).update(live_state=Video.LiveState.NONE, updated_at=now)
            hiding.settle(total, ended)
            total.mark_changed()
        missing.filter(Q(missing_since=None) | Q(missing_since__gt=now + MAX_SKEW)).update(missing_since=now)
    blank(missing.filter(missing_since__lte=now - Video.GONE_AFTER))
