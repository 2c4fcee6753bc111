"""Each keyword knows how its last fetch ended, and when it last found a video, without a look at its log."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.quota import ledger
from apps.videos import tasks
from apps.videos.fetching import claims, counting
from apps.videos.fetching.manual import fetch_now
from apps.videos.models import KeyWordEntry, StateCounts, VideoLog
from apps.videos.tests.builders import claim_of, found_video, store
from apps.videos.tests.fetches import MANUAL, fetched
from apps.videos.tests.plans import assert_no_scan, recorded
from simulator import Simulator

pytestmark = pytest.mark.django_db

Status = VideoLog.Status


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def status_of(entry: KeyWordEntry) -> str:
    entry.refresh_from_db()
    return entry.last_status


def test_it_works(entry: KeyWordEntry, youtube: Simulator, frozen_time: MovableTime) -> None:
    assert status_of(entry) == ""
    fetched(entry)
    assert (status_of(entry), entry.last_found_at) == ("done", NOW)

    youtube.faults.add("youtube", "status_503", times=None)
    frozen_time.move(hours=2)
    fetched(entry)
    assert (status_of(entry), entry.last_found_at) == ("failed", NOW)


def test_a_keyword_that_waits_for_searches_says_so(entry: KeyWordEntry, youtube: Simulator) -> None:
    for project in ("one", "two"):
        ledger.mark_exhausted(project, "search", timezone.now())
    assert fetched(entry).status == Status.WAITING
    assert status_of(entry) == "waiting"


def test_a_fetch_that_runs_or_has_not_started_changes_nothing(entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.update(last_status=Status.FAILED)
    log = fetch_now(entry)
    assert status_of(entry) == "failed"
    VideoLog.objects.filter(pk=log.pk).update(status=Status.RUNNING)
    assert counting.verify_counts() == 0
    assert status_of(entry) == "failed"


@pytest.mark.parametrize(("trigger", "status"), [("schedule", "interrupted"), ("manual", "done")])
def test_a_worker_that_died_interrupts_a_fetch_but_not_one_that_is_retried(
    entry: KeyWordEntry, trigger: str, status: str
) -> None:
    entry.logs.create(keyword_text="Python", status=Status.DONE, created_at=NOW - timedelta(hours=1))
    KeyWordEntry.objects.update(last_status=Status.DONE, claim_token="held", claimed_at=NOW)
    entry.logs.create(keyword_text="Python", status=Status.RUNNING, trigger=trigger)
    assert claims.end(*claim_of(entry))
    assert status_of(entry) == status


def test_an_abandoned_fetch_that_the_chore_closes_counts(entry: KeyWordEntry, sent: list[tuple]) -> None:
    entry.logs.create(keyword_text="Python", status=Status.RUNNING, created_at=NOW - timedelta(hours=1))
    tasks.catch_up()
    assert status_of(entry) == "interrupted"


def test_a_manual_fetch_is_recorded_like_others(entry: KeyWordEntry, youtube: Simulator) -> None:
    youtube.faults.add("youtube", "status_503", times=None)
    fetched(entry, MANUAL)
    assert status_of(entry) == "failed"


def test_the_chore_corrects_what_is_wrong_once(entry: KeyWordEntry) -> None:
    store(entry, found_video("video"))
    entry.logs.create(keyword_text="Python", status=Status.FAILED)
    KeyWordEntry.objects.update(last_status=Status.DONE, last_found_at=None)
    assert counting.verify_counts() == 1
    assert (status_of(entry), entry.last_found_at) == ("failed", NOW)
    assert counting.verify_counts() == 0


def test_the_chore_leaves_keywords_without_a_log_and_those_being_fetched(entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.update(last_status=Status.WAITING)
    assert counting.verify_counts() == 0
    entry.logs.create(keyword_text="Python", status=Status.DONE)
    KeyWordEntry.objects.update(claim_token="held")
    assert counting.verify_counts() == 0
    assert status_of(entry) == "waiting"


def test_the_migration_copies_what_is_stored(entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.create(keyword="never fetched")
    store(entry, found_video("video"))
    for minutes, status, until in [
        (9, "failed", None),
        (6, "waiting", NOW),
        (3, "waiting", None),
        (0, "running", None),
    ]:
        created_at = NOW - timedelta(minutes=minutes)
        entry.logs.create(keyword_text="Python", status=status, waiting_until=until, created_at=created_at)
    KeyWordEntry.objects.update(last_status="", last_found_at=None)
    import_module("apps.videos.migrations.0022_keyword_lists").copy_last(apps, None)

    rows = KeyWordEntry.objects.order_by("pk").values_list("last_status", "last_found_at")
    assert list(rows) == [("waiting", NOW), ("", None)]


def test_keywords_are_counted_by_state_with_one_query(django_assert_num_queries: Any) -> None:
    rows = [
        ("watched", "done", 3),
        ("watched", "", 1),
        ("watched", "failed", 2),
        ("watched", "waiting", 1),
        ("paused", "failed", 2),
        ("previewed", "waiting", 1),
        ("deleting", "failed", 4),
    ]
    for state, status, number in rows:
        for n in range(number):
            entry = KeyWordEntry.objects.create(keyword=f"{state} {status} {n}")
            KeyWordEntry.objects.filter(pk=entry.pk).update(state=state, last_status=status)
    with django_assert_num_queries(1), recorded() as queries:
        counts = KeyWordEntry.objects.count_by_state()
    assert counts == StateCounts(watched=7, failing=2, waiting=1, paused=2, previewed=1)
    assert counts.kept == 9
    assert {entry.last_status for entry in KeyWordEntry.objects.failing()} == {"failed"}
    assert (KeyWordEntry.objects.failing().count(), KeyWordEntry.objects.waiting().count()) == (2, 1)
    with recorded() as lists:
        list(KeyWordEntry.objects.failing()), list(KeyWordEntry.objects.waiting())
    assert_no_scan([*lists, *(query for query in queries if "GROUP BY" not in query.sql)], [KeyWordEntry])
