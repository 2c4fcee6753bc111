"""A busy keyword with short outages, on a source whose order is rough by minutes: all is found at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from apps.conftest import NOW, MovableTime
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, Match, VideoLog
from simulator import Simulator, World

INTERVAL, OUTAGE = timedelta(seconds=20), timedelta(seconds=150)


@pytest.fixture
def rough_youtube(run_youtube: Callable[[World], Simulator]) -> Simulator:
    rates = {"six": 6 * 60, "sixty": 60 * 60, "flood": 100 * 60}
    return run_youtube(World(seed=3, rates=rates, started_at=NOW, index_delay=0, date_jitter=300))


def missing(youtube: Simulator, entry: KeyWordEntry) -> list[float]:
    """Return the dates of the shown videos that were not found and lie in no gap."""
    found = set(Match.objects.filter(keyword=entry).values_list("video", flat=True))
    gaps = [(gap.after.timestamp(), gap.before.timestamp()) for gap in entry.gaps.all()]
    shown = youtube.world.search(entry.keyword, youtube.clock.now(), published_after=NOW)
    return [
        video.published_at
        for video in shown
        if video.video_id not in found and not any(after <= video.published_at <= before for after, before in gaps)
    ]


@pytest.mark.days
@pytest.mark.parametrize("word", ["six", "sixty"])
def test_nothing_is_missing_soon_after_an_outage(rough_youtube: Simulator, frozen_time: MovableTime, word: str) -> None:
    entry = KeyWordEntry.objects.create(keyword=word)
    now = NOW
    for pause in [INTERVAL] * 5 + ([OUTAGE] + [INTERVAL] * 4) * 3:
        now += pause
        frozen_time.move_to(now)
        entry.refresh_from_db()
        assert fetch_keyword(entry, VideoLog.Trigger.MANUAL)
        assert missing(rough_youtube, entry) == []
    assert not entry.gaps.filter(late=False).exists()


def test_a_keyword_with_more_videos_than_searches_can_list_says_so(
    rough_youtube: Simulator, frozen_time: MovableTime
) -> None:
    entry = KeyWordEntry.objects.create(keyword="flood")
    for number in range(1, 5):
        frozen_time.move_to(NOW + number * timedelta(minutes=10))
        entry.refresh_from_db()
        log = fetch_keyword(entry, VideoLog.Trigger.MANUAL)
        assert missing(rough_youtube, entry) == []
    assert log
    assert "More videos are published than the searches can list" in log.message
    assert log.searches == 5
    assert log.number_added > 200, "it is not read again"
