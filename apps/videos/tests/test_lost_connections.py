"""A fetch whose connection to PostgreSQL is lost, as by a restart of the server, loses nothing that it has found."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from apps.incidents.models import Incident
from apps.videos.fetching import completing, fetch, reconnecting, searching
from apps.videos.fetching.searching import SearchResult
from apps.videos.models import KeyWordEntry, VideoFetchMethod, VideoLog
from apps.videos.tests.builders import found_video
from apps.videos.tests.conftest import RealDatabase

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def entry(database: RealDatabase, monkeypatch: pytest.MonkeyPatch) -> KeyWordEntry:
    """A keyword for which one video is found."""
    found = SearchResult([found_video("one")], VideoFetchMethod.YOUTUBE)
    monkeypatch.setattr(searching, "search", lambda *args, **options: found)
    monkeypatch.setattr(completing, "complete", lambda videos, youtube: videos)
    monkeypatch.setattr(reconnecting, "PAUSES", [0.0, 0.0])
    return KeyWordEntry.objects.create(keyword="Python")


@pytest.fixture
def lose(database: RealDatabase, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the server end all connections each time before this function of a module is called."""

    def lose(module: Any, name: str, times: int = 1) -> None:
        function, left = getattr(module, name), [times]

        def losing(*args: Any, **named: Any) -> Any:
            if left[0]:
                left[0] -= 1
                with psycopg.connect(database.url, autocommit=True) as server:
                    server.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
            return function(*args, **named)

        monkeypatch.setattr(module, name, losing)

    return lose


@pytest.mark.parametrize("step", ["_store", "_close_log", "_save_gaps"])
@pytest.mark.parametrize("times", [1, 2])
def test_it_works(entry: KeyWordEntry, lose: Callable[..., None], step: str, times: int) -> None:
    lose(fetch, step, times)
    log = fetch.fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    assert log
    log.refresh_from_db()
    assert (log.status, log.number_added) == ("done", 1)
    entry.refresh_from_db()
    assert (entry.claim_token, entry.video_count, entry.matches.count()) == ("", 1, 1)


def test_a_database_that_fails_is_no_fault_of_the_keyword(
    entry: KeyWordEntry, lose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnecting, "PAUSES", [])
    lose(fetch, "_store", times=2)
    for _ in range(2):
        log = fetch.fetch_keyword(entry, VideoLog.Trigger.MANUAL)
        assert log
        assert (log.status, log.error_code) == ("failed", VideoLog.DATABASE_ERROR)
        assert log.message == "The database failed: terminating connection due to administrator command."
    assert not Incident.objects.open().exists()
    log = fetch.fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    assert log
    assert log.status == "done"
