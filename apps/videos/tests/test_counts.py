"""The kept numbers of videos are verified each night, also while fetches store."""

import logging
from functools import partial
from threading import Event

import pytest

from apps.videos import tasks
from apps.videos.fetching import erasing, storing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoTotal
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.conftest import RealDatabase, assert_nothing_lost_or_doubled, held


@pytest.fixture
def entry(db: None) -> KeyWordEntry:
    entry = KeyWordEntry.objects.create(keyword="Python")
    store(entry, found_video("a"), found_video("b"))
    return entry


def test_it_works(entry: KeyWordEntry, caplog: pytest.LogCaptureFixture) -> None:
    none = KeyWordEntry.objects.create(keyword="Django")
    KeyWordEntry.objects.update(video_count=7)
    VideoTotal.objects.update(count=1)

    with caplog.at_level(logging.WARNING):
        assert verify_counts() == 3
    entry.refresh_from_db(), none.refresh_from_db()
    assert (VideoTotal.now(), entry.video_count, none.video_count) == (2, 2, 0)
    assert sorted(caplog.messages) == [
        f"keyword {entry.pk}: the kept number of videos was 7, corrected to 2",
        f"keyword {none.pk}: the kept number of videos was 7, corrected to 0",
        "the kept number of videos was 1, corrected to 2",
    ]
    assert verify_counts() == 0


def test_it_counts_where_nothing_is_kept(entry: KeyWordEntry) -> None:
    VideoTotal.objects.all().delete()
    tasks.verify_counts()
    assert VideoTotal.now() == 2


def test_what_is_right_is_only_read(entry: KeyWordEntry, caplog: pytest.LogCaptureFixture) -> None:
    assert verify_counts() == 0
    assert not caplog.messages


def test_a_keyword_that_is_being_erased_is_left_alone(entry: KeyWordEntry) -> None:
    entry.delete()
    Match.objects.filter(video="a").delete()
    assert verify_counts() == 0
    erasing.erase(entry)
    assert verify_counts() == 0


def test_it_is_right_beside_writers(database: RealDatabase) -> None:
    bird, kestrel = held("bird"), held("kestrel")
    kept = [found_video(f"kept-{number}") for number in range(30)]
    storing.store(kestrel, "held", kept, VideoFetchMethod.YOUTUBE)
    KeyWordEntry.objects.filter(pk=kestrel.pk).update(video_count=5)
    done = Event()

    def write() -> None:
        try:
            for turn in range(15):
                page = [found_video(f"{turn}-{number}") for number in range(10)]
                storing.store(bird, "held", page, VideoFetchMethod.YOUTUBE)
                storing.store(kestrel, "held", page[:5], VideoFetchMethod.YOUTUBE)
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


def test_two_chores_correct_a_number_once(database: RealDatabase) -> None:
    entry = held("bird")
    storing.store(entry, "held", [found_video() for _ in range(20)], VideoFetchMethod.YOUTUBE)
    for _ in range(3):
        KeyWordEntry.objects.update(video_count=3)
        assert sum(database.at_once(*[partial(verify_counts)] * 3)) == 1
        assert_nothing_lost_or_doubled()
