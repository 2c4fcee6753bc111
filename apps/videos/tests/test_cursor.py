"""?cursor=: a client that follows `next` while videos arrive misses none and sees none twice."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from apps.videos.cursors import Order
from apps.videos.models import KeyWordEntry, Match, Video
from apps.videos.pagination import VideoPages
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.problems import errors
from apps.videos.tests.test_deep_pages import plan

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OF_KEYWORD, OF_ALL = "/api/keyword/python/videos/", "/api/videos/"
ADDRESSES = [OF_KEYWORD, OF_ALL]


@pytest.fixture
def python() -> KeyWordEntry:
    """A keyword with 30 videos, three of each date, found in two fetches."""
    entry = KeyWordEntry.objects.create(keyword="python")
    videos = [found_video(f"v{n:02}", published_at=NOON - timedelta(minutes=n // 3)) for n in range(30)]
    for page in (videos[::2], videos[1::2]):
        store(entry, *page)
    return entry


def follow(client: Client, address: str, link: str = "next") -> Iterator[dict[str, Any]]:
    """Yield the pages, beginning with this one, to the last."""
    while address:
        body = client.get(address.removeprefix("http://testserver")).json()
        yield body
        address = body[link]


def ids(*pages: dict[str, Any]) -> list[str]:
    return [video["video_id"] for page in pages for video in page["results"]]


@pytest.mark.parametrize("size", [1, 7, 29, 30, 100])
@pytest.mark.parametrize("address", ADDRESSES)
def test_it_works(client: Client, python: KeyWordEntry, address: str, size: int) -> None:
    pages = list(follow(client, f"{address}?cursor=&page_size={size}"))

    assert ids(*pages) == list(Video.objects.newest_first().values_list("pk", flat=True))
    assert [len(page["results"]) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert {page["count"] for page in pages} == {30}
    assert list(pages[0]) == ["count", "next", "previous", "results"]
    assert (pages[0]["previous"], pages[-1]["next"]) == (None, None)


@pytest.mark.parametrize("address", ADDRESSES)
def test_previous_leads_back(client: Client, python: KeyWordEntry, address: str) -> None:
    pages = list(follow(client, f"{address}?cursor=&page_size=7"))
    back = list(follow(client, pages[-1]["previous"], "previous"))

    assert [ids(page) for page in back[::-1]] == [ids(page) for page in pages[:-1]]
    assert ids(*follow(client, back[-1]["next"])) == ids(*pages[1:])


@pytest.mark.parametrize("address", ADDRESSES)
def test_arriving_and_removed_videos_do_not_disturb(client: Client, python: KeyWordEntry, address: str) -> None:
    there = ids(*follow(client, f"{address}?cursor=&page_size=100"))
    removed = there[20]

    seen = []
    for number, page in enumerate(follow(client, f"{address}?cursor=&page_size=4")):
        seen += ids(page)
        # Newer, older, and as old as the last one.
        dates = [NOON + timedelta(days=1), NOON - timedelta(days=1), Video.objects.get(pk=seen[-1]).published_at]
        store(
            python,
            *(
                found_video(f"{prefix}{number}-{n}", published_at=date)
                for n, date in enumerate(dates)
                for prefix in "az"
            ),
        )
        if number == 2:
            Match.objects.filter(video=removed).delete()
            Video.objects.filter(pk=removed).delete()
        if number == 15:
            break

    old = [video_id for video_id in seen if video_id in there]
    assert old == [video_id for video_id in there if video_id != removed]
    assert len(seen) == len(set(seen))


def test_a_video_of_which_the_date_changes_does_not_disturb_the_others(client: Client, python: KeyWordEntry) -> None:
    there = ids(*follow(client, f"{OF_KEYWORD}?cursor=&page_size=100"))
    pages = follow(client, f"{OF_KEYWORD}?cursor=&page_size=4")
    seen = ids(next(pages))
    last = Video.objects.get(pk=seen[-1])
    store(python, found_video(last.pk, published_at=NOON - timedelta(days=2)))

    assert ids(*pages) == [video_id for video_id in there if video_id not in seen] + [last.pk]


def test_next_keeps_everything_else(client: Client, python: KeyWordEntry) -> None:
    body = client.get("/api/videos/?keyword=Python&cursor=&page_size=4").json()
    assert "keyword=Python" in body["next"]
    assert "page_size=4" in body["next"]
    assert "&page=" not in body["next"]


def test_a_cursor_is_short_and_safe_in_an_address(client: Client, python: KeyWordEntry) -> None:
    cursor = cursor_of(client, f"{OF_KEYWORD}?cursor=&page_size=4")
    assert len(cursor) <= 40
    assert cursor.replace("-", "").replace("_", "").isalnum()


def cursor_of(client: Client, address: str) -> str:
    return str(client.get(address).json()["next"].partition("cursor=")[2].partition("&")[0])


def encoded(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


MALFORMED = [
    "x",
    "2",
    "null",
    "日本語",
    "AAAA====",
    "A" * 5000,
    encoded(b"\0" * 13 + b"a\0b"),
    encoded(b"\0" * 13 + b"\xff\xfe"),
    encoded(b"\0" * 12),
    encoded(b"\2" + b"\0" * 13),
    encoded(b"\0" * 5 + b"\x7f" + b"\xff" * 7 + b"id"),
    encoded(b"\0" * 5 + b"\x80" + b"\0" * 7 + b"id"),
]


@pytest.mark.parametrize("cursor", MALFORMED)
def test_what_is_no_cursor_is_refused(client: Client, python: KeyWordEntry, cursor: str) -> None:
    answer = client.get(OF_KEYWORD, {"cursor": cursor})
    assert list(errors(answer)) == ["cursor"]
    assert "not a cursor" in errors(answer)["cursor"][0]


def test_any_changed_cursor_is_refused_or_a_position(client: Client, python: KeyWordEntry) -> None:
    cursor = cursor_of(client, f"{OF_KEYWORD}?cursor=&page_size=4")
    for place in range(len(cursor)):
        changed = f"{cursor[:place]}_{cursor[place + 1 :]}"
        assert client.get(OF_KEYWORD, {"cursor": changed}).status_code in (200, 400)


@pytest.mark.parametrize("other", ["/api/videos/", "/api/keyword/other/videos/", "/api/videos/?keyword=python"])
def test_the_cursor_of_another_list_is_refused(client: Client, python: KeyWordEntry, other: str) -> None:
    KeyWordEntry.objects.create(keyword="other")
    cursor = cursor_of(client, f"{OF_KEYWORD}?cursor=&page_size=4")

    answer = client.get(f"{other}{'&' if '?' in other else '?'}cursor={cursor}")

    assert list(errors(answer)) == ["cursor"]
    assert "belongs to a list" in errors(answer)["cursor"][0]


def test_the_page_size_may_change(client: Client, python: KeyWordEntry) -> None:
    cursor = cursor_of(client, f"{OF_KEYWORD}?cursor=&page_size=4")
    for address in (OF_KEYWORD, OF_KEYWORD.rstrip("/")):
        assert len(client.get(address, {"cursor": cursor, "page_size": 9}).json()["results"]) == 9


@pytest.mark.parametrize("query", ["cursor=&page=2", "cursor=&page=1", "page=2&cursor=x"])
def test_page_and_cursor_exclude_each_other(client: Client, python: KeyWordEntry, query: str) -> None:
    answer = client.get(f"{OF_ALL}?{query}")
    assert errors(answer) == {"cursor": ["Use either page or cursor."]}


def test_a_list_without_videos(client: Client) -> None:
    for address in ADDRESSES:
        KeyWordEntry.objects.get_or_create(keyword="python", normalized="python")
        body = client.get(f"{address}?cursor=").json()
        assert body == {"count": 0, "next": None, "previous": None, "results": []}


def test_the_end_may_be_removed_meanwhile(client: Client, python: KeyWordEntry) -> None:
    pages = follow(client, f"{OF_ALL}?cursor=&page_size=20")
    next(pages)
    Match.objects.all().delete()
    Video.objects.all().delete()
    assert next(pages)["results"] == []


# --- Any filters, any order: the pages of querysets --------------------------------------------


def read_all(rows: QuerySet[Any], size: int = 4) -> list[dict[str, Any]]:
    """Return the rows of all pages of a filtered, ordered queryset."""
    found, link = [], f"/api/videos/?filter=1&cursor=&page_size={size}"
    while link:
        pages = VideoPages()
        found += pages.paginate_queryset(rows, Request(APIRequestFactory().get(link)))
        link = pages.get_next_link()
    return found


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("field", ["published_at", "created_at"])
def test_both_dates_both_directions_any_filter(python: KeyWordEntry, field: str, sign: str) -> None:
    moments = cycle(NOON + timedelta(seconds=n) for n in range(8))
    for video, moment in zip(Video.objects.all(), moments, strict=False):
        Video.objects.filter(pk=video.pk).update(created_at=moment)
        Match.objects.filter(video=video).update(created_at=moment)
    order = [f"{sign}{field}", f"{sign}video_id"]
    videos, matches = Video.objects.order_by(*order), python.matches.order_by(*order)
    some = videos.filter(video_id__regex="[02468]$", published_at__lt=NOON).exclude(title="")

    assert [row["video_id"] for row in read_all(videos)] == [video.pk for video in videos]
    assert [row["video_id"] for row in read_all(matches)] == [match.video_id for match in matches]
    assert [row["video_id"] for row in read_all(some)] == [video.pk for video in some]
    assert 0 < len(some) < len(videos)


@pytest.mark.parametrize("order", [["-view_count"], ["duration", "video_id"], [], ["?"]])
def test_other_orders_have_no_cursor(python: KeyWordEntry, order: list[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        read_all(Video.objects.order_by(*order))
    assert list(refused.value.detail) == ["cursor"]
    assert "published_at or created_at" in str(refused.value.detail)


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_page_costs_the_same(client: Client, python: KeyWordEntry, address: str) -> None:
    link = f"{address}?cursor=&page_size=7"
    while link:
        with CaptureQueriesContext(connection) as queries:
            link = (client.get(link.removeprefix("http://testserver")).json())["next"]
        # 1 the keyword or the total, 2 ids, 3 videos
        assert len(queries) == 3
        assert not any("OFFSET" in query["sql"] or "COUNT(" in query["sql"] for query in queries)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("model", "index"), [(Video, "video_newest"), (Match, "match_newest")])
def test_the_database_begins_to_read_at_the_cursor(
    python: KeyWordEntry, model: Any, index: str, backwards: bool
) -> None:
    rows = model.objects.filter(keyword=python) if model is Match else model.objects.all()
    order = Order.of(rows.newest_first())
    order = order.reversed() if backwards else order
    found = plan(order.apply(rows).filter(order.after(NOON, "v05")).values_list("published_at", "video_id")[:4])

    if connection.vendor == "sqlite":
        bound = "published_at>?" if backwards else "published_at<?"
        assert re.search(rf"USING COVERING INDEX {index} \([^)]*{re.escape(bound)}\)", found), found
    else:
        bound = "published_at >= " if backwards else "published_at <= "
        assert f"using {index} on" in found, found
        assert bound in found.partition("Index Cond:")[2].partition("Filter:")[0], found
    assert not re.search("(?i)sort|temp b-tree", found), found
