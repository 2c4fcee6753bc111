"""The filters and orders of the lists read by an index what they show, however many videos and logs are stored."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection, models
from django.http import QueryDict

from apps.videos import conditions, fulltext, pagination
from apps.videos.filters import LogFilters, VideoFilters
from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.tests.plans import Query, assert_no_scan, query_of

pytestmark = pytest.mark.django_db

FILTERS = [
    "channel=UC0000000000000000000000",
    "channel=A+channel",
    "published_after=2026-11-20",
    "published_after=2026-11-20&published_before=2026-11-21",
    "found_after=2026-11-20",
    "found_after=2026-11-20&found_before=2026-11-21",
    "method=youtube",
    "live=live",
    "exact=false",
    "min_duration=60",
    "min_duration=60&max_duration=600",
    "seen=false",
    "starred=true",
    "hidden=true",
]
# Values that almost all videos have, or that take nothing away: without an index of their own.
OTHERS = ["seen=true", "seen=false&hidden=any", "starred=false", "hidden=any", "starred=true&hidden=any"]
FIELDS = ["published_at", "created_at", "view_count", "duration"]
ORDERS = [f"ordering={sign}{field}" for field in FIELDS for sign in ("", "-")]
KEYWORDS = ["keyword=owl", "keyword=owl&keyword=wren"]


@pytest.fixture(autouse=True)
def entries() -> list[KeyWordEntry]:
    return [KeyWordEntry.objects.create(keyword=word) for word in ("owl", "wren")]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each condition and each keyword selects many videos."""
    monkeypatch.setattr(conditions, "_few", lambda field, lookups: False)
    KeyWordEntry.objects.update(video_count=500_000)


def page_of(parameters: str) -> models.QuerySet[Any]:
    return VideoFilters(QueryDict(parameters), Video.objects.all()).rows().values_list("video_id", flat=True)


def steps_of(query: Query) -> list[str]:
    """Return the steps of a plan; on PostgreSQL without sorting or reading a whole table, if there is such a plan."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.params)
            return [step for *_, step in cursor.fetchall()]
        avoided = ["enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort"]
        cursor.execute("; ".join(f"SET LOCAL {name} = off" for name in avoided))
        cursor.execute(f"EXPLAIN (FORMAT JSON) {query.sql}", query.params)
        (plans,) = cursor.fetchone()
        cursor.execute("; ".join(f"RESET {name}" for name in avoided))
    plan = (json.loads(plans) if isinstance(plans, str) else plans)[0]["Plan"]
    return [f"{node['Node Type']} {node.get('Index Name', '')}" for node in nodes(plan)]


def nodes(plan: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def assert_in_order(rows: models.QuerySet[Any]) -> None:
    """Check that the rows are read in their order, so that a page reads no more than it has to test."""
    steps = steps_of(query_of(rows[:11]))
    assert not any("TEMP B-TREE" in step or "Sort" in step or "Seq Scan" in step for step in steps), steps


def assert_looked_up(rows: models.QuerySet[Any]) -> None:
    """Check that no table and no index is read as a whole."""
    if connection.vendor == "postgresql":
        # It has no statistics here, so the most to ask for is an index.
        rows = rows.order_by()
        with connection.cursor() as cursor:
            cursor.execute("; ".join(f"SET LOCAL enable_{way} = off" for way in ("hashjoin", "mergejoin")))
    assert_no_scan([query_of(rows[:11])])


@pytest.mark.parametrize("parameters", FILTERS)
def test_a_filter_that_selects_few_is_looked_up(parameters: str) -> None:
    assert_looked_up(page_of(parameters))
    assert_looked_up(page_of(f"{parameters}&ordering=-view_count"))
    assert_looked_up(page_of(f"{parameters}&live=none&exact=true"))


@pytest.mark.parametrize("order", ORDERS)
def test_orders_are_those_of_indexes(order: str) -> None:
    assert_in_order(page_of(order))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("parameters", [*FILTERS, *OTHERS])
def test_a_filter_that_selects_many_is_tested_in_the_order_of_the_page(many: None, order: str, parameters: str) -> None:
    assert_in_order(page_of(f"{parameters}&{order}"))


@pytest.mark.parametrize(
    ("parameters", "index"),
    [
        ("", "video_newest"),
        ("hidden=any", "video_newest"),
        ("hidden=true", "video_hidden"),
        ("starred=true", "video_starred"),
        ("starred=true&hidden=any", "video_starred"),
        ("seen=false", "video_unseen"),
        ("method=youtube", "video_method"),
        ("live=live", "video_live"),
        ("exact=false", "video_exact"),
        ("channel=UC0000000000000000000000", "video_channel"),
        ("ordering=-created_at", "video_found"),
        ("ordering=-view_count", "video_views|video_most_viewed"),
        ("ordering=-duration", "video_duration|video_longest"),
        ("keyword=owl", "match_newest"),
        ("keyword=owl&hidden=any", "match_newest"),
        ("keyword=owl&matched_in=nowhere", "match_newest"),
        ("keyword=owl&hidden=true", "match_hidden"),
    ],
)
def test_an_index_alone_says_which_videos_are_hidden(many: None, parameters: str, index: str) -> None:
    if connection.vendor == "postgresql" and parameters == "exact=false":
        pytest.skip("without statistics PostgreSQL takes half of the videos for estimated, and may read all")
    steps = steps_of(query_of(page_of(parameters)[5000:5010]))
    assert any(re.search(f"COVERING INDEX ({index})( |$)|Index Only Scan ({index})$", step) for step in steps), steps


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by its statistics")
def test_videos_found_long_ago_are_looked_for_in_the_index_alone(many: None) -> None:
    steps = steps_of(query_of(page_of("found_before=2026-11-20")[:11]))
    assert steps == ["SCAN videos_video USING COVERING INDEX video_newest"]


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_the_videos_of_small_keywords_are_looked_up(keyword: str) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("how PostgreSQL joins them depends on its statistics")
    for parameters in ("", *FILTERS, *ORDERS):
        assert_looked_up(page_of(f"{keyword}&{parameters}"))


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_those_of_large_keywords_are_tested_in_the_order_of_the_page(many: None, keyword: str) -> None:
    for parameters in ("", *FILTERS, *ORDERS):
        assert_in_order(page_of(f"{keyword}&{parameters}"))


def test_logs(entries: list[KeyWordEntry]) -> None:
    for parameters in ("", f"keyword_id={entries[0].pk}", "created_after=2026-11-20", "error=true", "status=running"):
        rows = LogFilters(QueryDict(parameters), VideoLog.objects.newest_first()).rows()
        assert_in_order(rows)


@pytest.mark.parametrize(("keyword", "index"), [("owl", "log_of_keyword"), ("gone", "log_of_deleted")])
def test_the_logs_of_a_keyword_are_looked_up_in_their_order(keyword: str, index: str) -> None:
    rows = LogFilters(QueryDict(f"keyword={keyword}"), VideoLog.objects.newest_first()).rows()
    assert_in_order(rows)
    assert any(index in step for step in steps_of(query_of(rows[:11])))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by its statistics")
def test_the_logs_of_a_keyword_that_was_deleted_before_are_merged() -> None:
    """Nothing is sorted: both parts come in the order of the list, from indexes of their own."""
    entry = KeyWordEntry.objects.create(keyword="kite")
    entry.logs.create(keyword_text="kite")
    VideoLog.objects.create(keyword_text="kite")
    rows = LogFilters(QueryDict("keyword=kite"), VideoLog.objects.newest_first()).rows()
    assert_in_order(rows)
    steps = " ".join(steps_of(query_of(rows[:11])))
    assert "log_of_keyword" in steps
    assert "log_of_deleted" in steps


def test_a_full_text_search_looks_among_one_more_than_pages_count() -> None:
    assert conditions.FEW + 1 == pagination.COUNTED_UP_TO + 1 == fulltext.NEWEST[-1]
