"""Chores and fetches read what they need by an index, however many videos and logs are stored."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.videos import hiding, statistics, tasks
from apps.videos.fetching import refreshing
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.fetching.manual import fetch_now
from apps.videos.models import HidingRule, KeyWordEntry, Match, Video, VideoLog
from apps.videos.scheduling import report
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.plans import BIG, Query, assert_no_scan, query_of, recorded

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "rows",
    [
        Video.objects.filter(title="A title"),
        Video.objects.newest_first()[:10],
        Video.objects.filter(matches__method="youtube"),
        Video.objects.filter(pk__in=Match.objects.filter(method="youtube").values("video")),
    ],
    ids=["table", "index", "join", "subquery"],
)
def test_scans_are_found(rows: object) -> None:
    with pytest.raises(AssertionError, match=r"(?i)scan"):
        assert_no_scan([query_of(rows)])
    assert_no_scan([query_of(rows)], tables=[KeyWordEntry])


def test_searches_are_no_scans() -> None:
    with recorded() as queries:
        list(Video.objects.filter(pk__in=["a", "b"]))
        list(Match.objects.filter(keyword=1).newest_first()[:10])
        Video.objects.filter(pk="a").update(title="A title")
    assert len(queries) == 3
    assert_no_scan(queries)


def test_writing_statements_are_checked_too() -> None:
    with recorded() as queries:
        Video.objects.filter(title="A title").update(title="Another")
    with pytest.raises(AssertionError, match=r"(?i)scan"):
        assert_no_scan(queries)


@pytest.fixture
def busy(entry: KeyWordEntry) -> KeyWordEntry:
    """A keyword that is due, with videos and logs of every kind, so that each chore finds something to do."""
    store(entry, *(found_video(live_state=state, complete=state != "none") for state in Video.LiveState))
    Video.objects.update(completed_at=timezone.now() - timedelta(days=1))
    store(entry, found_video(), found_video(complete=True))
    for age in (0, 3, 100):
        for status in VideoLog.Status:
            for trigger in VideoLog.Trigger:
                created_at = timezone.now() - timedelta(days=age)
                entry.logs.create(keyword_text="Python", status=status, trigger=trigger, created_at=created_at)
    other = KeyWordEntry.objects.create(keyword="Django")
    store(other, found_video())
    other.logs.create(keyword_text="Django", status="waiting")
    other.delete()
    # Not min_duration, which may hide every third video: then all are walked once, newest first.
    for kind, value in (("word", "title"), ("channel", found_video().channel_id)):
        hiding.add(kind, value)
        hiding.add(kind, value, entry)
    hiding.apply_pending()
    hiding.delete(HidingRule.objects.filter(kind="channel"))
    HidingRule.objects.update(applied_at=None)
    Match.objects.update(matched_in=None)
    return entry


def store_changes(entry: KeyWordEntry) -> None:
    ids = list(entry.matches.values_list("video", flat=True))
    store(entry, *(found_video(pk, title="Changed", published_at=timezone.now(), complete=True) for pk in ids))


WORK: dict[str, Callable[[KeyWordEntry], Any]] = {
    "catch up": lambda entry: tasks.catch_up(),
    "erase": lambda entry: tasks.erase_deleted(),
    "prune": lambda entry: tasks.prune_logs(),
    "prune videos": lambda entry: tasks.prune_videos(),
    "refresh": lambda entry: tasks.refresh_videos(),
    "report on refreshing": lambda entry: refreshing.report(),
    "silence": lambda entry: tasks.notice_silence(),
    "apply rules": lambda entry: tasks.apply_rules(),
    "attribute": lambda entry: tasks.attribute_matches(),
    "complete": lambda entry: tasks.complete_videos(),
    "plan": lambda entry: tasks.sync_schedules(),
    "fetch": lambda entry: fetch_keyword(entry, VideoLog.Trigger.FIRST),
    "fetch now": fetch_now,
    "store changes": store_changes,
    "report": lambda entry: report.today(),
}


@pytest.mark.parametrize("work", WORK.values(), ids=list(WORK))
def test_no_chore_and_no_fetch_scans(busy: KeyWordEntry, work: Callable[[KeyWordEntry], Any]) -> None:
    with recorded() as queries:
        work(busy)
    assert any(model._meta.db_table in query.sql for query in queries for model in BIG), "it reads one of the tables"
    assert_no_scan(queries)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by how many rows there are")
def test_a_fetch_does_not_read_all_logs_of_its_keyword(busy: KeyWordEntry) -> None:
    """They grow to tens of thousands."""
    with recorded() as queries:
        fetch_keyword(busy, VideoLog.Trigger.FIRST)
        fetch_now(busy)
    open_logs = [
        query for query in queries if ' AND "videos_videolog"."status" ' in query.sql and "keyword_id" in query.sql
    ]
    assert len(open_logs) >= 4
    for query in open_logs:
        assert "log_open_of_keyword" in plan(query), query.sql


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by how many rows there are")
def test_statistics_count_days_in_indexes_alone(busy: KeyWordEntry) -> None:
    with recorded() as queries:
        statistics.of_all()
        statistics.of_keyword(busy)
    plans = [plan(query) for query in queries if "COUNT(*)" in query.sql]
    for index in (
        "video_newest (",
        "video_found (",
        "match_newest (keyword_id=? AND ",
        "match_found (keyword_id=? AND ",
    ):
        assert any(f"COVERING INDEX {index}" in each for each in plans), plans


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by how many rows there are")
@pytest.mark.parametrize("of_one", [False, True])
def test_the_description_of_an_export_reads_no_log(busy: KeyWordEntry, client: Client, of_one: bool) -> None:
    with recorded() as queries:
        client.get(f"/api/keywords/{busy.pk}/export.txt" if of_one else "/api/videos/export.txt")
    (of_logs,) = [query for query in queries if "GROUP BY" in query.sql and "videos_videolog" in query.sql]
    assert "COVERING INDEX log_summary" in plan(of_logs)
    assert "TEMP" not in plan(of_logs)


def test_overdue_keywords_are_found_by_an_index(entry: KeyWordEntry) -> None:
    assert_no_scan([query_of(KeyWordEntry.objects.overdue(timezone.now()))], tables=[KeyWordEntry])


def plan(query: Query) -> str:
    """Return SQLite's plan of the statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.params)
        return " ".join(row[-1] for row in cursor.fetchall())
