"""A search reads about as many documents and videos as it shows or counts, however many are stored."""

from typing import Any

import pytest
from django.db import connection, models
from django.http import QueryDict

from apps.videos import conditions, fulltext
from apps.videos.filters import VideoFilters
from apps.videos.models import Video
from apps.videos.tests.plans import assert_no_scan, query_of
from apps.videos.tests.test_filter_plans import steps_of
from apps.videos.tests.test_fulltext import add

pytestmark = pytest.mark.django_db

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by its statistics")
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no InitPlan")


@pytest.fixture(autouse=True)
def three_matches() -> None:
    for number in range(3):
        add(f"video{number}", "Kestrel", minutes_ago=number)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three are many, and so are the videos that meet any condition."""
    monkeypatch.setattr(fulltext, "NEWEST", (1, 2))
    monkeypatch.setattr(conditions, "_few", lambda field, lookups: False)


def counted(parameters: str) -> models.QuerySet[Any]:
    return VideoFilters(QueryDict(parameters), Video.objects.all()).rows().order_by().values_list("pk")[:3]


@on_sqlite
@pytest.mark.parametrize("filters", ["", "&exact=true", "&live=none", "&method=youtube", "&min_duration=60"])
def test_a_count_looks_up_the_matches(many: None, filters: str) -> None:
    rows = counted(f"search=kestrel{filters}")
    steps = [step for step in steps_of(query_of(rows)) if "videos_video " in step]
    assert steps, "it reads videos"
    assert all("(video_id=?)" in step for step in steps), steps
    assert_no_scan([query_of(rows)])


@on_sqlite
def test_a_page_of_a_small_channel_reads_it_in_order(many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "_few", lambda field, lookups: True)
    page = VideoFilters(QueryDict("search=kestrel&channel=Birds"), Video.objects.all()).rows().values_list("pk")[:10]
    steps = steps_of(query_of(page))
    assert any("video_channel_name" in step for step in steps), steps
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps), steps


@on_sqlite
@pytest.mark.parametrize("order", ["", "&ordering=published_at", "&ordering=created_at"])
def test_a_walk_gathers_no_more_videos_than_the_newest(many: None, order: str) -> None:
    page = VideoFilters(QueryDict(f"search=kestrel{order}"), Video.objects.all()).rows().values_list("pk")[:10]
    assert len(page) == 3
    gathered = [step for step in steps_of(query_of(page)) if "videos_fulltext_document USING INTEGER" in step]
    assert len(gathered) == len(fulltext.NEWEST)


@on_postgresql
def test_few_matches_are_gathered_first() -> None:
    assert is_gathered_first(Video.objects.search("kestrel"))
    assert is_gathered_first(Video.objects.search("absent"))


@on_postgresql
def test_many_are_not(many: None) -> None:
    assert not is_gathered_first(Video.objects.search("kestrel"))


def is_gathered_first(rows: models.QuerySet[Any]) -> bool:
    query = query_of(rows.newest_first()[:10])  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {query.sql}", query.params)
        return any("InitPlan" in step for (step,) in cursor.fetchall())
