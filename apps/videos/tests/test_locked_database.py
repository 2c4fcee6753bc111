"""A transaction that someone has forgotten delays Windhover, but stops no thread for ever, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from apps.videos import errors, tasks
from apps.videos.fetching import completing, searching
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.fetching.searching import SearchResult
from apps.videos.models import KeyWordEntry, VideoFetchMethod, VideoLog, VideoTotal
from apps.videos.tests.builders import found_video
from apps.videos.tests.conftest import RealDatabase
from apps.videos.tests.problems import problem


@pytest.fixture
def entry(database: RealDatabase) -> KeyWordEntry:
    """A keyword, while this thread waits a tenth of a second for a lock."""
    short = {"sqlite": "PRAGMA busy_timeout = 100", "postgresql": "SET lock_timeout = 100"}
    with connection.cursor() as cursor:
        cursor.execute(short[connection.vendor])
    return KeyWordEntry.objects.create(keyword="Python")


@contextmanager
def forgotten_transaction() -> Iterator[None]:
    """Hold the lock of all who store videos, in another connection."""
    locked, over = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            VideoTotal.lock()
            locked.set()
            over.wait(60)
        connection.close()

    holder = Thread(target=hold)
    holder.start()
    assert locked.wait(60)
    try:
        yield
    finally:
        over.set()
        holder.join()


def test_it_works(entry: KeyWordEntry) -> None:
    """Who changes something is answered that the database is not available; later it works."""
    client = Client(raise_request_exception=False)

    def respell() -> Any:
        return client.patch(f"/api/keywords/{entry.pk}/", {"keyword": "PYTHON"}, content_type="application/json")

    with forgotten_transaction():
        answer = respell()
        assert problem(answer, 503)["detail"] == errors.DETAILS[503]
        assert client.get("/api/keywords/").status_code == 200
    assert respell().status_code == 200


def test_a_chore_is_done_in_its_next_run(entry: KeyWordEntry) -> None:
    VideoTotal.objects.update(count=9)
    with forgotten_transaction(), pytest.raises(OperationalError):
        tasks.verify_counts()
    tasks.verify_counts()
    assert VideoTotal.read().count == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has one lock for all
def test_a_fetch_that_cannot_store_fails(entry: KeyWordEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SearchResult([found_video("one")], VideoFetchMethod.YOUTUBE)
    monkeypatch.setattr(searching, "search", lambda *args, **options: found)
    monkeypatch.setattr(completing, "complete", lambda videos, youtube: videos)
    with forgotten_transaction():
        failed = fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    done = fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    assert failed
    assert done
    assert (failed.status, failed.error_code) == ("failed", VideoLog.DATABASE_ERROR)
    assert failed.message.startswith("The database failed: canceling statement due to lock timeout")
    assert (done.status, done.number_added) == ("done", 1)
