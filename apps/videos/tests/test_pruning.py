"""Old fetch logs are deleted, except each keyword's newest and those that have not ended; and old videos, if wanted."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.videos import hiding, marks
from apps.videos.fetching import erasing, pruning
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import KeyWordEntry, Video, VideoLog, VideoTotal
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> KeyWordEntry:
    return KeyWordEntry.objects.create(keyword="python")


def log(entry: KeyWordEntry | None, days: float, status: str = "done") -> VideoLog:
    """Return a log that is `days` old."""
    created_at = timezone.now() - timedelta(days=days)
    return VideoLog.objects.create(keyword=entry, keyword_text="python", status=status, created_at=created_at)


def left() -> set[VideoLog]:
    return set(VideoLog.objects.all())


def test_it_works(entry: KeyWordEntry) -> None:
    log(entry, 91), log(entry, 90.1), log(None, 91, "failed")
    kept = {log(entry, 89), log(entry, 1), log(None, 89)}

    assert pruning.prune_logs() == 3
    assert left() == kept
    assert pruning.prune_logs() == 0


def test_the_newest_of_each_keyword_stays(entry: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="ruby")
    for old in (entry, other):
        log(old, 200)
    kept = {log(entry, 100), log(other, 150)}
    twin = log(entry, 0)
    same_moment = log(entry, 0)
    VideoLog.objects.filter(pk__in=[twin.pk, same_moment.pk]).update(created_at=timezone.now() - timedelta(days=99))

    pruning.prune_logs()
    assert left() == {same_moment, *(row for row in kept if row.keyword == other)}


@pytest.mark.parametrize("status", ["running", "waiting"])
def test_what_has_not_ended_stays(entry: KeyWordEntry, status: str) -> None:
    kept = {log(entry, 200, status), log(None, 200, status), log(entry, 100)}
    pruning.prune_logs()
    assert left() == kept


def test_keep_logs(entry: KeyWordEntry, settings: Any) -> None:
    kept = [log(entry, days) for days in (200, 10, 1.9, 0)]
    settings.KEEP_LOGS = None
    assert pruning.prune_logs() == 0
    settings.KEEP_LOGS = 30
    assert pruning.prune_logs() == 1
    settings.KEEP_LOGS = 2
    assert pruning.prune_logs() == 1
    assert left() == set(kept[2:])


def test_it_goes_on_chunk_by_chunk(entry: KeyWordEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 2)
    monkeypatch.setattr(pruning, "CHUNK_INTERVAL", 0)
    for _ in range(7):
        log(None, 100)
    assert pruning.prune_logs(deadline=0) == 0
    assert pruning.prune_logs() == 7


def found(entry: KeyWordEntry, **ages: float) -> None:
    """Store videos that were found so many days ago."""
    store(entry, *map(found_video, ages))
    for video_id, days in ages.items():
        Video.objects.filter(pk=video_id).update(created_at=timezone.now() - timedelta(days=days))


def test_videos_are_kept_forever_unless_wanted_otherwise(entry: KeyWordEntry, settings: Any) -> None:
    found(entry, old=3000)
    assert pruning.prune_videos() == 0
    settings.KEEP_VIDEOS = 60
    assert pruning.prune_videos() == 1


def test_keep_videos(entry: KeyWordEntry, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.KEEP_VIDEOS = 60
    other = KeyWordEntry.objects.create(keyword="ruby")
    found(entry, new=59, old=61, starred=61, hidden=61)
    store(other, found_video("old"), found_video("starred"))
    marks.mark(["starred"], starred=True)
    marks.mark(["hidden"], hidden=True)

    call_command("prune", dry_run=True)
    assert "2 videos would be deleted (KEEP_VIDEOS=60)" in capsys.readouterr().out
    assert Video.objects.count() == 4

    call_command("prune")
    assert "2 videos deleted" in capsys.readouterr().out
    assert set(Video.objects.values_list("pk", flat=True)) == {"new", "starred"}
    counts = {entry.keyword: (entry.video_count, entry.hidden_count) for entry in KeyWordEntry.objects.all()}
    assert counts == {"python": (2, 0), "ruby": (1, 0)}
    total = VideoTotal.read()
    assert (total.count, total.hidden_count, verify_counts()) == (2, 0, 0)


def test_videos_about_no_keyword_of_a_group_are_not_kept(entry: KeyWordEntry) -> None:
    found(entry, one=25, two=23)
    entry.matches.all().delete()
    Video.objects.update(keyword=None)
    assert pruning.prune_videos() == 1
    assert Video.objects.get().pk == "two"


def test_pruned_videos_are_not_found_by_words(entry: KeyWordEntry, settings: Any) -> None:
    settings.KEEP_VIDEOS = 30
    hiding.add("word", "title")
    found(entry, old=31, new=1)
    pruning.prune_videos()
    assert [video.pk for video in Video.objects.search("title")] == ["new"]


def test_a_star_at_the_last_moment_keeps_a_video(
    entry: KeyWordEntry, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEEP_VIDEOS = 30
    found(entry, old=31, older=32)
    erase = erasing.erase_videos

    def star_first(videos: Any) -> None:
        marks.mark(["old"], starred=True)
        erase(videos)

    monkeypatch.setattr(erasing, "erase_videos", star_first)
    pruning.prune_videos()
    assert Video.objects.get().pk == "old"
