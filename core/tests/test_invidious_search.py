"""A search through Invidious over HTTP, against the simulator and unusual responses."""

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import SourceBlocked, SourceUnavailable
from core.found_video import FoundVideo
from core.invidious_api import search_videos
from core.tests.conftest import NOW, FakeServer, anything, assert_plausible, recording
from simulator import Clock, Simulator, World
from simulator.content import Broadcast

HOUR = timedelta(hours=1)
YOUTUBE_SAID = "non 200 status code. Youtube API returned status code"


def item(video_id: str = "abcdefghijk", **more: Any) -> dict[str, Any]:
    return {
        "type": "video",
        "title": "A kestrel over the field",
        "videoId": video_id,
        "author": "Field notes",
        "authorId": "UCabcdefghijklmnopqrstuv",
        "videoThumbnails": [{"quality": "high", "url": f"/vi/{video_id}/hqdefault.jpg"}],
        "description": "It hangs in the wind ...",
        "viewCount": 1234567,
        "published": int((NOW - HOUR).timestamp()),
        "lengthSeconds": 213,
        "liveNow": False,
        "isUpcoming": False,
        **more,
    }


def found(server: FakeServer, one: dict[str, Any]) -> FoundVideo:
    server.respond([one])
    (video,) = search_videos("kestrel", instance=server.url)
    return video


def test_it_works(simulator: Simulator) -> None:
    published = NOW - timedelta(hours=2, minutes=50)
    simulator.world.publish("kestrel", published_at=published, video_id="handmade-01", title="A &amp; B", duration=213)
    videos = search_videos("kestrel", instance=simulator.invidious_url)
    dates = [video.published_at for video in videos]
    assert dates == sorted(dates, reverse=True)
    assert len({video.video_id for video in videos}) == len(videos) > 20, "two pages, each video once"
    (video,) = [video for video in videos if video.video_id == "handmade-01"]
    assert video.published_at == NOW - 2 * HOUR, "a guess: the true time lies up to an hour earlier"
    assert (video.published_exact, video.complete) == (False, False)
    assert (video.title, video.duration) == ("A &amp; B", 213)
    assert video.thumbnail == "https://i.ytimg.com/vi/handmade-01/hqdefault.jpg"


def test_it_always_asks_for_videos(fake_server: FakeServer) -> None:
    fake_server.respond([item()])
    search_videos("user:someone c++ 日本", instance=fake_server.url)
    assert [(asked["q"], asked["type"], asked["date"], asked["page"]) for asked in fake_server.asked] == [
        ("user:someone c++ 日本", "video", "today", "1"),
        ("user:someone c++ 日本", "video", "today", "2"),
    ]


def test_it_handles_operators_in_a_keyword(simulator: Simulator) -> None:
    simulator.world.publish(
        "kestrel", published_at=NOW - HOUR, video_id="handmade-01", title="user:kestrel", description=""
    )
    videos = search_videos("user:kestrel", instance=simulator.invidious_url)
    assert "handmade-01" in [video.video_id for video in videos]


def test_it_handles_nothing_found(fake_server: FakeServer) -> None:
    fake_server.respond([])
    assert search_videos("kestrel", instance=fake_server.url) == []
    assert len(fake_server.asked) == 1, "an empty page is the last"


def test_it_handles_the_same_video_on_both_pages(fake_server: FakeServer) -> None:
    fake_server.respond([item(), item("zyxwvutsrqp", published=int(NOW.timestamp())), item()])
    assert [video.video_id for video in search_videos("kestrel", instance=fake_server.url)] == [
        "zyxwvutsrqp",
        "abcdefghijk",
    ]


def test_it_handles_more_items_than_a_page_can_have(fake_server: FakeServer) -> None:
    fake_server.respond([item(f"{number:011}") for number in range(120)])
    assert len(search_videos("kestrel", instance=fake_server.url)) == 100


def test_it_handles_items_that_are_no_videos(fake_server: FakeServer) -> None:
    fake_server.respond(
        [
            {"type": "channel", "author": "Field notes", "authorId": "UCabcdefghijklmnopqrstuv"},
            {"type": "playlist", "title": "Kestrels", "playlistId": "PL1", "videos": [item()]},
            {"type": "hashtag", "title": "#kestrel"},
            {"type": "parse-error", "errorMessage": "Missing hash key", "errorBacktrace": "src/extractors.cr"},
            *({**item(), "videoId": wrong} for wrong in (None, 5, "", "short", "abcdefghijk\n", "abcdefghij/")),
            {},
            None,
            "video",
            [item()],
            item("-the_video-"),
        ]
    )
    assert [video.video_id for video in search_videos("kestrel", instance=fake_server.url)] == ["-the_video-"]


@pytest.mark.parametrize("more", [[], [{"type": "channel", "author": "Field notes"}]])
def test_it_handles_an_instance_that_can_read_nothing(fake_server: FakeServer, more: list[Any]) -> None:
    error = {"type": "parse-error", "errorMessage": "Missing hash key", "errorBacktrace": "src/extractors.cr"}
    fake_server.respond([error, *more])
    with pytest.raises(SourceUnavailable, match="could not read"):
        search_videos("kestrel", instance=fake_server.url)


@pytest.mark.parametrize("wrong", [{"videoId": None}, {"videoId": "short"}, {"type": None}, {"type": 5}])
def test_items_that_cannot_be_read_are_not_an_empty_result(fake_server: FakeServer, wrong: dict[str, Any]) -> None:
    fake_server.respond([{**item(), **wrong}] * 20)
    with pytest.raises(SourceUnavailable, match="could not read"):
        search_videos("kestrel", instance=fake_server.url)


def test_it_handles_an_instance_with_parse_errors_and_relative_thumbnails() -> None:
    world = World(seed=7, started_at=NOW, index_delay=0, rates={"kestrel": 2.0})
    clock = Clock(NOW, frozen=True)
    with Simulator(world, clock=clock, parse_errors=True, relative_thumbnails=True) as simulator:
        videos = search_videos("kestrel", instance=simulator.invidious_url)
    assert 20 < len(videos) < 40
    assert {video.thumbnail for video in videos} == {
        f"https://i.ytimg.com/vi/{video.video_id}/hqdefault.jpg" for video in videos
    }


def test_it_handles_a_live_video(simulator: Simulator) -> None:
    times = Broadcast(planned=0, started=0, ended=6 * 3600)
    simulator.world.publish("kestrel", published_at=NOW - 3 * HOUR, video_id="handmade-01", broadcast=times)
    videos = search_videos("kestrel", instance=simulator.invidious_url)
    (video,) = [video for video in videos if video.video_id == "handmade-01"]
    assert video.published_at == NOW, "it says now, whenever it began"
    assert (video.duration, video.view_count) == (None, None), "0 means that it does not know"


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({"liveNow": True}, "live"),
        ({"isUpcoming": True, "premiereTimestamp": 0}, "upcoming"),
        ({"liveNow": "yes", "isUpcoming": 1}, "none"),
    ],
)
def test_it_reads_the_live_state(fake_server: FakeServer, flags: dict[str, Any], state: str) -> None:
    assert found(fake_server, item(**flags)).live_state == state


@pytest.mark.parametrize(
    "published", [None, "yesterday", 1.5, [], 10**18, -(10**18), 10**400, 0, -1, True, 10**9, 10**10]
)
@time_machine.travel(NOW, tick=False)
def test_it_takes_now_for_a_date_it_cannot_read(fake_server: FakeServer, published: Any) -> None:
    video = found(fake_server, item(published=published))
    assert (video.published_at, video.published_exact, video.ignored) == (NOW, False, published is not None)


def test_it_handles_wrong_types(fake_server: FakeServer) -> None:
    wrong = dict.fromkeys(["title", "author", "authorId", "videoThumbnails", "description"], 5)
    video = found(fake_server, item(**wrong, viewCount="many", lengthSeconds=True, isUpcoming=None))
    assert (video.title, video.description, video.channel_id, video.channel_title) == ("", "", "", "")
    assert (video.duration, video.view_count, video.live_state) == (None, None, "none")
    video = found(fake_server, item(title="a\x00b\ud800", viewCount=2**63, lengthSeconds=-1))
    assert (video.title, video.duration, video.view_count) == ("ab", None, None)


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (200, b"<!doctype html><title>You are a bot?</title>", {"Content_Type": "text/html"}, SourceBlocked),
        (200, {"error": "This endpoint has been disabled"}, {}, SourceBlocked),
        (200, "text", {}, SourceBlocked),
        (200, None, {}, SourceBlocked),
        (200, b"", {}, SourceUnavailable),
        (200, b"[{", {}, SourceUnavailable),
        (200, b"[" * 100_000, {}, SourceUnavailable),
        (200, b"\xff\xfe[]", {}, SourceUnavailable),
        (200, b"\x80" * 100_000, {"Content_Type": "application/json; charset=punycode"}, SourceUnavailable),
        (200, b"no gzip", {"Content_Encoding": "gzip"}, SourceUnavailable),
        (200, b"[]", {"Content_Length": "1000"}, SourceUnavailable),
        (302, b"", {"Location": "http://127.0.0.1:1/"}, SourceBlocked),
        (302, b"", {"Location": "http://[nowhere"}, SourceUnavailable),
        (400, {"error": f"Error: {YOUTUBE_SAID} 429. See <a href='https://github.com/iv-org'>"}, {}, SourceBlocked),
        (400, {"error": f"Error: {YOUTUBE_SAID} 404."}, {}, SourceUnavailable),
        (400, {"error": f"Error: {YOUTUBE_SAID} 4290."}, {}, SourceUnavailable),
        (400, {"error": "<b>Missing hash key</b>", "errorBacktrace": "src/invidious.cr"}, {}, SourceUnavailable),
        (400, {"error": 5}, {}, SourceUnavailable),
        (400, {"error": [f"{YOUTUBE_SAID} 429"]}, {}, SourceUnavailable),
        (400, [f"{YOUTUBE_SAID} 429"], {}, SourceUnavailable),
        (400, b"<html>Bad Request</html>", {"Content_Type": "text/html"}, SourceUnavailable),
        (400, b"[" * 100_000, {}, SourceUnavailable),
        (401, b"<html>Who are you?</html>", {"Content_Type": "text/html"}, SourceBlocked),
        (403, {"error": "This API endpoint has been disabled by the administrator."}, {}, SourceBlocked),
        (403, b"<html>Forbidden</html>", {"Content_Type": "text/html"}, SourceBlocked),
        (404, b"<html>Not Found</html>", {"Content_Type": "text/html"}, SourceUnavailable),
        (407, b"", {}, SourceBlocked),
        (429, b"slow", {}, SourceBlocked),
        (429, b"<html>Too Many Requests</html>", {"Content_Type": "text/html"}, SourceBlocked),
        (500, {"error": "x", "errorBacktrace": "y"}, {}, SourceUnavailable),
        (502, b"<html>Bad Gateway</html>", {"Content_Type": "text/html"}, SourceUnavailable),
    ],
)  # fmt: skip
def test_it_handles_invalid_responses(
    fake_server: FakeServer, status: int, body: Any, headers: dict[str, str], expected: type[Exception]
) -> None:
    fake_server.respond(body, status, **headers)
    with pytest.raises(expected) as caught:
        search_videos("kestrel", instance=fake_server.url)
    assert type(caught.value) is expected
    assert caught.value.http_status in (status, None)
    assert getattr(caught.value, "cooldown", HOUR) == HOUR
    assert "<" not in str(caught.value)
    fake_server.respond([item()])
    assert search_videos("kestrel", instance=fake_server.url), "the next call works"


def test_it_handles_a_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(SourceUnavailable) as caught:
            search_videos("kestrel", instance=f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert caught.value.http_status is None


def test_it_reads_a_page_with_items_of_all_kinds(fake_server: FakeServer) -> None:
    page = recording("invidious/search_page.json")
    fake_server.respond(page)
    videos = search_videos("kestrel", instance=fake_server.url)
    listed = [one for one in page if one["type"] == "video"]
    assert {video.video_id for video in videos} == {one["videoId"] for one in listed} != set()
    for video in videos:
        (one,) = [one for one in listed if one["videoId"] == video.video_id]
        assert (video.title, video.channel_title) == (one["title"], one["author"])
        assert video.published_at == datetime.fromtimestamp(one["published"], UTC)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(item(), anything)).map(lambda one: item(**one))))
def test_any_items_are_a_result(fake_server: FakeServer, items: list[Any]) -> None:
    fake_server.respond(items)
    try:
        videos = search_videos("kestrel", instance=fake_server.url, pages=1)
    except SourceUnavailable:
        assert ("video", item()["videoId"]) not in [(one["type"], one["videoId"]) for one in items]
        return
    for video in videos:
        assert video.published_at.tzinfo is UTC
        assert_plausible(video)
        f"{video}".encode()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.sampled_from([200, 400, 403, 404, 429, 500]),
    content=anything | st.builds(lambda e: {"error": e}, anything),
)
@example(200, [{"type": "parse-error"}])
@example(400, {"error": "\x00<b>"})
def test_any_json_is_a_result_or_a_source_error(fake_server: FakeServer, status: int, content: Any) -> None:
    fake_server.respond(content, status)
    try:
        search_videos("kestrel", instance=fake_server.url, pages=1)
    except (SourceUnavailable, SourceBlocked):
        return
    assert status == 200
    assert isinstance(content, list)
