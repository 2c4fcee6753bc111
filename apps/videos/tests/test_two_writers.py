"""Several writers of the same videos: nothing is lost or doubled, no estimate overwrites a date, on both databases."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from apps.videos import hiding, marks
from apps.videos.fetching import blanking, erasing, storing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import HidingRule, KeyWordEntry, Match, Video, VideoFetchMethod, VideoLog, VideoTotal
from apps.videos.tests.builders import found_video, videos_of
from apps.videos.tests.conftest import RealDatabase, assert_nothing_lost_or_doubled, held
from core.found_video import FoundVideo

YOUTUBE, INVIDIOUS = VideoFetchMethod.YOUTUBE, VideoFetchMethod.INVIDIOUS

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GUESS: dict[str, Any] = {"published_exact": False, "published_at": NOON + timedelta(minutes=40)}
WHOLE: dict[str, Any] = {"complete": True, "description": "All of it.", "duration": 61}


def storing_page(
    entry: KeyWordEntry, ids: list[str], method: VideoFetchMethod = YOUTUBE, **given: Any
) -> Callable[[], storing.Stored]:
    """Return a function that stores these videos for `entry`, shuffled: sources do not sort by id."""
    page = [found_video(video_id, **given) for video_id in random.sample(ids, len(ids))]
    return lambda: storing.store([entry], "held", page, method)[entry.pk]


def names(prefix: str, start: int, stop: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(start, stop)]


def test_it_works(database: RealDatabase) -> None:
    bird, kestrel = held("bird"), held("kestrel")
    for turn in range(30):
        first, second = names(f"{turn}", 0, 20), names(f"{turn}", 10, 30)
        stored = database.at_once(storing_page(bird, first), storing_page(kestrel, second))
        assert stored == [storing.Stored(found=20, added=20)] * 2

    assert Video.objects.count() == 30 * 30
    assert Match.objects.count() == 30 * 40
    assert (len(videos_of(bird)), len(videos_of(kestrel))) == (600, 600)
    assert_nothing_lost_or_doubled()


def test_it_handles_the_very_first_videos(database: RealDatabase) -> None:
    entries = [held(word) for word in ("bird", "kestrel", "hawk", "owl")]
    VideoTotal.objects.all().delete()
    database.at_once(*(storing_page(entry, names("v", 0, 10)) for entry in entries))

    assert (Video.objects.count(), Match.objects.count()) == (10, 40)
    assert_nothing_lost_or_doubled()


def test_it_handles_the_same_keyword_twice(database: RealDatabase) -> None:
    """Two workers never hold the same claim, but even then nothing would be stored twice."""
    entry = held("bird")
    for turn in range(20):
        stored = database.at_once(*[storing_page(entry, names(f"{turn}", 0, 20))] * 3)
        assert sorted(one.added for one in stored) == [0, 0, 20]
    assert_nothing_lost_or_doubled()


def test_an_estimate_never_replaces_a_date(database: RealDatabase) -> None:
    bird, kestrel, hawk = held("bird"), held("kestrel"), held("hawk")
    for turn in range(15):
        ids = names(f"{turn}", 0, 15)
        guessing = storing_page(bird, ids, INVIDIOUS, **GUESS)
        knowing = storing_page(kestrel, ids)
        completing = partial(storing.update, [found_video(video_id, **WHOLE) for video_id in reversed(ids)])
        later = storing_page(hawk, ids, INVIDIOUS, **GUESS | {"published_at": NOON + timedelta(days=1)})
        works = [guessing, knowing, completing, later]
        # Each of the four was first at times, and some were simultaneous.
        if turn % 5 < 4:
            database.at_once(works.pop(turn % 5))
        database.at_once(*works)

        stored = Video.objects.filter(pk__in=ids)
        assert set(stored.values_list("published_at", "published_exact")) == {(NOON, True)}
        assert Match.objects.filter(video__in=ids, published_at=NOON).count() == 3 * 15
    assert_nothing_lost_or_doubled()


def test_videos_that_are_gone_block_no_writer(database: RealDatabase) -> None:
    """The chore marks videos as gone while fetches store the same rows in another order."""
    entry = held("bird")
    ids = names("v", 0, 300)
    storing_page(entry, ids)()
    again = [found_video(video_id) for video_id in ids]
    Video.objects.update(missing_since=NOON - Video.GONE_AFTER * 100)
    for _ in range(15):
        database.at_once(*[partial(storing.update, again), partial(blanking.record_missing, ids)] * 2)
    assert not Video.objects.filter(blanked_at=None).exists()
    assert_nothing_lost_or_doubled()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an erase take many chunks with few videos."""
    monkeypatch.setattr(erasing, "CHUNK", 4)
    monkeypatch.setattr(erasing, "CHUNK_INTERVAL", 0)


@pytest.mark.usefixtures("small_chunks")
def test_erasing_a_keyword_takes_nothing_from_another(database: RealDatabase) -> None:
    survivor = held("bird")
    ids: set[str] = set()
    for turn in range(5):
        doomed = held("kestrel")
        shared = names(f"{turn}", 0, 40)
        storing_page(doomed, shared)()
        storing_page(survivor, shared[:10])()
        doomed.delete()

        def store_the_rest(pages: list[list[str]]) -> None:
            for page in pages:
                storing_page(survivor, page)()

        rest = [shared[start : start + 6] for start in range(8, 32, 4)]
        database.at_once(partial(erasing.erase, doomed), partial(store_the_rest, rest))
        ids |= set(shared[:34])

        assert videos_of(survivor) == ids == set(Video.objects.values_list("pk", flat=True))
        assert not KeyWordEntry.including_deleted.filter(pk=doomed.pk).exists()
        assert set(Video.objects.values_list("keyword", flat=True)) == {survivor.pk}
    assert_nothing_lost_or_doubled()


@pytest.mark.usefixtures("small_chunks")
def test_two_chores_may_erase_the_same_keyword(database: RealDatabase) -> None:
    survivor = held("bird")
    for turn in range(5):
        doomed = held("kestrel")
        storing_page(doomed, names(f"{turn}", 0, 30))()
        storing_page(survivor, names(f"{turn}", 25, 35))()
        doomed.delete()
        database.at_once(*[partial(erasing.erase, doomed)] * 3)

        assert videos_of(survivor) == set(Video.objects.values_list("pk", flat=True))
    assert Video.objects.count() == 50
    assert_nothing_lost_or_doubled()


def test_a_fetch_may_open_its_log_to_the_last_moment_of_an_erase(database: RealDatabase) -> None:
    """It claimed the keyword before it was deleted; the claim is invalid, the log stays."""
    for turn in range(6):
        doomed = held("kestrel")
        storing_page(doomed, names(f"{turn}", 0, 5))()
        doomed.delete()
        opening = partial(open_logs_until_erased, doomed)
        _, *opened = database.at_once(partial(erasing.erase, doomed), opening, opening)

        assert VideoLog.objects.filter(keyword=None).count() == sum(opened)
        VideoLog.objects.all().delete()
    assert Video.objects.count() == VideoTotal.current() == 0


def open_logs_until_erased(entry: KeyWordEntry) -> int:
    """Open logs as fetching does, until the keyword is erased; return how many."""
    for opened in range(10_000):
        try:
            VideoLog.objects.create(keyword=entry, keyword_text="kestrel")
        except IntegrityError:
            return opened
        time.sleep(0.005)
    raise AssertionError("the erase does not end")


def test_counts_are_verified_beside_writers(database: RealDatabase) -> None:
    bird, kestrel = held("bird"), held("kestrel")
    kept = [found_video(f"kept-{number}") for number in range(30)]
    storing.store([kestrel], "held", kept, VideoFetchMethod.YOUTUBE)
    KeyWordEntry.objects.filter(pk=kestrel.pk).update(video_count=5)
    done = Event()

    def write() -> None:
        try:
            for turn in range(15):
                page = [found_video(f"{turn}-{number}") for number in range(10)]
                storing.store([bird], "held", page, VideoFetchMethod.YOUTUBE)
                storing.store([kestrel], "held", page[:5], VideoFetchMethod.YOUTUBE)
        finally:
            done.set()

    def verify() -> int:
        wrong = 0
        while not done.wait(0.005):
            wrong += verify_counts()
        return wrong

    _, wrong = database.at_once(write, verify)
    assert wrong == 1, "what was wrong at the start, and nothing else"
    assert Video.objects.count() == 180
    assert_nothing_lost_or_doubled()


def test_two_chores_correct_a_count_once(database: RealDatabase) -> None:
    entry = held("bird")
    storing.store([entry], "held", [found_video() for _ in range(20)], VideoFetchMethod.YOUTUBE)
    for _ in range(3):
        KeyWordEntry.objects.update(video_count=3)
        assert sum(database.at_once(*[verify_counts] * 3)) == 1
        assert_nothing_lost_or_doubled()


def published(video_id: str, published_at: datetime) -> FoundVideo:
    return found_video(video_id, published_at=published_at)


def test_a_client_that_follows_cursors_sees_each_video_once(database: RealDatabase) -> None:
    """While another process stores 5,000 older and newer videos."""
    bird = held("bird")
    there = names("v", 0, 400)
    dates = [NOON - timedelta(minutes=n // 3) for n in range(400)]
    storing.store([bird], "held", map(published, there, dates), YOUTUBE)

    def write() -> None:
        for turn in range(20):
            dates = [NOON + timedelta(minutes=20 - n, seconds=turn) for n in range(250)]
            storing.store([bird], "held", map(published, names(f"new-{turn}", 0, 250), dates), YOUTUBE)

    def follow() -> list[str]:
        client, seen, link = Client(), [], "/api/keyword/bird/videos/?cursor=&page_size=40"
        while link:
            body = client.get(link.removeprefix("http://testserver")).json()
            seen += [video["video_id"] for video in body["results"]]
            link = body["next"]
        return seen

    _, seen = database.at_once(write, follow)
    assert Video.objects.count() == 5400
    assert sorted(set(seen) & set(there)) == sorted(there)
    assert len(seen) == len(set(seen))


def test_a_client_that_follows_a_cursor_meanwhile_gets_each_video_once(database: RealDatabase) -> None:
    entry, minute = held("bird"), timedelta(minutes=1)
    old = names("old", 0, 600)
    dated = {video_id: NOON - number * minute for number, video_id in enumerate(old)}
    storing.store([entry], "held", [found_video(pk, published_at=date) for pk, date in dated.items()], YOUTUBE)

    def insert() -> None:
        """Add 5,000 newer, older, and those between."""
        for turn in range(100):
            page = [
                found_video(f"{turn}-{number}", published_at=NOON + random.randint(-1200, 600) * minute)
                for number in range(50)
            ]
            storing.store([entry], "held", page, YOUTUBE)

    def read() -> list[str]:
        client, address, seen = Client(), "/api/videos/?cursor=&page_size=20", []
        while address:
            answer = client.get(address).json()
            seen += [video["video_id"] for video in answer["results"]]
            address = answer["next"]
        return seen

    _, seen = database.at_once(insert, read)
    assert [video_id for video_id in seen if video_id in dated] == old
    assert len(set(seen)) == len(seen) > len(old), "others arrived while it was reading"


@pytest.mark.usefixtures("small_chunks")
def test_marks_beside_all_other_writers(database: RealDatabase) -> None:
    bird, kestrel = held("bird"), held("kestrel")
    chance = random.Random(7)
    for turn in range(10):
        ids, doomed = names(f"{turn}", 0, 30), held("owl")
        storing_page(doomed, ids[:20])()
        marks.mark(ids[5:15], hidden=True)
        doomed.delete()
        hiding.delete(HidingRule.objects.all())
        works: list[Callable[[], Any]] = [
            hiding.apply_pending,
            partial(hiding.add, "min_duration", f"{60 + turn}", kestrel if turn % 2 else None),
            partial(marks.mark, chance.sample(ids, 20), hidden=True, seen=True),
            partial(marks.mark, chance.sample(ids, 20), hidden=False, starred=True),
            partial(marks.mark, Video.objects.all(), seen=True),
            partial(erasing.erase, doomed),
            partial(storing.update, [found_video(video_id, **WHOLE) for video_id in ids]),
            storing_page(bird, ids[10:]),
            storing_page(kestrel, ids[:25]),
        ]
        database.at_once(*works)
        hiding.apply_pending()
        assert_nothing_lost_or_doubled()
        assert HidingRule.objects.exclude(applied_at=None).count() == 1
    assert Video.objects.filter(hidden_by_rules=True).exists()
    assert Video.objects.filter(hidden_at=None).exists()
