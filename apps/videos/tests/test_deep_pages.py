"""Deep pages are affordable: only ids are skipped, over an index, and from the nearer end."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.paginator import EmptyPage
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.pagination import ShortCountPaginator
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NUMBER = 7


@pytest.fixture
def python() -> KeyWordEntry:
    """A keyword with videos, two of them published at the same time, among those of another."""
    entry, other = (KeyWordEntry.objects.create(keyword=word) for word in ("python", "other"))
    for keyword, name in ((entry, "mine"), (other, "other")):
        dates = (NOON - timedelta(minutes=n // 2) for n in range(NUMBER))
        store(keyword, *(found_video(f"{name}-{n}", published_at=date) for n, date in enumerate(dates)))
    return entry


def plan(rows: QuerySet[Any]) -> str:
    """Return how the database finds `rows`; PostgreSQL as if the table were large, with its statistics."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE videos_video, videos_match")
            for method in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{method} = off")
    return rows.explain()


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("address", ["/api/keyword/python/videos/", "/api/videos/"])
def test_the_pages_together_are_the_list(client: Client, python: KeyWordEntry, address: str, size: int) -> None:
    shown, link = [], f"{address}?page_size={size}"
    while link:
        body = client.get(link.removeprefix("http://testserver")).json()
        shown += [video["video_id"] for video in body["results"]]
        link = body["next"]

    videos = Video.objects.newest_first()
    if "python" in address:
        videos = videos.filter(keyword=python)
    assert shown == [video.pk for video in videos]


@pytest.mark.parametrize("page", range(1, NUMBER + 1))
def test_at_most_half_of_the_ids_are_skipped(client: Client, python: KeyWordEntry, page: int) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(f"/api/keyword/python/videos/?page_size=1&page={page}")

    skipping = [query["sql"] for query in queries if "OFFSET" in query["sql"]]
    for sql in skipping:
        assert re.match('SELECT "videos_match"."video_id"( AS "video_id")? FROM "videos_match"', sql)
        assert int(sql.rpartition("OFFSET ")[2]) <= NUMBER // 2
    assert len(skipping) == (page not in (1, NUMBER))


def test_pages_of_a_list_that_became_shorter_since_it_was_counted(python: KeyWordEntry) -> None:
    ids = Video.objects.newest_first().values_list("video_id", flat=True)
    pages = ShortCountPaginator(ids, 2, known_count=ids.count() + 3)

    assert list(pages.page(pages.num_pages)) == list(ids.reverse()[:1])
    with pytest.raises(EmptyPage):
        pages.page(pages.num_pages + 1)


@pytest.mark.parametrize("page", [3, 4, 99, 10**9, 10**30])
@pytest.mark.parametrize("address", ["/?search=title", "/keywords/?search=o", "/keywords/{}/?search=title", "/log/"])
def test_a_page_beyond_an_end_that_is_not_known(
    client: Client, python: KeyWordEntry, monkeypatch: pytest.MonkeyPatch, address: str, page: int
) -> None:
    """Of lists that are not counted to their end, as where there are many rows."""
    for module, size in (("home", "CARDS"), ("keywords", "KEYWORDS"), ("log", "FETCHES"), ("pages", "CARDS")):
        monkeypatch.setattr(f"apps.dashboard.views.{module}.{size}", 1, raising=False)
    monkeypatch.setattr("apps.videos.pagination.COUNTED_UP_TO", 2)
    python.logs.bulk_create(VideoLog(keyword=python, keyword_text="python", status="done") for _ in range(3))
    sign = "&" if "?" in address else "?"
    assert client.get(f"{address.format(python.pk)}{sign}page={page}").status_code == 200


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda entry: entry.matches.newest_first().filter(hidden=False), "match_newest"),
        (lambda entry: Video.objects.newest_first().filter(hidden_at=None), "video_newest"),
    ],
    ids=["of a keyword", "all"],
)
@pytest.mark.parametrize("direction", ["forwards", "backwards"])
def test_an_index_alone_gives_the_ids(
    python: KeyWordEntry, rows: Callable[[KeyWordEntry], QuerySet[Any]], index: str, direction: str
) -> None:
    ids = rows(python).values_list("video_id", flat=True)
    found = plan((ids if direction == "forwards" else ids.reverse())[3:4])

    assert re.search(f"COVERING INDEX {index}|Index Only Scan (Backward )?using {index}", found), found
    assert not re.search("(?i)sort|temp b-tree", found)


def test_the_pages_of_people_are_the_list_as_well(client: Client, python: KeyWordEntry, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.dashboard.views.pages.CARDS", 2)
    mine = [video.pk for video in Video.objects.newest_first() if "mine" in video.pk]
    found = [video.pk for video in Video.objects.order_by("-created_at", "-video_id")]
    for address, expected in ((reverse("keyword", args=[python.pk]), mine), (reverse("home"), found)):
        count = len(expected)
        pages = [client.get(address, {"page": page}).text for page in range(1, (count + 1) // 2 + 1)]
        shown = [video for page in pages for video in videos_on(page)]
        assert shown == expected
