"""Found videos -> rows: each video once, each match once, approximate never over exact.

Everybody who adds, changes or removes videos comes through here, and takes turns at VideoTotal's row. So no insert
ever meets a conflict, no two writers wait for each other in a circle, and counts always equal rows.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Subquery
from django.utils import timezone

from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoLog, VideoLogQuerySet, VideoTotal
from core.found_video import FoundVideo

# SQLite does not queue writers: each looks again after at most 100 ms. In a shorter rest some would never get a turn.
ERASE_CHUNK = 2000
ERASE_REST = 0.11

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
    "view_count",
]


class ClaimLost(Exception):
    """The keyword was deleted, or its claim taken over, while its videos were being found."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How many different videos were found, and how many of them this keyword had not found before."""

    found: int
    added: int


def store(entry: KeyWordEntry, token: str, videos: Iterable[FoundVideo], method: VideoFetchMethod) -> Stored:
    """Store what a fetch found for `entry`, in one transaction of a handful of queries.

    Raises ClaimLost, having stored nothing, if `token` no longer holds the keyword.
    """
    found = {video.video_id: video for video in videos}
    with transaction.atomic():
        total = VideoTotal.lock()
        now = timezone.now()  # not before it is our turn: the first to store is the one who found it first
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
    """Bring stored videos up to date with what a source says now; videos that are not stored stay so."""
    with transaction.atomic():
        VideoTotal.lock()
        _update({video.video_id: video for video in videos}, timezone.now())


def note_missing(video_ids: Iterable[str]) -> None:
    """Note that YouTube, asked about these videos, left them out.

    It leaves out what is deleted or private, without a word. Since one answer may be a slip, only those left out
    for the second time are taken for gone: there is nothing more to be told about them.
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


def erase(entry: KeyWordEntry, deadline: float = math.inf) -> None:
    """Erase a deleted keyword with its matches and the videos that no other keyword found.

    In short transactions with rests between them, so that no other writer waits long; begun again after a crash, or
    after `deadline` on the clock of time.monotonic(), it goes on where it was.
    """
    while _erase_chunk(entry):
        if time.monotonic() > deadline:
            return
        time.sleep(ERASE_REST)
    with transaction.atomic():
        doomed = KeyWordEntry.including_deleted.filter(pk=entry.pk, state=KeyWordEntry.State.DELETING)
        # Locked, for a fetch that claimed it before it was deleted may be opening its log at this moment.
        if doomed.select_for_update().exists():
            _part_with(VideoLog.objects.filter(keyword=entry))
            doomed._raw_delete("default")


def _erase_chunk(entry: KeyWordEntry) -> bool:
    """Erase some of what belongs to `entry`; return False if nothing is left."""
    with transaction.atomic():
        total = VideoTotal.lock()
        logs = list(entry.logs.values_list("pk", flat=True)[:ERASE_CHUNK])
        _part_with(VideoLog.objects.filter(pk__in=logs))
        entry.gaps.all().delete()

        chunk = dict(entry.matches.values_list("video", "pk")[:ERASE_CHUNK])
        Match.objects.filter(pk__in=chunk.values()).delete()
        videos = Video.objects.filter(pk__in=chunk)
        orphans = list(videos.filter(~Exists(Match.objects.filter(video=OuterRef("pk")))).values_list("pk", flat=True))
        Video.objects.filter(pk__in=orphans)._raw_delete("default")
        VideoTotal.objects.filter(pk=total.pk).update(count=F("count") - len(orphans))

        # What other keywords found too now belongs to the one that found it earliest. Picked out here: asked for
        # these videos and this keyword, SQLite would look through all that the keyword found first.
        heirless = [pk for pk, keyword in videos.values_list("pk", "keyword") if keyword == entry.pk]
        earliest = Match.objects.filter(video=OuterRef("pk")).order_by("created_at", "pk").values("keyword")[:1]
        Video.objects.filter(pk__in=heirless).update(keyword=Subquery(earliest))
    return ERASE_CHUNK in (len(chunk), len(logs))


def _part_with(logs: VideoLogQuerySet) -> None:
    """Let logs go on without their keyword; what still waited for a worker waits in vain."""
    logs.filter(status=VideoLog.Status.WAITING).close(VideoLog.Status.INTERRUPTED, "The keyword was deleted.")
    logs.update(keyword=None)


def _update(found: dict[str, FoundVideo], now: datetime) -> dict[str, Video]:
    """Write what differs to the videos that are stored already; return these by id, as they are now."""
    stored = Video.objects.select_for_update().order_by("video_id").in_bulk(list(found))
    changed = [video for video_id, video in stored.items() if _take_over(video, found[video_id], now)]
    written = [*_FROM_SOURCE, "views_read_at", "updated_at", "completed_at", "missing_since"]
    Video.objects.bulk_update(changed, written, batch_size=50)
    own_date = Subquery(Video.objects.filter(pk=OuterRef("video")).values("published_at")[:1])
    Match.objects.filter(video__in=changed).exclude(published_at=own_date).update(published_at=own_date)
    return stored


def _take_over(video: Video, found: FoundVideo, now: datetime) -> bool:
    """Take over into `video` what `found` knows better; tell whether the row has to be written."""
    if video.published_exact and not found.published_exact:
        # YouTube has described this video. A guess adds nothing but doubt.
        return False
    told = {name: getattr(found, name) for name in _FROM_SOURCE}
    # None, and "" short of the whole description of a video, mean that the source did not say.
    news = {name: value for name, value in told.items() if value is not None and (value != "" or found.complete)}
    if not found.published_exact:
        # Each poll guesses another date; the first guess was the nearest.
        news.pop("published_at")
    if video.completed_at and not found.complete:
        # Search cuts descriptions, and says "none" of a stream that has ended: videos.list knows better.
        news.pop("description", None)
        if found.live_state == Video.LiveState.NONE:
            news.pop("live_state")
    differing = {name: value for name, value in news.items() if getattr(video, name) != value}
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
