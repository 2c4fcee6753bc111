"""A claim lasts as long as its holder lives, whatever the clocks say, and not much longer."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.videos import tasks
from apps.videos.fetching import claims
from apps.videos.fetching.claims import CHECK_SECONDS, RENEW_SECONDS, SILENT_SECONDS, Watcher
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat
from apps.videos.tests.conftest import RealDatabase
from simulator.server import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


class Passing:
    """The time that passes, which is not the time of the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(claims.time, "monotonic", lambda: self.seconds)

    def check(self, watcher: Watcher, seconds: float) -> None:
        """Let `seconds` pass while `watcher` looks as often as beat lets it."""
        for _ in range(round(seconds)):
            self.seconds += 1
            watcher.check()


@pytest.fixture
def passing(frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch) -> Passing:
    return Passing(monkeypatch)


@pytest.fixture
def watcher(passing: Passing) -> Watcher:
    return Watcher()


@pytest.fixture
def entry(frozen_time: MovableTime) -> KeyWordEntry:
    return KeyWordEntry.objects.create(keyword="Python", next_due_at=timezone.now())


def claim(entry: KeyWordEntry) -> str:
    token = entry.claim(VideoLog.Trigger.MANUAL)
    assert token
    return token


def is_claimed(entry: KeyWordEntry) -> bool:
    return bool(KeyWordEntry.including_deleted.get(pk=entry.pk).claim_token)


# --- Beat ends claims ----------------------------------------------------------------------------


def test_it_works(entry: KeyWordEntry, watcher: Watcher, passing: Passing, sent: list[tuple]) -> None:
    """A worker dies: its claim ends, its log is closed, and the keyword is fetched again."""
    claim(entry)
    log = VideoLog.objects.create(keyword=entry)
    passing.check(watcher, SILENT_SECONDS - 1)
    assert is_claimed(entry)

    passing.check(watcher, 2 * CHECK_SECONDS)
    assert not is_claimed(entry)
    log.refresh_from_db()
    assert (log.status, log.error_code) == ("interrupted", "worker_died")
    sent.clear()
    KeyWordEntry.objects.update(next_due_at=timezone.now() - timedelta(minutes=1))
    tasks.catch_up()
    assert sent == [("process_trigger", (entry.pk,), {"trigger": "first"})]


def test_a_keyword_whose_workers_die_is_fetched_less_and_less_often(
    entry: KeyWordEntry, watcher: Watcher, passing: Passing, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    """It may be what kills them. Other keywords, and its own after a fetch that ended, are fetched on schedule."""
    other = KeyWordEntry.objects.create(keyword="Django", next_due_at=timezone.now())
    beat.sync()

    def die() -> timedelta:
        """Return after which pause the keyword is fetched again."""
        entry.refresh_from_db()
        assert entry.next_due_at
        frozen_time.move_to(max(timezone.now(), entry.next_due_at))
        assert entry.claim(VideoLog.Trigger.SCHEDULE)
        VideoLog.objects.create(keyword=entry)
        passing.check(watcher, SILENT_SECONDS + 2 * CHECK_SECONDS)
        beat.sync()
        entry.refresh_from_db()
        return max(entry.next_due_at - timezone.now(), timedelta(0))

    minutes = [die().total_seconds() / 60 for _ in range(5)]
    assert minutes == [0, max(15, entry.planned_interval / 60), 60, 240, 240]
    assert entry.logs.filter(status="interrupted", message="The worker stopped during the fetch.").count() == 5
    other.refresh_from_db()
    assert other.is_due()
    # The plan of the next day does not shorten a pause.
    while timezone.now() < NOW + timedelta(hours=24):
        assert die() > timedelta(0)
    assert entry.logs.count() < 15

    VideoLog.objects.create(keyword=entry, status="done")
    assert die() == timedelta(0)


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(minutes=-3), timedelta(minutes=3), timedelta(days=1)])
def test_no_clock_ends_a_claim(
    entry: KeyWordEntry, watcher: Watcher, passing: Passing, frozen_time: MovableTime, jump: timedelta
) -> None:
    """Neither if this machine's clock is set, nor if the holder's differs."""
    token = claim(entry)
    for _ in range(5):
        frozen_time.move_to(timezone.now() + jump)
        passing.check(watcher, RENEW_SECONDS)
        assert entry.renew(token)
    assert not entry.claim(VideoLog.Trigger.MANUAL)
    # Nor does it keep one that is silent, as from a clock that is ahead.
    frozen_time.move_to(timezone.now() - 5 * jump)
    passing.check(watcher, SILENT_SECONDS + CHECK_SECONDS)
    assert not is_claimed(entry)


def test_a_renewal_that_is_late_comes_in_time(
    entry: KeyWordEntry, watcher: Watcher, passing: Passing, frozen_time
) -> None:
    """SQLite lets a writer wait for 20 s."""
    token = claim(entry)
    for _ in range(3):
        passing.check(watcher, RENEW_SECONDS + 20 + claims.RETRY_SECONDS)
        frozen_time.move(seconds=29)
        assert entry.renew(token)


def test_a_watcher_that_slept_looks_again_before_it_ends(
    entry: KeyWordEntry, watcher: Watcher, passing: Passing, frozen_time: MovableTime
) -> None:
    token = claim(entry)
    passing.check(watcher, CHECK_SECONDS)
    passing.seconds += 3600
    frozen_time.move(hours=1)
    entry.renew(token)
    watcher.check()
    assert is_claimed(entry)


def test_while_the_database_is_away_no_claim_ends(
    entry: KeyWordEntry, watcher: Watcher, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder could not renew it either, and does so as soon as the database is back."""
    token = claim(entry)
    passing.check(watcher, CHECK_SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(KeyWordEntry.including_deleted.__class__, "exclude", unavailable)
        passing.check(watcher, 2 * SILENT_SECONDS)
    passing.check(watcher, SILENT_SECONDS - CHECK_SECONDS)
    assert entry.renew(token)
    passing.check(watcher, CHECK_SECONDS)
    assert is_claimed(entry)

    passing.check(watcher, SILENT_SECONDS + 2 * CHECK_SECONDS)
    assert not is_claimed(entry), "a holder that has died meanwhile"


def unavailable(*args: Any, **kwargs: Any) -> None:
    raise OperationalError("the server closed the connection unexpectedly")


def test_the_next_claim_of_a_keyword_is_another(entry: KeyWordEntry, watcher: Watcher, passing: Passing) -> None:
    for _ in range(10):
        token = claim(entry)
        passing.check(watcher, SILENT_SECONDS / 2)
        assert entry.release(token)


def test_erasing_continues_after_a_worker_died(entry: KeyWordEntry, watcher: Watcher, passing: Passing) -> None:
    entry.delete()
    assert entry.claim_erasing()
    tasks.erase_deleted()
    passing.check(watcher, SILENT_SECONDS + 2 * CHECK_SECONDS)
    tasks.erase_deleted()
    assert not KeyWordEntry.including_deleted.exists()


def test_the_watcher_outlives_the_database(
    entry: KeyWordEntry, watcher: Watcher, passing: Passing, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def locked(*args: Any) -> None:
        raise OperationalError("database is locked")

    claim(entry)
    with monkeypatch.context() as patch:
        patch.setattr(claims, "end", locked)
        passing.check(watcher, SILENT_SECONDS + 2 * CHECK_SECONDS)
    assert "the claims could not be checked" in caplog.text
    passing.check(watcher, CHECK_SECONDS)
    assert not is_claimed(entry)


# --- Holders renew them --------------------------------------------------------------------------


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew every 50 ms."""
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(claims, "RETRY_SECONDS", 0.05)


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def renewing(entry: KeyWordEntry) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"claim-{entry.pk}"]


def claimed_at(entry: KeyWordEntry) -> Any:
    return KeyWordEntry.objects.values_list("claimed_at", flat=True).get(pk=entry.pk)


@pytest.fixture
def held(database: RealDatabase, quickly: None) -> Iterator[tuple[KeyWordEntry, str]]:
    """A keyword and the token of its claim, on a database to which the renewing thread can connect."""
    entry = KeyWordEntry.objects.create(keyword="Python")
    yield entry, claim(entry)
    eventually(lambda: not renewing(entry))


def test_a_claim_is_renewed_until_its_holder_has_finished(held: tuple[KeyWordEntry, str]) -> None:
    entry, token = held
    with claims.renewed(entry.pk, partial(entry.renew, token)):
        for _ in range(3):
            before = claimed_at(entry)
            eventually(lambda: claimed_at(entry) != before)  # noqa: B023
    eventually(lambda: not renewing(entry))


def test_it_is_not_renewed_after_an_error(held: tuple[KeyWordEntry, str]) -> None:
    entry, token = held
    with pytest.raises(ValueError, match="fails"), claims.renewed(entry.pk, partial(entry.renew, token)):
        raise ValueError("fails")
    eventually(lambda: not renewing(entry))


def test_a_claim_that_has_ended_is_not_renewed(held: tuple[KeyWordEntry, str]) -> None:
    entry, token = held
    with claims.renewed(entry.pk, partial(entry.renew, token)):
        entry.release(token)
        eventually(lambda: not renewing(entry))


def test_renewing_goes_on_after_the_database_failed(
    held: tuple[KeyWordEntry, str], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    entry, token = held
    failures = iter([OperationalError("database is locked"), OperationalError("the connection is lost")])
    renew = KeyWordEntry.renew

    def fail_twice(self: KeyWordEntry, token: str) -> bool:
        if error := next(failures, None):
            raise error
        return renew(self, token)

    monkeypatch.setattr(KeyWordEntry, "renew", fail_twice)
    before = claimed_at(entry)
    with claims.renewed(entry.pk, partial(entry.renew, token)):
        eventually(lambda: claimed_at(entry) != before)
    assert caplog.text.count("could not be renewed") == 2


def test_a_fetch_that_hangs_for_longer_than_a_task_may_run_loses_its_claim(
    held: tuple[KeyWordEntry, str], settings: Any
) -> None:
    settings.CELERY_TASK_TIME_LIMIT = 0.2
    entry, token = held
    with claims.renewed(entry.pk, partial(entry.renew, token)):
        eventually(lambda: not renewing(entry))
        assert is_claimed(entry), "until beat ends it"


def test_a_fetch_renews_its_claim(entry: KeyWordEntry, youtube: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    complete = "apps.videos.fetching.completing.complete"

    def look(videos: Any, client: Any) -> list:
        seen.append(len(renewing(entry)))
        return []

    monkeypatch.setattr(complete, look)
    fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    assert seen == [1]
    eventually(lambda: not renewing(entry))
