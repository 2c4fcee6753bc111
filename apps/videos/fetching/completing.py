"""Complete found videos with the full data that only videos.list gives: exact date, description, duration, views."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from django.utils import timezone

from apps.quota.errors import NoKeyAvailable
from apps.quota.ledger import Purpose
from apps.quota.youtube import YouTube
from apps.videos.fetching import blanking, storing
from apps.videos.models import Video
from core.errors import SourceError
from core.found_video import FoundVideo
from core.youtube_api import PAGE_SIZE

logger = logging.getLogger(__name__)

# An answer that leaves out more than so many videos, and more than half of those requested, is more likely wrong than
# that so many are gone.
FEW_MISSING: Final = 10


def complete(videos: Sequence[FoundVideo], youtube: YouTube) -> list[FoundVideo]:
    """Return `videos` with full data for those not completed before; one unit for 50.

    Videos that cannot be completed now stay as they were found; a chore completes them later.
    """
    ids = [video.video_id for video in videos if not video.complete]
    known = set(Video.objects.filter(pk__in=ids).exclude(completed_at=None).values_list("pk", flat=True))
    completed: dict[str, FoundVideo] = {}
    unknown = [video_id for video_id in ids if video_id not in known]
    for _, answer in _list_videos(unknown, youtube, Purpose.SCHEDULE):
        completed |= {video.video_id: video for video in answer}
    return [_joined(video, completed.get(video.video_id, video)) for video in videos]


def _joined(found: FoundVideo, answer: FoundVideo) -> FoundVideo:
    """Return YouTube's `answer`, with the texts that it lacks as the search has `found` them."""
    if answer.complete:
        return answer
    texts = ("title", "description", "channel_id", "channel_title")
    return replace(answer, **{name: getattr(answer, name) or getattr(found, name) for name in texts})


def complete_stored(limit: int = 500) -> None:
    """Complete stored videos without full data, and streams that may have ended."""
    update_stored(Video.objects.to_complete(timezone.now(), limit), Purpose.SCHEDULE)


def update_stored(ids: Sequence[str], purpose: Purpose) -> None:
    """Request these stored videos and store what YouTube says, until it fails or time runs out; a unit for 50."""
    for requested, answer in _list_videos(ids, YouTube(), purpose):
        storing.update(answer)
        missing = set(requested) - {video.video_id for video in answer}
        if len(missing) > max(FEW_MISSING, len(requested) / 2):
            logger.warning("YouTube left out %d of %d videos, which is not believed", len(missing), len(requested))
            blanking.doubt_missing(missing)
        else:
            blanking.record_missing(missing)


def _list_videos(
    ids: Sequence[str], youtube: YouTube, purpose: Purpose
) -> Iterator[tuple[Sequence[str], list[FoundVideo]]]:
    """Yield chunks of `ids` with YouTube's data of them, until it fails."""
    for start in range(0, len(ids), PAGE_SIZE):
        chunk = ids[start : start + PAGE_SIZE]
        try:
            answer = youtube.list_videos(chunk, purpose)
        except (NoKeyAvailable, SourceError) as error:
            logger.info("%d videos stay as they are for now: %s", len(ids) - start, error)
            return
        yield chunk, answer
