"""The stored numbers of videos are verified each night. test_two_writers.py tests it while others write."""

import logging

import pytest

from apps.videos import tasks
from apps.videos.fetching import erasing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import KeyWordEntry, Match, VideoTotal
from apps.videos.tests.builders import found_video, store


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
    assert (VideoTotal.current(), entry.video_count, none.video_count) == (2, 2, 0)
    assert set(caplog.messages) == {
        f"keyword {entry.pk}: the stored number of videos was 7, corrected to 2",
        f"keyword {none.pk}: the stored number of videos was 7, corrected to 0",
        "the stored number of videos was 1, corrected to 2",
    }
    assert verify_counts() == 0


def test_it_counts_where_nothing_is_kept(entry: KeyWordEntry) -> None:
    VideoTotal.objects.all().delete()
    tasks.verify_counts()
    assert VideoTotal.current() == 2


def test_what_is_right_is_only_read(entry: KeyWordEntry, caplog: pytest.LogCaptureFixture) -> None:
    assert verify_counts() == 0
    assert not caplog.messages


def test_a_keyword_that_is_being_erased_is_left_alone(entry: KeyWordEntry) -> None:
    entry.delete()
    Match.objects.filter(video="a").delete()
    assert verify_counts() == 0
    erasing.erase(entry)
    assert verify_counts() == 0
