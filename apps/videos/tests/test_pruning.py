"""Old fetch logs are deleted, except each keyword's newest and those that have not ended."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.videos.fetching import pruning
from apps.videos.models import KeyWordEntry, VideoLog

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

    assert pruning.prune() == 3
    assert left() == kept
    assert pruning.prune() == 0


def test_the_newest_of_each_keyword_stays(entry: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="ruby")
    for old in (entry, other):
        log(old, 200)
    kept = {log(entry, 100), log(other, 150)}
    twin = log(entry, 0)
    same_moment = log(entry, 0)
    VideoLog.objects.filter(pk__in=[twin.pk, same_moment.pk]).update(created_at=timezone.now() - timedelta(days=99))

    pruning.prune()
    assert left() == {same_moment, *(row for row in kept if row.keyword == other)}


@pytest.mark.parametrize("status", ["running", "waiting"])
def test_what_has_not_ended_stays(entry: KeyWordEntry, status: str) -> None:
    kept = {log(entry, 200, status), log(None, 200, status), log(entry, 100)}
    pruning.prune()
    assert left() == kept


def test_log_days(entry: KeyWordEntry, settings: Any) -> None:
    kept = [log(entry, days) for days in (200, 10, 1.9, 0)]
    settings.LOG_DAYS = 0
    assert pruning.prune() == 0
    settings.LOG_DAYS = 30
    assert pruning.prune() == 1
    settings.LOG_DAYS = 1  # the plan needs more than a day
    assert pruning.prune() == 1
    assert left() == set(kept[2:])


def test_it_goes_on_chunk_by_chunk(entry: KeyWordEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 2)
    monkeypatch.setattr(pruning, "CHUNK_INTERVAL", 0)
    for _ in range(7):
        log(None, 100)
    assert pruning.prune(deadline=0) == 0
    assert pruning.prune() == 7
