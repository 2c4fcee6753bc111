"""Build rows and found videos with sensible defaults."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from apps.quota import ledger
from apps.videos.fetching import storing
from apps.videos.models import KeyWordEntry, Video, VideoFetchMethod
from apps.videos.scheduling import beat
from core.found_video import FoundVideo

ODD_KEYWORDS = [
    "AC/DC",
    "c++",
    "50%",
    "#shorts",
    "a?b",
    "a&b",
    "日本語",
    "a//b",
    "videos/",
    "%2F",
    "<b>x</b>",
    "🦅",
    "' OR 1=1 --",
    "  Two   Words ",
]

_numbers = count(1)


def found_video(video_id: str = "", **given: Any) -> FoundVideo:
    """Return a video as search.list describes it."""
    video_id = video_id or f"video{next(_numbers):06}"
    defaults: dict[str, Any] = {
        "title": f"The title of {video_id}",
        "description": "What it is about ...",
        "published_at": datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
        "published_exact": True,
        "channel_id": "UC0000000000000000000000",
        "channel_title": "A channel",
        "thumbnail": f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg",
    }
    return FoundVideo(video_id=video_id, **defaults | given)


def store(
    entry: KeyWordEntry, *videos: FoundVideo, method: VideoFetchMethod = VideoFetchMethod.YOUTUBE
) -> storing.Stored:
    """Store videos as a fetch of `entry` would."""
    KeyWordEntry.objects.filter(pk=entry.pk).update(claim_token="held by the test")
    stored = storing.store([entry], "held by the test", videos, method)[entry.pk]
    KeyWordEntry.objects.filter(pk=entry.pk).update(claim_token="")
    entry.refresh_from_db()
    return stored


def fetched_keyword(word: str) -> KeyWordEntry:
    """Return a new keyword with one video, `a-video`, and one log."""
    entry = KeyWordEntry.objects.create(keyword=word)
    store(entry, found_video("a-video"))
    entry.logs.create(keyword_text=word, status="done")
    return entry


def watched(**rates: float) -> None:
    """Watch keywords with these rates, and plan them."""
    for word, rate in rates.items():
        entry = KeyWordEntry.objects.create(keyword=word)
        KeyWordEntry.objects.filter(pk=entry.pk).update(rate=rate)
    beat.sync()


def spend(searches: int) -> None:
    """Use searches of the project "birds"."""
    for _ in range(searches):
        assert ledger.reserve("birds", "search", ledger.Purpose.MANUAL)


def videos_of(entry: KeyWordEntry) -> set[str]:
    return set(Video.objects.filter(matches__keyword=entry).values_list("pk", flat=True))


def claim_of(entry: KeyWordEntry) -> tuple[int, str, datetime]:
    """Return the claim of `entry` as beat sees it, for claims.end()."""
    return KeyWordEntry.objects.values_list("pk", "claim_token", "claimed_at").get(pk=entry.pk)
