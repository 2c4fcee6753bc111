"""GET /api/keyword/<keyword>/videos/ and /api/videos/."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.videos import pagination
from apps.videos.models import KeyWordEntry, VideoFetchMethod
from apps.videos.tests.builders import ODD_KEYWORDS, found_video, store
from apps.videos.tests.problems import errors, problem

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def watched(keyword: str, videos: int) -> KeyWordEntry:
    entry = KeyWordEntry.objects.create(keyword=keyword)
    page = [found_video(f"{entry.pk}-{n:04}", published_at=NOON - timedelta(minutes=n)) for n in range(videos)]
    store(entry, *page)
    return entry


def test_it_works(client: Client) -> None:
    entry = watched("Python", 12)

    body = client.get("/api/keyword/python/videos/").json()

    assert body["count"] == 12
    assert body["previous"] is None
    assert body["next"].endswith("/api/keyword/python/videos/?page=2")
    assert [video["video_id"] for video in body["results"]] == [f"{entry.pk}-{n:04}" for n in range(10)]
    first = body["results"][0]
    assert list(first)[:11] == [
        "video_id",
        "title",
        "description",
        "published_at",
        "channel_title",
        "thumbnail",
        "created_at",
        "updated_at",
        "keyword",
        "keyword_text",
        "method",
    ]
    assert (first["keyword"], first["keyword_text"], first["method"]) == (entry.pk, "Python", "youtube")
    assert first["published_at"] == "2026-11-20T12:00:00Z"


@pytest.mark.parametrize("keyword", ODD_KEYWORDS)
def test_any_keyword_works_in_the_path_and_as_a_parameter(client: Client, keyword: str) -> None:
    watched(keyword, 1)
    watched("another", 1)

    for address in (
        f"/api/keyword/{quote(keyword, safe='')}/videos/",
        f"/api/videos/?keyword={quote(keyword, safe='')}",
    ):
        answer = client.get(address)
        assert answer.status_code == 200
        assert [video["keyword_text"] for video in answer.json()["results"]] == [" ".join(keyword.split())]


@pytest.mark.parametrize("keyword", [*ODD_KEYWORDS, "..", "a/../b"])
def test_the_link_to_the_next_page_leads_there(client: Client, keyword: str) -> None:
    watched("another", 3)
    watched(keyword, 2)
    encoded = quote(keyword, safe="")

    for address in (f"/api/keyword/{encoded}/videos/?page_size=1", f"/api/videos/?page_size=1&keyword={encoded}"):
        first = client.get(address, follow=True).json()
        second = client.get(first["next"].removeprefix("http://testserver")).json()
        assert (first["count"], second["count"]) == (2, 2)
        assert {video["keyword_text"] for video in first["results"] + second["results"]} == {" ".join(keyword.split())}


def test_the_closing_slash_may_be_left_out(client: Client) -> None:
    watched("python", 1)
    assert client.get("/api/keyword/python/videos").json()["count"] == 1


def test_it_says_how_to_watch_an_unknown_keyword(client: Client) -> None:
    for address in ("/api/keyword/python/videos/", "/api/videos/?keyword=python"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "POST /api/keywords/" in problem(answer, 404)["detail"]


@pytest.mark.parametrize("keyword", ["", "  ", "x" * 501, "a\x01b"])
def test_it_refuses_what_can_be_no_keyword(client: Client, keyword: str) -> None:
    answer = client.get("/api/videos/", {"keyword": keyword})
    assert list(errors(answer)) == ["keyword"]


@pytest.mark.parametrize(("asked", "given"), [("3", 3), ("100", 100), ("1000", 100)])
def test_page_size_has_a_cap(client: Client, asked: str, given: int) -> None:
    watched("python", 120)
    body = client.get(f"/api/keyword/python/videos/?page_size={asked}").json()
    assert (body["count"], len(body["results"])) == (120, given)


@pytest.mark.parametrize("asked", ["0", "-1", "%2B1", "x", "", "null", "1.5", "%D9%A3", "9" * 5000])
def test_a_page_size_that_is_no_number_is_refused(client: Client, asked: str) -> None:
    watched("python", 1)
    for address in ("/api/keyword/python/videos/", "/api/videos/", "/api/keywords/", "/api/logs/"):
        answer = client.get(f"{address}?page_size={asked}")
        assert list(errors(answer)) == ["page_size"]


@pytest.mark.parametrize("page", ["0", "3", "x", "9" * 40])
def test_a_page_that_is_not_there_is_a_404(client: Client, page: str) -> None:
    watched("python", 20)
    assert client.get(f"/api/keyword/python/videos/?page={page}").status_code == 404


def test_all_videos_are_listed_once_newest_first(client: Client) -> None:
    one, two = watched("one", 3), watched("two", 2)
    store(two, found_video(f"{one.pk}-0000", published_at=NOON))

    body = client.get("/api/videos/").json()

    assert body["count"] == 5
    dates = [video["published_at"] for video in body["results"]]
    assert dates == sorted(dates, reverse=True)
    assert client.get("/api/keyword/two/videos/").json()["count"] == 3


def test_one_video(client: Client) -> None:
    entry = watched("python", 1)
    store(entry, found_video("-_AbCdEfGhI", title="<i>&amp;</i>"), method=VideoFetchMethod.INVIDIOUS)

    answer = client.get("/api/videos/-_AbCdEfGhI/").json()

    assert (answer["title"], answer["method"]) == ("<i>&amp;</i>", "invidious")
    assert client.get("/api/videos/nothing/").status_code == 404


@pytest.mark.parametrize("videos", [1, 100])
@pytest.mark.parametrize("address", ["/api/keyword/python/videos/", "/api/videos/", "/api/videos/?keyword=python"])
def test_a_page_costs_three_queries_at_most_and_counts_nothing(
    client: Client, address: str, videos: int, django_assert_max_num_queries
) -> None:
    watched("python", videos)
    # The keyword with its count, or the total; then the page with its videos and their first keywords.
    with django_assert_max_num_queries(3) as queries:
        body = client.get(address, {"page_size": 100, **({"keyword": "python"} if "?" in address else {})}).json()
    assert len(body["results"]) == videos
    assert not any("COUNT(" in query["sql"].upper() for query in queries.captured_queries)


def test_a_long_list_is_counted_up_to_a_bound(client: Client, monkeypatch) -> None:
    monkeypatch.setattr(pagination, "COUNTED_UP_TO", 5)
    entry = KeyWordEntry.objects.create(keyword="python")
    for _ in range(7):
        entry.logs.create(keyword_text="python")

    body = client.get("/api/logs/?page_size=2").json()

    assert (body["count"], body["count_is_exact"]) == (5, False)


@pytest.mark.parametrize(("videos", "counts"), [(4, True), (5, False)])
def test_videos_of_several_keywords_are_not_counted_if_one_has_as_many(
    client: Client, monkeypatch, videos: int, counts: bool, django_assert_num_queries
) -> None:
    monkeypatch.setattr(pagination, "COUNTED_UP_TO", 5)
    watched("python", videos)
    KeyWordEntry.objects.create(keyword="django")

    with django_assert_num_queries(4 if counts else 3):
        body = client.get("/api/videos/?keyword=python&keyword=django&page_size=2").json()

    assert (body["count"], body.get("count_is_exact", True)) == (videos, counts)


@pytest.mark.parametrize("logs", [4, 5, 6, 8, 9])
def test_rows_beyond_the_counted_ones_are_reached_by_the_links(client: Client, monkeypatch, logs: int) -> None:
    monkeypatch.setattr(pagination, "COUNTED_UP_TO", 5)
    entry = KeyWordEntry.objects.create(keyword="python")
    ids = [entry.logs.create(keyword_text="python").pk for _ in range(logs)]

    seen, link = [], "/api/logs/?page_size=2"
    while link:
        body = client.get(link.removeprefix("http://testserver")).json()
        seen += [log["id"] for log in body["results"]]
        link = body["next"]

    assert seen == ids[::-1]
    back = client.get(body["previous"].removeprefix("http://testserver")).json()
    assert back["results"][-1]["id"] == ids[len(body["results"])]
    for page in (len(ids), 10**12, 10**30):
        assert client.get(f"/api/logs/?page_size=2&page={page}").status_code == 404


@pytest.mark.parametrize(("videos", "is_exact"), [(4, True), (5, False)])
def test_videos_with_a_word_are_counted_in_the_index(client: Client, monkeypatch, videos: int, is_exact: bool) -> None:
    monkeypatch.setattr(pagination, "COUNTED_UP_TO", 5)
    watched("python", videos)

    with CaptureQueriesContext(connection) as queries:
        body = client.get("/api/videos/?search=title&page_size=2").json()

    assert (body["count"], body.get("count_is_exact", True)) == (videos, is_exact)
    counting = [query["sql"] for query in queries if "count(*)" in query["sql"].lower()]
    assert counting
    assert not any("videos_video" in sql for sql in counting)
