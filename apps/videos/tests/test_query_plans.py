"""Chores and fetches read what they need by an index, however many videos and logs are stored."""

import pytest

from apps.videos.models import KeyWordEntry, Match, Video
from apps.videos.tests.plans import assert_no_scan, query_of, recorded

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
