"""Store found videos: each video once, each match once, an estimate never over exact data.

Videos are only added and changed here, and removed in erasing.py. Each transaction locks VideoTotal's row first, so
that writers take turns: no insert conflicts, no deadlock, and counts that always equal the number of rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoTotal
from core.found_video import FoundVideo

_FROM_SOURCE = [
    "title",
    "description",
    "published_at",
    "published_exact",
    "channel_id",
    "channel_title",
    "thumbnail",
    "duration",
    "live_state",
    "starts_at",
    "view_count",
]


class ClaimLost(Exception):
    """The keyword was deleted, or another worker took over its claim, during the search."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The number of different videos found, and of matches that are new."""

    found: int
    added: int


def store(entry: KeyWordEntry, token: str, videos: Iterable[FoundVideo], method: VideoFetchMethod) -> Stored:
    """Store what a fetch found for `entry`, in one transaction of a few queries.

    Raises ClaimLost, without storing anything, if the claim `token` is no longer valid.
    """
    found = {video.video_id: video for video in videos}
    with transaction.atomic():
        total = VideoTotal.lock()
        now = timezone.now()  # after the lock: the first to store a video has found it first
        if not KeyWordEntry.objects.select_for_update().filter(pk=entry.pk, claim_token=token).exists():
            raise ClaimLost
        stored = _update(found, now)

        new = [_new_video(video, entry, method, now) for video_id, video in found.items() if video_id not in stored]
        Video.objects.bulk_create(new)
        VideoTotal.objects.filter(pk=total.pk).update(count=F("count") + len(new))

        matched = set(entry.matches.filter(video__in=found).values_list("video", flat=True))
        rows = stored | {video.video_id: video for video in new}
        matches = [
            Match(keyword=entry, video=row, method=method, created_at=now, published_at=row.published_at)
            for video_id, row in rows.items()
            if video_id not in matched
        ]
        Match.objects.bulk_create(matches)
        KeyWordEntry.objects.filter(pk=entry.pk).update(video_count=F("video_count") + len(matches))
    return Stored(found=len(found), added=len(matches))


def update(videos: Iterable[FoundVideo]) -> None:
    """Update stored videos; those that are not stored are ignored."""
    with transaction.atomic():
        VideoTotal.lock()
        _update({video.video_id: video for video in videos}, timezone.now())


def record_missing(video_ids: Iterable[str]) -> None:
    """Record that YouTube left these videos out of a response, as it does with deleted and private ones.

    Since a single response can be wrong, only those left out for the second time count as gone and are not requested
    again.
    """
    now = timezone.now()
    missing = Video.objects.filter(pk__in=video_ids)
    with transaction.atomic():
        VideoTotal.lock()
        gone = missing.exclude(missing_since=None)
        gone.filter(live_state__in=[Video.LiveState.LIVE, Video.LiveState.UPCOMING]).update(
            live_state=Video.LiveState.NONE, updated_at=now
        )
        gone.update(completed_at=now)
        missing.filter(missing_since=None).update(missing_since=now)


def _update(found: dict[str, FoundVideo], now: datetime) -> dict[str, Video]:
    """Update those videos that are stored already; return them by id."""
    stored = Video.objects.select_for_update().order_by("video_id").in_bulk(list(found))
    changed = [video for video_id, video in stored.items() if _merge(video, found[video_id], now)]
    written = [*_FROM_SOURCE, "views_read_at", "updated_at", "completed_at", "missing_since"]
    Video.objects.bulk_update(changed, written, batch_size=50)
    own_date = Subquery(Video.objects.filter(pk=OuterRef("video")).values("published_at")[:1])
    Match.objects.filter(video__in=changed).exclude(published_at=own_date).update(published_at=own_date)
    return stored


def _merge(video: Video, found: FoundVideo, now: datetime) -> bool:
    """Copy the better values of `found` to `video`; return whether the row must be saved."""
    if video.published_exact and not found.published_exact:
        # The row has YouTube's own data, which an estimate must not overwrite.
        return False
    given = {name: getattr(found, name) for name in _FROM_SOURCE}
    # None means unknown, and so does "" unless the data are complete.
    updates = {name: value for name, value in given.items() if value is not None and (value != "" or found.complete)}
    if not found.published_exact:
        # The estimate differs with each request; the first one was the most precise.
        del updates["published_at"], updates["published_exact"]
    if video.completed_at and not found.complete:
        # search.list cuts descriptions, and says "none" of a stream that has ended; videos.list gave better data.
        updates.pop("description", None)
        if found.live_state == Video.LiveState.NONE:
            updates.pop("live_state")
    differing = {name: value for name, value in updates.items() if getattr(video, name) != value}
    for name, value in differing.items():
        setattr(video, name, value)
    if differing:
        video.updated_at = now
    if "view_count" in differing:
        video.views_read_at = now
    if found.complete:
        video.completed_at, video.missing_since = now, None
    return bool(differing) or found.complete


def _new_video(found: FoundVideo, entry: KeyWordEntry, method: VideoFetchMethod, now: datetime) -> Video:
    return Video(
        video_id=found.video_id,
        keyword=entry,
        method=method,
        created_at=now,
        updated_at=now,
        views_read_at=now if found.view_count is not None else None,
        completed_at=now if found.complete else None,
        **{name: getattr(found, name) for name in _FROM_SOURCE},
    )
