"""Gaps that full pages leave are recorded and closed, also for very busy keywords."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from apps.conftest import NOW, MovableTime
from apps.quota.models import QuotaSpend
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.fetching.gaps import INDEX_DELAY, MAX_GAP
from apps.videos.models import KeyWordEntry, Match, SearchGap, Video, VideoLog
from apps.videos.scheduling import beat, plan
from apps.videos.tests.builders import found_video
from core.errors import BadPageToken, SourceUnavailable
from core.youtube_api import SearchPage
from simulator import Simulator, World

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def busy_youtube(run_youtube: Callable[[World], Simulator], monkeypatch) -> Simulator:
    """Busy topics, and videos indexed up to 90 minutes late."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return run_youtube(World(seed=3, rates={"busy": 45, "busiest": 200}, started_at=NOW))


def fetch_on(frozen_time: MovableTime, entry: KeyWordEntry, since: datetime, until: datetime) -> None:
    """Fetch every ten minutes."""
    now = since
    while now < until:
        now += 10 * MINUTE
        frozen_time.move_to(now)
        entry.refresh_from_db()
        assert fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    entry.refresh_from_db()


@pytest.mark.days
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("word", "outage"), [("busy", 14), ("busiest", 3)])
def test_after_an_outage_all_is_found_however_much_is_published(
    busy_youtube: Simulator, frozen_time: MovableTime, word: str, outage: int
) -> None:
    entry = KeyWordEntry.objects.create(keyword=word)
    fetch_on(frozen_time, entry, NOW, NOW + HOUR)
    back = NOW + (1 + outage) * HOUR
    fetch_on(frozen_time, entry, back, back + 6 * HOUR)

    last = entry.searched_through
    assert last is not None
    # Late videos are searched for some time later, which may take several fetches.
    settled = last - 2 * INDEX_DELAY - HOUR
    shown = busy_youtube.world.search(word, last, published_after=NOW)
    stored = set(Match.objects.filter(keyword=entry).values_list("video", flat=True))
    missed = [video for video in shown if video.video_id not in stored]
    assert [video for video in missed if video.published_at < settled.timestamp()] == []
    # Videos not found yet lie in a known gap, or are left to the next search.
    known = [(gap.after.timestamp(), gap.before.timestamp()) for gap in entry.gaps.all()]
    known.append(((last - INDEX_DELAY).timestamp(), last.timestamp()))
    assert [v for v in missed if not any(after <= v.published_at <= before for after, before in known)] == []
    assert not entry.gaps.filter(late=False).exists()


@pytest.mark.days
def test_late_videos_are_searched_about_every_90_minutes(busy_youtube: Simulator, frozen_time: MovableTime) -> None:
    """A page does not reach back 90 minutes here; reading five at each fetch would use up the quota."""
    entry = KeyWordEntry.objects.create(keyword="busy")
    fetch_on(frozen_time, entry, NOW, NOW + 12 * HOUR)
    logs = entry.logs.filter(created_at__gt=NOW + 3 * HOUR)
    searches = sum(logs.values_list("searches", flat=True))
    # 45 videos per hour are searched a second time with about 40 per search.
    assert logs.count() + 9 * 45 / 50 - 2 <= searches <= logs.count() + 9 * 45 / 25
    assert not logs.exclude(message__endswith="new.").exists(), "there is nothing to report"
    assert set(entry.gaps.values_list("late", flat=True)) <= {True}


def test_the_plan_allows_for_further_pages(busy_youtube: Simulator, frozen_time: MovableTime, settings) -> None:
    from apps.videos.scheduling import report

    settings.YT_SEARCHES_PER_DAY = {"": 100}
    entry = KeyWordEntry.objects.create(keyword="word")
    now = NOW + HOUR
    frozen_time.move_to(now)
    before = plan.make_plan().allocation.shares[entry.pk].searches_per_day
    for searches in (1, 2, 5, 1, 1):
        VideoLog.objects.create(keyword=entry, status="done", searches=searches, created_at=now - HOUR)
    VideoLog.objects.create(keyword=entry, status="failed", searches=3, created_at=now - HOUR)
    VideoLog.objects.create(keyword=entry, status="done", searches=5, created_at=now - 25 * HOUR)
    assert plan.further_share(now) == 5 / 20
    assert plan.make_plan().allocation.shares[entry.pk].searches_per_day == pytest.approx(before * 0.75)
    beat.sync()
    entry.refresh_from_db()
    assert report.today().search_rate == pytest.approx(entry.searches_per_day / 0.75)


@pytest.fixture
def entry(youtube: Simulator) -> KeyWordEntry:
    return KeyWordEntry.objects.create(keyword="python")


def fetch_pages(entry: KeyWordEntry, *pages: SearchPage | Exception) -> tuple[VideoLog, list[dict[str, Any]]]:
    """Fetch while YouTube returns these pages; return the log and the requests."""
    with patch("core.youtube_api.search_videos", autospec=True) as search:
        search.side_effect = pages
        entry.refresh_from_db()
        log = fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    assert log is not None
    entry.refresh_from_db()
    return log, [call.kwargs for call in search.call_args_list]


def page(first: datetime, last: datetime, number: int = 50, *, more: bool = True) -> SearchPage:
    step = (last - first) / max(1, number - 1)
    videos = tuple(found_video(published_at=first + n * step) for n in range(number))
    return SearchPage(videos=videos[::-1], more=more, next_page_token="next" if more else None)


def watched_until(entry: KeyWordEntry, moment: datetime) -> None:
    KeyWordEntry.objects.filter(pk=entry.pk).update(searched_through=moment)


def test_old_gaps_are_closed_after_the_new_one(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - 4 * HOUR)
    entry.gaps.create(after=NOW - 20 * HOUR, before=NOW - 18 * HOUR)
    entry.gaps.create(after=NOW - 12 * HOUR, before=NOW - 10 * HOUR)

    log, asked = fetch_pages(
        entry,
        page(NOW - HOUR, NOW),
        page(NOW - 6 * HOUR, NOW - HOUR, more=False),
        page(NOW - 12 * HOUR, NOW - 10 * HOUR, more=False),
        page(NOW - 19 * HOUR, NOW - 18 * HOUR),
        page(NOW - 20 * HOUR, NOW - 19 * HOUR, more=False),
    )

    assert log.searches == 5
    assert [call["page_token"] for call in asked] == [None, "next", None, None, "next"]
    assert asked[2]["published_before"] == NOW - 10 * HOUR
    assert entry.gaps.count() == 0


def test_four_further_pages_are_enough_for_one_fetch(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - 20 * HOUR)
    pages = [page(NOW - (n + 1) * HOUR, NOW - n * HOUR) for n in range(5)]

    log, _ = fetch_pages(entry, *pages)

    assert log.searches == 5
    gap = entry.gaps.get()
    assert gap.after == NOW - 20 * HOUR - INDEX_DELAY
    assert NOW - 5 * HOUR <= gap.before <= NOW - 4 * HOUR
    assert "Searched when quota allows" in log.message


def test_a_short_page_with_more_behind_it_closes_nothing(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - HOUR)
    entry.gaps.create(after=NOW - 12 * HOUR, before=NOW - 10 * HOUR)
    _, asked = fetch_pages(
        entry,
        page(NOW - HOUR, NOW, number=3, more=False),
        page(NOW - 11 * HOUR, NOW - 10 * HOUR, number=2),
        page(NOW - 12 * HOUR, NOW - 11 * HOUR, number=9, more=False),
    )
    assert len(asked) == 3
    assert entry.gaps.count() == 0


def test_a_few_misplaced_videos_do_not_set_the_bound(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - 4 * HOUR)
    crowd = page(NOW - HOUR, NOW, number=46)
    strays = page(NOW - 6 * HOUR, NOW - 6 * HOUR + MINUTE, number=4)
    _, asked = fetch_pages(
        entry,
        SearchPage((*crowd.videos, *strays.videos), more=True, next_page_token="next"),
        page(NOW - 7 * HOUR, NOW - HOUR, more=False),
    )
    assert len(asked) == 2


def test_many_videos_within_minutes_do_not_keep_a_gap_open_for_ever(entry: KeyWordEntry) -> None:
    """Its pages are out of order by as much as they reach back; so the next search is of a shorter time."""
    watched_until(entry, NOW - HOUR)
    gap = entry.gaps.create(after=NOW - 12 * HOUR, before=NOW - 10 * HOUR)
    crowd = [page(gap.before - MINUTE, gap.before) for _ in range(4)]
    newest = page(NOW - HOUR, NOW, number=3, more=False)
    fetch_pages(entry, newest, *crowd)
    assert entry.gaps.get().before == gap.before
    _, asked = fetch_pages(entry, newest, *crowd[:3], page(gap.before - MINUTE, gap.before, number=9, more=False))
    assert gap.before - MINUTE < asked[1]["published_after"] < gap.before
    assert entry.gaps.get().before == asked[1]["published_after"]


def test_gaps_are_limited_to_seven_days(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - 90 * 24 * HOUR)
    fetch_pages(entry, page(NOW - HOUR, NOW), *[page(NOW - 2 * HOUR, NOW - HOUR) for _ in range(4)])
    assert entry.gaps.get().after == NOW - MAX_GAP


def test_a_keyword_whose_first_search_had_to_wait_misses_nothing(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    assert fetch_keyword(entry, VideoLog.Trigger.FIRST)
    for number in range(120):
        youtube.world.publish(
            "python", video_id=f"meanwhile{number:02}"[-11:], published_at=NOW + number * 5 * MINUTE, title="python"
        )
    for project in youtube.projects:
        project.limits["search"] = 100
    frozen_time.move(hours=13)
    entry.refresh_from_db()
    assert fetch_keyword(entry, VideoLog.Trigger.FIRST)
    published = [video.video_id for video in youtube.world.search("python", NOW + 12 * HOUR, published_after=NOW)]
    assert set(published) <= set(Match.objects.values_list("video", flat=True))


def test_a_lost_claim_changes_no_gaps(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - 20 * HOUR)
    taken = {"claim_token": "somebody else's"}

    def take_over(*args: Any, **kwargs: Any) -> SearchPage:
        KeyWordEntry.objects.filter(pk=entry.pk).update(**taken)
        return page(NOW - HOUR, NOW)

    with patch("core.youtube_api.search_videos", autospec=True, side_effect=take_over):
        entry.refresh_from_db()
        fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    assert SearchGap.objects.count() == 0


def test_known_videos_are_not_requested_again(entry: KeyWordEntry) -> None:
    videos = page(NOW - HOUR, NOW, number=50, more=False)
    fetch_pages(entry, videos)
    units = QuotaSpend.objects.get(bucket="general").used
    fetch_pages(entry, videos)
    # These are unknown to YouTube, so they are requested again.
    assert QuotaSpend.objects.get(bucket="general").used == units + 1
    Video.objects.update(completed_at=NOW)
    fetch_pages(entry, videos)
    assert QuotaSpend.objects.get(bucket="general").used == units + 1


def test_what_a_killed_fetch_has_used_is_recorded(entry: KeyWordEntry) -> None:
    """A worker is killed in the middle of a fetch."""

    class Killed(BaseException):
        pass

    def kill(*args: Any) -> None:
        raise Killed

    with patch("apps.videos.fetching.storing.store", kill), pytest.raises(Killed):
        fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    log = VideoLog.objects.get()
    assert (log.status, log.searches, log.units) == ("running", 1, 1)


def test_a_long_interval_is_no_reason_to_lose_anything(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    KeyWordEntry.objects.update(interval=14 * 86_400, planned_interval=14 * 86_400)
    watched_until(entry, NOW - 14 * 24 * HOUR)
    fetch_pages(entry, page(NOW - HOUR, NOW), *[page(NOW - 2 * HOUR, NOW - HOUR) for _ in range(4)])
    assert entry.gaps.get().after == NOW - 14 * 24 * HOUR - INDEX_DELAY


def test_an_older_gap_is_searched_where_the_pages_end(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - 4 * HOUR)
    entry.gaps.create(after=NOW - 20 * HOUR, before=NOW - 5 * HOUR)
    _, asked = fetch_pages(
        entry,
        page(NOW - 2 * HOUR, NOW),
        page(NOW - 4 * HOUR, NOW - 2 * HOUR),
        page(NOW - 7 * HOUR, NOW - 4 * HOUR, more=False),
        page(NOW - 9 * HOUR, NOW - 7 * HOUR),
        page(NOW - 11 * HOUR, NOW - 9 * HOUR),
    )
    assert [call["page_token"] for call in asked] == [None, "next", "next", None, "next"]
    assert [call["published_after"] for call in asked[:3]] == [NOW - 7 * HOUR] * 3, "a token belongs to one search"
    assert asked[3]["published_before"] == NOW - 7 * HOUR
    gap = entry.gaps.get()
    assert gap.after == NOW - 20 * HOUR
    assert NOW - 11 * HOUR < gap.before <= NOW - 10 * HOUR


def test_gaps_that_become_one_are_searched_once(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - HOUR)
    entry.gaps.create(after=NOW - 20 * HOUR, before=NOW - 10 * HOUR)
    entry.gaps.create(after=NOW - 12 * HOUR, before=NOW - 8 * HOUR)
    log, _ = fetch_pages(
        entry,
        page(NOW - HOUR, NOW, number=3, more=False),
        page(NOW - 20 * HOUR, NOW - 8 * HOUR, number=40, more=False),
    )
    assert log.searches == 2
    assert entry.gaps.count() == 0


def test_a_source_that_fails_in_one_gap_is_not_searched_for_the_next(
    youtube: Simulator, entry: KeyWordEntry, monkeypatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    watched_until(entry, NOW - HOUR)
    for number in range(12):
        before = NOW - (19 + 3 * number) * HOUR
        entry.gaps.create(after=before - HOUR, before=before)
    away = [SourceUnavailable("YouTube had a fault of its own.", 500)] * 40
    log, _ = fetch_pages(entry, page(NOW - HOUR, NOW, number=3, more=False), *away)
    assert (log.status, log.searches) == ("done", 1 + 3)
    assert entry.gaps.count() == 12


def test_an_expired_page_token_is_replaced_by_dates(entry: KeyWordEntry) -> None:
    watched_until(entry, NOW - 4 * HOUR)
    log, asked = fetch_pages(
        entry,
        page(NOW - HOUR, NOW),
        BadPageToken("YouTube no longer knows this page of the search.", 400),
        page(NOW - 6 * HOUR, NOW - HOUR, more=False),
    )
    assert (log.status, len(asked)) == ("done", 3)
    assert asked[2]["page_token"] is None
    assert asked[2]["published_before"] is not None
    assert entry.gaps.count() == 0


def test_a_page_that_reaches_further_back_than_gaps_are_kept_leaves_none(entry: KeyWordEntry) -> None:
    """A quiet keyword that is resumed after months, with a gap of that time."""
    watched_until(entry, NOW - 90 * 24 * HOUR)
    entry.gaps.create(after=NOW - 95 * 24 * HOUR, before=NOW - 94 * 24 * HOUR)
    log, _ = fetch_pages(
        entry, page(NOW - 30 * 24 * HOUR, NOW), page(NOW - 95 * 24 * HOUR, NOW - 94 * 24 * HOUR, more=False)
    )
    assert (log.status, log.error_code) == ("done", "")
    assert entry.gaps.count() == 0
