"""Fill pages: keywords with videos and a log."""

from datetime import UTC, datetime, timedelta

from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tests.builders import found_video, store

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def keyword_with_videos(keyword: str = "kestrels", number: int = 1) -> KeyWordEntry:
    """Return a watched keyword with `number` videos, newest first."""
    entry, _ = KeyWordEntry.objects.watch(keyword)
    videos = [found_video(f"{entry.pk}-{n:04}", published_at=NOON - timedelta(minutes=n)) for n in range(number)]
    store(entry, *videos)
    return entry


def log_of(entry: KeyWordEntry, **given: object) -> VideoLog:
    defaults = {"status": VideoLog.Status.DONE, "method": "youtube", "number_found": 50, "number_added": 3}
    defaults |= {"message": "YouTube: 50 found, 3 new."}
    return VideoLog.objects.create(keyword=entry, keyword_text=entry.keyword, **defaults | given)
