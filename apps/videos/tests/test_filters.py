"""The filters and orders of the REST API's lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.videos import conditions
from apps.videos.models import KeyWordEntry, Video, VideoFetchMethod, VideoLog
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.problems import errors, problem

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FALCONS = "UC_falcons_and_other_00b"


@pytest.fixture
def birds() -> tuple[KeyWordEntry, KeyWordEntry]:
    """Two keywords; of five videos, newest first, the third and fourth belong to both, and the last to the second."""
    falcon, owl = (KeyWordEntry.objects.create(keyword=word) for word in ("falcon", "owl"))
    told: list[dict[str, Any]] = [
        {"title": "A falcon dives", "duration": 60, "view_count": 500, "channel_title": "Falcons"},
        {"channel_id": FALCONS, "live_state": "live"},
        {"duration": 3600, "view_count": 20, "description": "About dives", "published_exact": False},
        {"duration": 600, "view_count": 500},
    ]
    videos = [
        found_video(f"video-{n + 1}", published_at=NOON - timedelta(hours=n), **given) for n, given in enumerate(told)
    ]
    store(falcon, *videos)
    store(owl, *videos[2:])
    store(owl, found_video("video-5", published_at=NOON - timedelta(days=9)), method=VideoFetchMethod.INVIDIOUS)
    for n in range(1, 6):
        Video.objects.filter(pk=f"video-{n}").update(created_at=NOON + timedelta(days=n))
    return falcon, owl


def ids(client: Client, address: str, **parameters: Any) -> list[str]:
    answer = client.get(address, parameters)
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert body["count"] == len(body["results"])
    return [video["video_id"].removeprefix("video-") for video in body["results"]]


EACH = [
    ({}, "12345"),
    ({"search": "dives"}, "13"),
    ({"search": ""}, "12345"),
    ({"channel": FALCONS}, "2"),
    ({"channel": "fALCONS"}, "1"),
    ({"channel": "falcon"}, ""),
    ({"published_after": "2026-11-20T11:00:00Z"}, "12"),
    ({"published_before": "2026-11-20T11:00:00Z"}, "345"),
    ({"published_after": "2026-11-20"}, "1234"),
    ({"published_before": "2026-11-20T12:00:00+02:00"}, "45"),
    ({"found_after": "2026-11-23T12:00"}, "345"),
    ({"found_before": "2026-11-23T12:00:00.000Z"}, "12"),
    ({"method": "invidious"}, "5"),
    ({"live": "live"}, "2"),
    ({"min_duration": 600}, "34"),
    ({"max_duration": 600}, "14"),
    ({"exact": "false"}, "3"),
    ({"exact": "true", "method": "youtube"}, "124"),
    ({"ordering": "-published_at"}, "12345"),
    ({"ordering": "published_at"}, "54321"),
    ({"ordering": "created_at"}, "12345"),
    ({"ordering": "-created_at"}, "54321"),
    ({"ordering": "view_count"}, "31425"),
    ({"ordering": "-view_count"}, "41352"),
    ({"ordering": "duration"}, "14325"),
    ({"ordering": "-duration"}, "34152"),
]


@pytest.mark.parametrize(("parameters", "expected"), EACH)
def test_it_works(client: Client, birds: Any, parameters: dict[str, Any], expected: str) -> None:
    assert "".join(ids(client, "/api/videos/", **parameters)) == expected


@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize(("parameters", "expected"), EACH)
def test_each_with_a_keyword(
    client: Client, birds: Any, monkeypatch: Any, parameters: dict[str, Any], expected: str, few: int
) -> None:
    """Also in the way that is for conditions that select many videos."""
    monkeypatch.setattr(conditions, "FEW", few)
    falcon, owl = birds
    for wanted, address, own in (
        ({"keyword": "Falcon"}, "/api/keyword/falcon/videos/", "1234"),
        ({"keyword_id": owl.pk}, "/api/keyword/owl/videos/", "345"),
        ({"keyword": ["OWL", "falcon"], "keyword_id": falcon.pk}, "/api/videos/", "12345"),
    ):
        left = "".join(n for n in expected if n in own)
        assert "".join(ids(client, "/api/videos/", **wanted, **parameters)) == left
        assert "".join(ids(client, address, **parameters)) == left


def test_links_keep_the_filters(client: Client, birds: Any) -> None:
    seen, link = [], "/api/videos/?page_size=1&keyword=owl&keyword=falcon&ordering=-view_count&min_duration=60"
    while link:
        body = client.get(link.removeprefix("http://testserver")).json()
        seen += [video["video_id"] for video in body["results"]]
        link = body["next"]
    assert seen == ["video-4", "video-1", "video-3"]


LISTS = ["/api/videos/", "/api/keyword/falcon/videos/", "/api/logs/", "/api/keywords/"]
NO_LISTS = ["/api/", "/api/quota/", "/ping/", "/api/videos/video-1/", "/api/keywords/{id}/"]


@pytest.mark.parametrize("address", LISTS + NO_LISTS)
def test_an_unknown_parameter_is_named(client: Client, birds: Any, address: str) -> None:
    answer = client.get(address.format(id=birds[0].pk), {"chanel": "x"})
    assert list(errors(answer)) == ["chanel"]
    (message,) = errors(answer)["chanel"]
    assert ("page_size" in message) == (address in LISTS)
    assert ("channel" in message) == ("/videos/" in address and address in LISTS)


@pytest.mark.parametrize(
    ("address", "name", "value", "told"),
    [
        *[("/api/videos/", name, value, "ISO 8601") for name in ("published_after", "found_before")
          for value in ("x", "2026-13-01", "2026-11-20T25:00", "20.11.2026", "1")],
        *[("/api/videos/", name, value, "whole number")
          for name in ("min_duration", "max_duration") for value in ("x", "-1", "1.5", "+1", "٣", "9" * 20, " 1")],
        *[(address, "keyword_id", value, "whole number from 1")
          for address in ("/api/videos/", "/api/logs/") for value in ("x", "-1", "0", "9" * 20)],
        *[(address, "keyword", value, "keyword") for address in ("/api/videos/", "/api/logs/")
          for value in (" ", "x" * 501, "a\x01b")],
        ("/api/videos/", "method", "vimeo", "youtube, invidious"),
        ("/api/videos/", "live", "LIVE", "none, upcoming, live, completed"),
        ("/api/videos/", "exact", "maybe", "true, false"),
        ("/api/videos/", "ordering", "title", "-view_count"),
        ("/api/videos/", "ordering", "--view_count", "-view_count"),
        ("/api/videos/", "channel", "", "empty"),
        ("/api/logs/", "status", "broken", "running, done, failed"),
        ("/api/logs/", "error", "1", "true, false"),
        ("/api/logs/", "trigger", "x", "schedule, first, manual"),
        ("/api/logs/", "created_after", "yesterday", "ISO 8601"),
        ("/api/keywords/", "state", "deleting", "watched, paused, failing, waiting."),
        ("/api/keywords/", "ordering", "x", "-video_count"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_there_is(
    client: Client, address: str, name: str, value: str, told: str
) -> None:
    answer = client.get(address, {name: value})
    assert list(errors(answer)) == [name]
    assert told in errors(answer)[name][0]


def test_a_filter_that_takes_one_value_is_given_once(client: Client) -> None:
    answer = client.get("/api/videos/?method=youtube&method=invidious")
    assert errors(answer) == {"method": ["Must be given once."]}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01"])
def test_any_moment_can_be_asked_for(client: Client, birds: Any, moment: str) -> None:
    assert ids(client, "/api/videos/", published_after=moment) == ([] if moment > "9" else list("12345"))


def test_keywords_that_are_not_watched_are_a_404(client: Client, birds: Any) -> None:
    for parameters in ({"keyword": ["owl", "wren"]}, {"keyword_id": [birds[0].pk, 999]}):
        answer = client.get("/api/videos/", parameters)
        detail = problem(answer, 404)["detail"]
        assert ("wren" in detail) or ("999" in detail)


def test_logs(client: Client) -> None:
    owl, wren = (KeyWordEntry.objects.create(keyword=word) for word in ("owl", "wren"))
    common = {"method": "youtube", "created_at": NOON}
    logs = [
        owl.logs.create(keyword_text="owl", status="done", trigger="first", **common),
        owl.logs.create(
            keyword_text="owl", status="failed", error_code="x", **common | {"created_at": NOON - timedelta(1)}
        ),
        wren.logs.create(keyword_text="wren", status="waiting", trigger="manual", created_at=NOON - timedelta(2)),
        VideoLog.objects.create(keyword_text="owl", status="done", **common | {"created_at": NOON - timedelta(3)}),
        VideoLog.objects.create(keyword_text="kite", status="interrupted", created_at=NOON - timedelta(4)),
    ]
    for parameters, expected in (
        ({}, "01234"),
        ({"keyword": "OWL"}, "013"),
        ({"keyword": "owl", "status": "done"}, "03"),
        ({"keyword": "owl", "page_size": 2, "page": 2}, "3"),
        ({"keyword": "wren"}, "2"),
        ({"keyword": "kite"}, "4"),
        ({"keyword": "hawk"}, ""),
        ({"keyword": owl.pk}, "01"),
        ({"keyword_id": owl.pk}, "01"),
        ({"keyword_id": 999_999}, ""),
        ({"status": "done"}, "03"),
        ({"error": "true"}, "1"),
        ({"error": "false"}, "0234"),
        ({"trigger": "manual"}, "2"),
        ({"method": "youtube"}, "013"),
        ({"created_after": "2026-11-19"}, "01"),
        ({"created_before": "2026-11-19"}, "234"),
    ):
        found = [log["id"] for log in client.get("/api/logs/", parameters).json()["results"]]
        assert found == [logs[int(n)].pk for n in expected], parameters
    assert client.get("/api/logs/?keyword=owl&page_size=1").json()["count"] == 3


def test_a_number_is_an_id_of_logs_only_if_it_is_no_keyword(client: Client) -> None:
    owl = KeyWordEntry.objects.create(keyword="owl")
    number = KeyWordEntry.objects.create(keyword=str(owl.pk))
    of_owl, of_number = (entry.logs.create(keyword_text=entry.keyword) for entry in (owl, number))
    for parameters, log in (({"keyword": owl.pk}, of_number), ({"keyword_id": owl.pk}, of_owl)):
        (found,) = client.get("/api/logs/", parameters).json()["results"]
        assert found["id"] == log.pk, parameters


def test_keywords(client: Client) -> None:
    for word, count, fetched, status in (
        ("Owl", 5, None, "waiting"),
        ("barn owl", 9, NOON, "failed"),
        ("wren", 5, NOON - timedelta(1), "failed"),
    ):
        entry = KeyWordEntry.objects.create(keyword=word, state="paused" if word == "wren" else "watched")
        KeyWordEntry.objects.filter(pk=entry.pk).update(
            video_count=count,
            last_fetched_at=fetched,
            last_found_at=fetched,
            rate=float(len(word)),
            last_status=status,
            next_due_at=NOON + timedelta(len(word)),
        )
    for parameters, expected in (
        ({}, ["barn owl", "Owl", "wren"]),
        ({"search": "OW"}, ["barn owl", "Owl"]),
        ({"state": "paused"}, ["wren"]),
        ({"state": "watched"}, ["barn owl", "Owl"]),
        ({"state": "failing"}, ["barn owl"]),
        ({"state": "waiting"}, ["Owl"]),
        ({"ordering": "-keyword"}, ["wren", "Owl", "barn owl"]),
        ({"ordering": "created_at"}, ["Owl", "barn owl", "wren"]),
        ({"ordering": "-video_count"}, ["barn owl", "wren", "Owl"]),
        ({"ordering": "last_fetched_at"}, ["wren", "barn owl", "Owl"]),
        ({"ordering": "-last_fetched_at"}, ["barn owl", "wren", "Owl"]),
        ({"ordering": "-last_found_at"}, ["barn owl", "wren", "Owl"]),
        ({"ordering": "next_due_at"}, ["Owl", "barn owl", "wren"]),
        ({"ordering": "-next_due_at"}, ["barn owl", "Owl", "wren"]),
        ({"ordering": "-rate"}, ["barn owl", "wren", "Owl"]),
    ):
        found = [entry["keyword"] for entry in client.get("/api/keywords/", parameters).json()["results"]]
        assert found == expected, parameters


def test_an_unknown_field_of_a_body_is_named(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="owl")
    for ask, address in ((client.post, "/api/keywords/"), (client.patch, f"/api/keywords/{entry.pk}/")):
        answer = ask(address, {"keyword": "owl", "intervall": 60}, content_type="application/json")
        assert list(errors(answer)) == ["intervall"]
        known = "keyword, state, interval, weight, notify, notify_urls, notify_webhook"
        assert errors(answer)["intervall"] == [f"Unknown field. There are: {known}."]
    answer = client.post(f"/api/keywords/{entry.pk}/fetch/", {"now": True}, content_type="application/json")
    assert list(errors(answer)) == ["now"]
    shown = client.get(f"/api/keywords/{entry.pk}/").json()
    assert client.put(f"/api/keywords/{entry.pk}/", shown, content_type="application/json").status_code == 200


@pytest.mark.parametrize("body", ["[]", "[{}]", '"owl"', "0", "null", "false"])
def test_a_body_must_be_an_object(client: Client, body: str) -> None:
    entry = KeyWordEntry.objects.create(keyword="owl")
    one = f"/api/keywords/{entry.pk}/"
    for method, address in (
        ("POST", "/api/keywords/"),
        ("POST", "/api/keywords/preview/"),
        ("POST", f"{one}fetch/"),
        ("PUT", one),
        ("PATCH", one),
    ):
        answer = client.generic(method, address, body, content_type="application/json")
        assert answer.status_code == 400, address
        assert list(errors(answer)) == ["body"], address
    assert not entry.logs.exists()


@pytest.mark.parametrize("body", ["", "{}"])
def test_a_fetch_needs_no_body(client: Client, body: str) -> None:
    entry = KeyWordEntry.objects.create(keyword="owl")
    answer = client.generic("POST", f"/api/keywords/{entry.pk}/fetch/", body, content_type="application/json")
    assert answer.status_code == 202
