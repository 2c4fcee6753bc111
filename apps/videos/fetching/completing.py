"""Complete found videos with the full data that only videos.list gives: exact date, description, duration, views."""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.utils import timezone

from apps.quota.errors import NoKeyAvailable
from apps.quota.youtube import YouTube
from apps.videos.fetching import storing
from apps.videos.models import Video
from core.errors import SourceError
from core.found_video import FoundVideo
from core.youtube_api import PAGE_SIZE

logger = logging.getLogger(__name__)

# How often a stream that was live or upcoming is requested until it has ended, and a video that YouTube left out.
REPEAT_AFTER = timedelta(hours=1)


def complete(videos: Sequence[FoundVideo], youtube: YouTube) -> list[FoundVideo]:
    """Return `videos` with full data for those not completed before; one unit for 50.

    Videos that cannot be completed now stay as they were found; a chore completes them later.
    """
    ids = [video.video_id for video in videos if not video.complete]
    known = set(Video.objects.filter(pk__in=ids).exclude(completed_at=None).values_list("pk", flat=True))
    completed: dict[str, FoundVideo] = {}
    for _, answer in _list_videos([video_id for video_id in ids if video_id not in known], youtube):
        completed |= {video.video_id: video for video in answer}
    return [completed.get(video.video_id, video) for video in videos]


def complete_stored(limit: int = 500) -> None:
    """Complete stored videos without full data, and streams that may have ended."""
    ids = Video.objects.to_complete(timezone.now() - REPEAT_AFTER, limit)
    for requested, answer in _list_videos(ids, YouTube()):
        storing.update(answer)
        storing.record_missing(set(requested) - {video.video_id for video in answer})


def _list_videos(ids: Sequence[str], youtube: YouTube) -> Iterator[tuple[Sequence[str], list[FoundVideo]]]:
    """Yield chunks of `ids` with YouTube's data of them, until it fails."""
    for start in range(0, len(ids), PAGE_SIZE):
        chunk = ids[start : start + PAGE_SIZE]
        try:
            answer = youtube.list_videos(chunk)
        except (NoKeyAvailable, SourceError) as error:
            logger.info("%d videos stay incomplete for now: %s", len(ids) - start, error)
            return
        yield chunk, answer
