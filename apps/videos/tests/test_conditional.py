"""ETag and Last-Modified: who has the present state of a list gets a 304, without a query for videos."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.http import parse_http_date

from apps.videos import tasks
from apps.videos.fetching import blanking, erasing, storing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoTotal
from apps.videos.pagination import VideoPages
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ADDRESSES = [
    "/api/keyword/python/videos/",
    "/api/keyword/python/videos/?cursor=&page_size=2",
    "/api/videos/",
    "/api/videos/?keyword=python",
    "/api/videos/one/",
]
KEYWORD = ADDRESSES[0]


@pytest.fixture(autouse=True)
def python() -> KeyWordEntry:
    with time_machine.travel(NOON, tick=False):
        entry = KeyWordEntry.objects.create(keyword="python")
        store(entry, found_video("one"), found_video("two"))
    return entry


def again(client: Client, answer: Any, method: str = "get") -> Any:
    """Request the same again, as a client that has kept the response."""
    request = answer.request
    address = f"{request['PATH_INFO']}?{request['QUERY_STRING']}"
    return getattr(client, method)(address, headers={"If-None-Match": answer["ETag"]})


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_it_works(client: Client, address: str, method: str) -> None:
    first = client.get(address)
    assert first.status_code == 200

    with CaptureQueriesContext(connection) as queries:
        second = again(client, first, method)

    assert (second.status_code, second.content) == (304, b"")
    assert len(queries) == 1
    assert not any('"videos_video"' in query["sql"] or '"videos_match"' in query["sql"] for query in queries)
    for header in ("ETag", "Cache-Control"):
        assert second[header] == first[header], header


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_head_request_gets_the_same_validators(client: Client, address: str) -> None:
    assert client.head(address)["ETag"] == client.get(address)["ETag"]


CHANGES: dict[str, Callable[[KeyWordEntry], Any]] = {
    "a new video": lambda entry: store(entry, found_video("three")),
    "a changed video": lambda entry: store(entry, found_video("one", title="Another title")),
    "a corrected date": lambda entry: storing.update([found_video("one", published_at=NOON - timedelta(hours=1))]),
    "a completed video": lambda entry: storing.update([found_video("one", complete=True, duration=61)]),
    "a video found by another keyword": lambda entry: store(
        KeyWordEntry.objects.create(keyword="other"), found_video("one", title="Another title")
    ),
    "a stream that is gone": lambda entry: lose_stream("one"),
    "another spelling": lambda entry: respell(entry, "PYTHON"),
}


NO_CHANGES: dict[str, Callable[[KeyWordEntry], Any]] = {
    "a fetch that finds nothing": lambda entry: store(entry),
    "a fetch that finds what is known": lambda entry: store(entry, found_video("one"), found_video("two")),
    "a completion without news": lambda entry: storing.update([found_video("one")]),
    "videos that are left out of a response": lambda entry: [blanking.record_missing(["one"]) for _ in range(2)],
    "the nightly check of counts": lambda entry: verify_counts(),
    "the keyword's weight": lambda entry: reweigh(entry, 7),
    "a keyword without videos is erased": lambda entry: erasing.erase(
        KeyWordEntry.including_deleted.get(state=KeyWordEntry.State.DELETING)
    ),
}


def lose_stream(video_id: str) -> None:
    Video.objects.filter(pk=video_id).update(live_state=Video.LiveState.LIVE)
    for _ in range(2):
        blanking.record_missing([video_id])


def reweigh(entry: KeyWordEntry, weight: int) -> None:
    entry.weight = weight
    entry.save()


def respell(entry: KeyWordEntry, spelling: str) -> None:
    entry.keyword = spelling
    entry.save()


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("change", CHANGES)
def test_after_any_change_the_list_is_sent(client: Client, python: KeyWordEntry, change: str, address: str) -> None:
    with time_machine.travel(NOON + timedelta(days=8), tick=False):  # the clock does not even move
        first = client.get(address)
        CHANGES[change](python)
        second = again(client, first)

    assert second.status_code == 200
    assert second["ETag"] != first["ETag"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("no_change", NO_CHANGES)
def test_what_lists_do_not_show_moves_nothing(
    client: Client, python: KeyWordEntry, no_change: str, address: str
) -> None:
    KeyWordEntry.objects.create(keyword="no videos").delete()
    first = client.get(address)
    NO_CHANGES[no_change](python)
    assert again(client, first).status_code == 304


@pytest.mark.parametrize(("address", "kept"), [("/api/videos/", "count"), (KEYWORD, "video_count")])
def test_a_corrected_count_is_sent(client: Client, address: str, kept: str) -> None:
    rows: Any = VideoTotal.objects if kept == "count" else KeyWordEntry.objects
    rows.update(**{kept: 7})
    first = client.get(address)
    assert first.json()["count"] == 7
    verify_counts()
    assert again(client, first).json()["count"] == 2


def test_a_shared_video_of_which_the_first_keyword_is_erased(client: Client, python: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="other")
    store(other, found_video("one"))
    first = client.get("/api/videos/one/")
    python.delete()
    erasing.erase(KeyWordEntry.including_deleted.get(pk=python.pk))

    assert again(client, first).json()["keyword_text"] == "other"


def test_a_keyword_that_is_added_again_has_a_new_list(client: Client, python: KeyWordEntry) -> None:
    first = client.get(KEYWORD)
    python.delete()
    KeyWordEntry.objects.create(keyword="python")
    assert again(client, first).json()["count"] == 0


def test_a_deleted_keyword_is_a_404_at_once(client: Client, python: KeyWordEntry) -> None:
    first = client.get(KEYWORD)
    python.delete()
    assert again(client, first).status_code == 404


@pytest.mark.parametrize("address", ADDRESSES[:4])
def test_a_writer_that_commits_meanwhile(client: Client, python: KeyWordEntry, address: str, monkeypatch: Any) -> None:
    """The response must not carry the validators of a state that it does not show."""
    paginate = VideoPages.paginate_queryset

    @contextmanager
    def storing_when(before: bool) -> Any:
        def storing_too(self: VideoPages, *args: Any, **kwargs: Any) -> Any:
            if before:
                store(python, found_video("meanwhile"))
            page = paginate(self, *args, **kwargs)
            if not before:
                store(python, found_video("meanwhile"))
            return page

        with monkeypatch.context() as patch:
            patch.setattr(VideoPages, "paginate_queryset", storing_too)
            yield

    for before in (True, False):
        Match.objects.filter(video="meanwhile").delete()
        Video.objects.filter(pk="meanwhile").delete()
        with storing_when(before):
            first = client.get(address)
        assert again(client, first).status_code == 200


def test_the_first_video_of_all(client: Client) -> None:
    erased = KeyWordEntry.objects.get()
    erased.delete()
    erasing.erase(erased)
    VideoTotal.objects.all().delete()
    entry = KeyWordEntry.objects.create(keyword="python")

    for address in ADDRESSES[:4]:
        assert client.get(address).json()["count"] == 0
    first = client.get("/api/videos/")
    store(entry, found_video("one"))
    assert again(client, first).json()["count"] == 1


@pytest.mark.parametrize("address", ADDRESSES)
def test_last_modified(client: Client, python: KeyWordEntry, address: str) -> None:
    with time_machine.travel(NOON + timedelta(days=8), tick=False) as clock:
        store(python, found_video("three"))
        clock.shift(5)
        first = client.get(address)
        assert parse_http_date(first["Last-Modified"]) == int((NOON + timedelta(days=8)).timestamp())
        assert client.get(address, headers={"If-Modified-Since": first["Last-Modified"]}).status_code == 304

        clock.shift(5)
        storing.update([found_video("one", title="Another title")])
        clock.shift(5)
        assert client.get(address, headers={"If-Modified-Since": first["Last-Modified"]}).status_code == 200


def test_two_changes_in_one_second_have_different_dates(client: Client, python: KeyWordEntry) -> None:
    with time_machine.travel(NOON + timedelta(days=8), tick=False) as clock:
        store(python, found_video("three"))
        first = client.get(KEYWORD)
        store(python, found_video("four"))

        # No response is dated into the future; until then it has no date.
        second = client.get(KEYWORD, headers={"If-Modified-Since": first["Last-Modified"]})
        assert (second.status_code, "Last-Modified" in second) == (200, False)

        clock.shift(1)
        third = client.get(KEYWORD, headers={"If-Modified-Since": first["Last-Modified"]})
        assert third.status_code == 200
        assert parse_http_date(third["Last-Modified"]) == parse_http_date(first["Last-Modified"]) + 1


def test_a_tag_counts_more_than_a_date(client: Client, python: KeyWordEntry) -> None:
    first = client.get(KEYWORD)
    headers = {"If-None-Match": '"another"', "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert client.get(KEYWORD, headers=headers).status_code == 200
    headers = {"If-None-Match": f'"another", {first["ETag"]}', "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
    assert client.get(KEYWORD, headers=headers).status_code == 304


@pytest.mark.parametrize("tag", ["", "*x", '"', 'W/"', "W/W/W/", '"\x7f"', "," * 2000])
def test_tags_that_are_none(client: Client, tag: str) -> None:
    assert client.get(KEYWORD, headers={"If-None-Match": tag, "If-Modified-Since": tag}).status_code == 200


@pytest.mark.parametrize("address", [f"{KEYWORD}?page=9", "/api/videos/?page_size=x", "/api/videos/none/"])
def test_errors_are_sent_again(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code in (400, 404)
    assert "Last-Modified" not in answer
    assert again(client, answer).content == answer.content


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("address", [f"{KEYWORD}?page=9", "/api/videos/?cursor=x", "/api/videos/none/"])
def test_what_does_not_exist_meets_no_condition(client: Client, address: str, method: str) -> None:
    expected = client.get(address).status_code
    assert expected in (400, 404)
    future, past = "Fri, 01 Jan 2100 00:00:00 GMT", "Fri, 02 Jan 1970 00:00:00 GMT"
    for headers in [
        {"If-None-Match": "*"},
        {"If-Modified-Since": future},
        {"If-Match": "*"},
        {"If-Match": '"another"'},
        {"If-Unmodified-Since": past},
    ]:
        assert getattr(client, method)(address, headers=headers).status_code == expected, headers


@pytest.mark.parametrize("address", ADDRESSES)
def test_conditions_on_what_exists(client: Client, address: str) -> None:
    with time_machine.travel(NOON + timedelta(days=8), tick=False):
        assert client.get(address, headers={"If-None-Match": "*"}).status_code == 304
        assert client.get(address, headers={"If-Match": "*"}).status_code == 200
        assert client.get(address, headers={"If-Match": '"another"'}).status_code == 412
        assert client.get(address, headers={"If-Unmodified-Since": "Fri, 02 Jan 1970 00:00:00 GMT"}).status_code == 412


@pytest.mark.parametrize(
    "date", ["", "x", "*", "0", "Fri, 31 Feb 2100 00:00:00 GMT", "Fri, 01 Jan 99999 00:00:00 GMT", "\x7f", "9" * 5000]
)
@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since"])
def test_dates_that_are_none(client: Client, header: str, date: str) -> None:
    assert client.get(KEYWORD, headers={header: date}).status_code == 200


@pytest.mark.parametrize(
    ("sign_in", "value"), [("off", "no-cache"), ("write", "no-cache"), ("all", "no-cache, private")]
)
def test_caches_have_to_ask(admin_client: Client, settings: Any, sign_in: str, value: str) -> None:
    settings.SIGN_IN = sign_in
    answer = admin_client.get(KEYWORD)
    assert answer["Cache-Control"] == value
    assert "Cookie" in answer["Vary"]


def test_who_may_not_read_learns_nothing(client: Client, settings: Any) -> None:
    first = client.get(KEYWORD)
    settings.SIGN_IN = "all"
    assert again(client, first).status_code == 401


@pytest.mark.parametrize("address", ["/api/keywords/", "/api/logs/"])
def test_other_lists_are_not_sent_again_either(client: Client, python: KeyWordEntry, address: str) -> None:
    python.logs.create(keyword_text="python", method=VideoFetchMethod.YOUTUBE)
    first = client.get(address)
    assert again(client, first).status_code == 304
    KeyWordEntry.objects.update(video_count=3)
    python.logs.update(number_found=3)
    assert again(client, first).status_code == 200


def test_chores_that_change_nothing_change_no_tag(client: Client, sent: list[tuple]) -> None:
    tag = client.get("/api/videos/")["ETag"]
    sent.clear()
    tasks.erase_deleted()
    assert client.get("/api/videos/")["ETag"] == tag
    assert sent == [], "no plan is requested either"
