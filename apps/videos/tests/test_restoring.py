"""Keywords that were deleted with `delete_later` can be restored until their erasing begins."""

from datetime import timedelta

import pytest

from apps.conftest import NOW, MovableTime
from apps.videos import tasks
from apps.videos.fetching import erasing
from apps.videos.models import KeyWordEntry, Video, VideoTotal
from apps.videos.tests.builders import found_video, store, videos_of
from apps.videos.tests.conftest import RealDatabase, assert_nothing_lost_or_doubled

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=5)
State = KeyWordEntry.State


@pytest.fixture
def deleted(frozen_time: MovableTime, db: None) -> KeyWordEntry:
    """A keyword with a video that can be restored for five minutes."""
    entry = KeyWordEntry.objects.create(keyword="kestrel", interval=600, weight=7)
    store(entry, found_video("video"))
    KeyWordEntry.objects.filter(pk=entry.pk).delete_later(LATER)
    return entry


def restore(*entries: KeyWordEntry) -> int:
    restored: int = KeyWordEntry.including_deleted.filter(pk__in=[entry.pk for entry in entries]).restore(State.WATCHED)
    return restored


def test_it_works(deleted: KeyWordEntry, sent: list[tuple]) -> None:
    before = KeyWordEntry.including_deleted.get(pk=deleted.pk).next_due_at
    assert not KeyWordEntry.objects.exists()
    tasks.erase_deleted()
    changed_at = VideoTotal.read().changed_at
    assert restore(deleted) == 1

    entry = KeyWordEntry.objects.get()
    assert (entry.state, entry.interval, entry.weight, entry.next_due_at) == ("watched", 600, 7, before)
    assert videos_of(entry) == {"video"}
    assert VideoTotal.read().changed_at > changed_at
    assert_nothing_lost_or_doubled()


def test_it_is_erased_when_the_time_is_over(deleted: KeyWordEntry, frozen_time: MovableTime) -> None:
    frozen_time.move(minutes=4, seconds=59)
    tasks.erase_deleted()
    assert Video.objects.exists()
    frozen_time.move(seconds=1)
    tasks.erase_deleted()
    assert not KeyWordEntry.including_deleted.exists()
    assert not Video.objects.exists()
    assert restore(deleted) == 0


def test_what_has_begun_to_be_erased_stays_deleted(deleted: KeyWordEntry, frozen_time: MovableTime) -> None:
    assert deleted.claim_erasing() is None, "it can still be restored"
    frozen_time.move_to(LATER)
    token = deleted.claim_erasing()
    assert token
    deleted.release(token)  # without having come to the end
    assert restore(deleted) == 0
    assert not KeyWordEntry.objects.exists()


def test_a_clock_that_is_set_back_does_not_keep_it_for_ever(deleted: KeyWordEntry, frozen_time: MovableTime) -> None:
    frozen_time.move(days=-2)
    tasks.erase_deleted()
    assert not KeyWordEntry.including_deleted.exists()


def test_an_ordinary_deletion_is_erased_at_once_and_cannot_be_undone(deleted: KeyWordEntry) -> None:
    restore(deleted)
    KeyWordEntry.objects.all().delete()
    assert restore(deleted) == 0
    tasks.erase_deleted()
    assert not KeyWordEntry.including_deleted.exists()


def test_a_keyword_that_was_added_again_is_not_restored_twice(deleted: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="owl")
    KeyWordEntry.objects.filter(pk=other.pk).delete_later(LATER)
    again = KeyWordEntry.objects.create(keyword="Kestrel")
    assert restore(deleted, other) == 1
    assert set(KeyWordEntry.objects.values_list("pk", flat=True)) == {again.pk, other.pk}


def test_restoring_schedules_it_again(deleted: KeyWordEntry, django_capture_on_commit_callbacks) -> None:
    from django_celery_beat.models import PeriodicTask

    rows = PeriodicTask.objects.filter(name=f"keyword-{deleted.pk}")
    assert not rows.exists()
    with django_capture_on_commit_callbacks(execute=True):
        restore(deleted)
    assert rows.exists()


@pytest.mark.parametrize("turn", range(4))
def test_either_it_is_restored_or_it_is_erased(database: RealDatabase, turn: int) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrel")
    store(entry, found_video("video"))
    entry.refresh_from_db()
    KeyWordEntry.objects.filter(pk=entry.pk).delete_later(entry.created_at)

    def erase() -> str | None:
        token = entry.claim_erasing()
        if token:
            erasing.erase(entry)
        return token

    token, restored = database.at_once(erase, lambda: restore(entry))
    assert bool(token) != bool(restored)
    assert KeyWordEntry.objects.count() == Video.objects.count() == restored
    assert_nothing_lost_or_doubled()
