"""A search of YouTube over HTTP, against the simulator and unusual responses."""

import gzip
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import SourceError, SourceUnavailable
from core.found_video import LIVE_STATES, FoundVideo
from core.tests.conftest import KEY, NOW, FakeServer, anything, assert_plausible, recording, search_item
from core.youtube_api import SearchPage, list_videos, search_videos
from simulator import Simulator

YT = "https://i.ytimg.com"


def search(server: FakeServer, items: list[Any], **more: Any) -> SearchPage:
    """Search with these items in the response."""
    server.respond({"kind": "youtube#searchListResponse", "items": items, **more})
    return search_videos(KEY, "kestrel", endpoint=server.url)


def found(server: FakeServer, item: dict[str, Any]) -> FoundVideo:
    (video,) = search(server, [item]).videos
    return video


def test_it_works(simulator: Simulator) -> None:
    published = NOW - timedelta(hours=1, seconds=7)
    title = """It's "wind" & the entity &amp; that is meant"""
    simulator.world.publish("kestrel", published_at=published, video_id="handmade-01", title=title)
    page = search_videos(
        KEY,
        "kestrel",
        endpoint=simulator.youtube_url,
        published_after=NOW - timedelta(hours=2),
        thumbnail_origins=[simulator.url],
    )
    (video,) = [video for video in page.videos if video.video_id == "handmade-01"]
    assert video.title == title, "unescaped once, not twice"
    assert (video.published_at, video.published_exact, video.complete) == (published, True, False)
    assert (video.duration, video.view_count) == (None, None)
    assert video.thumbnail == f"{simulator.url}/vi/handmade-01/hqdefault.jpg"
    assert video.channel_id.startswith("UC")
    assert video.channel_title
    assert simulator.projects.spent("birds", "search", NOW) == 1


def test_it_handles_many_pages(simulator: Simulator) -> None:
    first = search_videos(KEY, "kestrel", endpoint=simulator.youtube_url)
    assert (len(first.videos), first.more, bool(first.next_page_token)) == (50, True, True)
    second = search_videos(KEY, "kestrel", endpoint=simulator.youtube_url, page_token=first.next_page_token)
    assert not {video.video_id for video in first.videos} & {video.video_id for video in second.videos}


def test_it_handles_a_window(simulator: Simulator) -> None:
    after, before = NOW - timedelta(days=3), NOW - timedelta(days=2)
    page = search_videos(KEY, "kestrel", endpoint=simulator.youtube_url, published_after=after, published_before=before)
    known = simulator.world.search("kestrel", NOW, published_after=after, published_before=before)
    assert {video.video_id for video in page.videos} == {video.video_id for video in known} != set()
    assert (page.more, page.next_page_token) == (False, None)


def test_it_asks_for_dates_with_a_zone(fake_server: FakeServer) -> None:
    fake_server.respond({"items": []})
    summer_time = timezone(timedelta(hours=-7))
    search_videos(
        KEY,
        "boating|sailing -fishing c++ 日本",
        endpoint=fake_server.url,
        published_after=datetime(2026, 6, 1, 17, 0, 0, 999_999, summer_time),
        published_before=datetime(2026, 6, 2, 1, tzinfo=UTC),
    )
    (asked,) = fake_server.asked
    assert asked["q"] == "boating|sailing -fishing c++ 日本"
    assert (asked["publishedAfter"], asked["publishedBefore"]) == ("2026-06-02T00:00:00Z", "2026-06-02T01:00:00Z")
    assert (asked["type"], asked["order"], asked["maxResults"]) == ("video", "date", "50")
    assert "pageToken" not in asked


def test_it_handles_nothing_found(fake_server: FakeServer) -> None:
    assert search(fake_server, []) == SearchPage(videos=(), more=False, next_page_token=None)
    fake_server.respond({"kind": "youtube#searchListResponse", "pageInfo": {"totalResults": 0}})
    assert search_videos(KEY, "kestrel", endpoint=fake_server.url).videos == ()


def test_it_handles_items_that_are_no_videos(fake_server: FakeServer) -> None:
    nameless = search_item()
    del nameless["id"]["videoId"]
    channel = search_item() | {"id": {"kind": "youtube#channel", "channelId": "UCabcdefghijklmnopqrstuv"}}
    playlist = search_item("PLabcdefghijklmnopqrstuvwxyz01234")
    others = [nameless, channel, playlist, {}, None, 5, [], {"id": "x", "snippet": 1}]
    assert [video.video_id for video in search(fake_server, [*others, search_item("-the_video-")]).videos] == [
        "-the_video-"
    ]


def test_it_counts_all_items_of_a_full_page(fake_server: FakeServer) -> None:
    channel = search_item() | {"id": {"kind": "youtube#channel", "channelId": "UCabcdefghijklmnopqrstuv"}}
    page = search(fake_server, [search_item(), channel] * 25, nextPageToken="CDIQAA")
    assert (len(page.videos), page.more, page.next_page_token) == (25, True, "CDIQAA")
    assert not search(fake_server, [search_item()] * 49).more


@pytest.mark.parametrize("token", [None, "", 5, ["CDIQAA"], "\ud83d"])
def test_it_handles_a_page_token_that_is_none(fake_server: FakeServer, token: Any) -> None:
    assert search(fake_server, [], nextPageToken=token).next_page_token is None


def test_it_keeps_what_youtube_repeats(fake_server: FakeServer) -> None:
    assert len(search(fake_server, [search_item(), search_item()]).videos) == 2


@pytest.mark.parametrize(
    ("escaped", "title"),
    [
        ("I&#39;ve &amp; &quot;you&quot;", """I've & "you\""""),
        ("a literal &amp;amp; stays", "a literal &amp; stays"),
        ("&lt;3 & raw", "<3 & raw"),
        ("NUL \x00 and &#0; go", "NUL  and \ufffd go"),
        ("half \ud83d an emoji", "half  an emoji"),
        ("a whole \U0001f426 and\u200d\u202ebidi", "a whole \U0001f426 and\u200d\u202ebidi"),
        ("x" * 501, "x" * 500),
        ("&quot;" * 501, '"' * 500),
        (f"a bird &#{'9' * 5000};", "a bird \ufffd"),  # Python refuses to read so long a number
        (None, ""),
        (5, ""),
    ],
)
def test_it_unescapes_titles(fake_server: FakeServer, escaped: Any, title: str) -> None:
    video = found(fake_server, search_item(title=escaped))
    assert video.title == title
    video.title.encode()


def test_it_takes_other_texts_as_they_are(fake_server: FakeServer) -> None:
    video = found(fake_server, search_item(description="a &amp; b\x00\udfff", channelTitle="Q&amp;A", channelId=None))
    assert (video.description, video.channel_title, video.channel_id) == ("a &amp; b", "Q&amp;A", "")


@pytest.mark.parametrize(
    "written",
    ["2026-11-22T11:00:00Z", "2026-11-22T11:00:00.000Z", "2026-11-22T11:00:00+00:00", "2026-11-22T12:00+01:00"],
)
def test_it_reads_dates(fake_server: FakeServer, written: str) -> None:
    published_at = found(fake_server, search_item(publishedAt=written)).published_at
    assert published_at == datetime(2026, 11, 22, 11, tzinfo=UTC)
    assert published_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("thumbnails", "chosen"),
    [
        ({"default": {"url": f"{YT}/d"}, "high": {"url": f"{YT}/h"}, "maxres": {"url": f"{YT}/m"}}, f"{YT}/h"),
        ({"default": {"url": f"{YT}/d"}, "medium": {"url": f"{YT}/m", "width": None}}, f"{YT}/m"),
        ({"default": {"url": f"{YT}/d"}, "high": {"url": "javascript:1"}, "medium": {}}, f"{YT}/d"),
        ({"default": {"url": f"{YT}/d"}, "high": {"url": "https://elsewhere.example/h"}}, f"{YT}/d"),
        ({"shortsAspectRatio": {"url": f"{YT}/s"}, "uhd": {"url": f"{YT}/u"}}, None),
        ({"high": {"url": f"{YT}/" + "h" * 500}}, None),
        ({"high": {"url": "http://i.ytimg.com/h"}}, None),
        ({"high": {"url": "https://i.ytimg.com@elsewhere.example/h"}}, None),
        ({"high": {"url": "https://i.ytimg.com.elsewhere.example/h"}}, None),
        ({"high": {"url": "https://i.ytimg.com:444/h"}}, None),
        ({"high": {"url": "https://[i.ytimg.com/h"}}, None),
        ({"high": {"url": f"{YT}/h\nx"}}, None),
        ({"high": f"{YT}/h"}, None),
        ({"high": None}, None),
        ([], None),
        (None, None),
    ],
)  # fmt: skip
def test_it_chooses_a_thumbnail(fake_server: FakeServer, thumbnails: Any, chosen: str | None) -> None:
    video = found(fake_server, search_item(thumbnails=thumbnails))
    assert video.thumbnail == (chosen or "https://i.ytimg.com/vi/abcdefghijk/hqdefault.jpg")


@pytest.mark.parametrize(
    ("value", "state"),
    [*((state, state) for state in LIVE_STATES), ("new", "none"), ({}, "none"), (None, "none")],
)
def test_it_reads_the_live_state(fake_server: FakeServer, value: Any, state: str) -> None:
    assert found(fake_server, search_item(liveBroadcastContent=value)).live_state == state


def test_it_takes_thumbnails_only_from_where_pages_show_them(fake_server: FakeServer) -> None:
    fake_server.respond({"items": [search_item(thumbnails={"high": {"url": f"{fake_server.url}/h"}})]})
    (other,) = search_videos(KEY, "kestrel", endpoint=fake_server.url).videos
    assert other.thumbnail == f"{YT}/vi/abcdefghijk/hqdefault.jpg"
    (shown,) = search_videos(KEY, "kestrel", endpoint=fake_server.url, thumbnail_origins=[fake_server.url]).videos
    assert shown.thumbnail == f"{fake_server.url}/h"


HALF = json.dumps({"items": [search_item()]}).encode()[:-10]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<!doctype html><title>Please wait</title>", {"Content_Type": "text/html; charset=utf-8"}),
        (HALF, {}),
        (b"", {}),
        (b"\xff\xfe", {}),
        (b"[" * 100_000, {}),
        ([search_item()], {}),
        ("items", {}),
        (None, {}),
        ({}, {}),
        ({"error": "elsewhere"}, {}),
        ({"items": {"0": search_item()}}, {}),
        ({"kind": "youtube#searchListResponse", "items": None}, {}),
        (b"this is not gzip", {"Content_Encoding": "gzip"}),
        (gzip.compress(HALF, mtime=0)[:40], {"Content_Encoding": "gzip"}),
        (HALF, {"Content_Length": "100000"}),
    ],
)  # fmt: skip
def test_it_handles_200_without_a_valid_body(fake_server: FakeServer, body: Any, headers: dict[str, str]) -> None:
    fake_server.respond(body, **headers)
    with pytest.raises(SourceUnavailable):
        search_videos(KEY, "kestrel", endpoint=fake_server.url)
    assert search(fake_server, [search_item()]).videos, "the next call works"


def test_it_handles_204(fake_server: FakeServer) -> None:
    fake_server.respond(b"", 204)
    with pytest.raises(SourceUnavailable):
        search_videos(KEY, "kestrel", endpoint=fake_server.url)


@pytest.mark.parametrize("kind", ["status_500", "status_503", "reset", "html_200", "truncated_json"])
def test_it_handles_a_fault_and_goes_on(simulator: Simulator, kind: str) -> None:
    simulator.faults.add("youtube", kind)
    with pytest.raises(SourceUnavailable) as caught:
        search_videos(KEY, "kestrel", endpoint=simulator.youtube_url)
    assert KEY not in repr(caught.value)
    assert search_videos(KEY, "kestrel", endpoint=simulator.youtube_url).videos
    assert simulator.projects.spent("birds", "search", NOW) == 2, "one call is one search"


def test_it_handles_a_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(SourceUnavailable, match="could not be reached") as caught:
            search_videos(KEY, "kestrel", endpoint=f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert caught.value.http_status is None


def test_it_handles_eight_threads(simulator: Simulator) -> None:
    ids = [video.video_id for video in simulator.world.search("kestrel", NOW)[:8]]

    def ten_calls(video_id: str) -> list[str]:
        answers = [list_videos(KEY, [video_id], endpoint=simulator.youtube_url) for _ in range(10)]
        return [video.video_id for videos in answers for video in videos]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ten_calls, ids)) == [[video_id] * 10 for video_id in ids]


@pytest.mark.parametrize(
    ("name", "videos"),
    [
        ("search_by_keywords_p1", 25),
        ("search_by_keywords_p2", 25),
        ("search_by_location", 5),
        ("search_by_developer", 5),
        ("search_by_related_video", 5),
        ("search_videos_by_channel", 5),
        ("search_channels", 0),
    ],
)
def test_it_reads_recorded_searches(fake_server: FakeServer, name: str, videos: int) -> None:
    recorded = recording(f"youtube/recorded/search/{name}.json")
    fake_server.respond(recorded)
    page = search_videos(KEY, "kestrel", endpoint=fake_server.url)
    assert len(page.videos) == videos
    assert page.next_page_token == recorded.get("nextPageToken")
    for video, item in zip(page.videos, recorded["items"], strict=bool(videos)):
        snippet = item["snippet"]
        assert video.video_id == item["id"]["videoId"]
        assert video.published_at == datetime.fromisoformat(snippet["publishedAt"])
        assert (video.description, video.channel_id) == (snippet["description"], snippet["channelId"])
        assert video.thumbnail == snippet["thumbnails"]["high"]["url"]
        assert not {"&#39;", "&amp;", "&quot;"} & set(video.title.split())


STARTS = ["actualStartTime", "scheduledStartTime", "actualEndTime"]
parts = [
    *("publishedAt", "title", "description", "thumbnails", "channelId", "channelTitle", "tags"),
    "liveBroadcastContent",
]
dates = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | st.sampled_from(
    ["2026-11-22T11:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026"]
)
snippets = st.fixed_dictionaries({"publishedAt": dates | anything}, optional=dict.fromkeys(parts[1:], anything))
items = st.fixed_dictionaries(
    {"id": st.just("abcdefghijk") | st.just({"videoId": "abcdefghijk"}) | anything, "snippet": snippets | anything},
    optional={
        "contentDetails": st.fixed_dictionaries({"duration": anything}) | anything,
        "statistics": st.fixed_dictionaries({"viewCount": anything}) | anything,
        "liveStreamingDetails": anything | st.fixed_dictionaries({}, optional=dict.fromkeys(STARTS, dates | anything)),
    },
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listed=st.lists(items | anything, max_size=4) | anything, token=anything)
@example(listed=[search_item() | {"id": "abcdefghijk", "contentDetails": {"duration": f"PT{'1' * 5000}S"}}], token=None)
def test_any_items_are_a_result_or_a_source_error(fake_server: FakeServer, listed: Any, token: Any) -> None:
    fake_server.respond({"items": listed, "nextPageToken": token})
    sent = [item.get("id") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    for call, video_id in [
        (lambda: search_videos(KEY, "kestrel", endpoint=fake_server.url).videos, {"videoId": "abcdefghijk"}),
        (lambda: list_videos(KEY, ["abcdefghijk"], endpoint=fake_server.url), "abcdefghijk"),
    ]:
        try:
            videos = call()
        except SourceError:
            assert video_id not in sent
            continue
        for video in videos:
            assert video.video_id == "abcdefghijk"
            assert video.published_at.utcoffset() == timedelta(0)
            assert_plausible(video)
            assert "\x00" not in video.title + video.description + video.channel_title + video.channel_id
            f"{video}".encode()


def test_it_does_not_repeat_a_request_whose_connection_closes() -> None:
    """httplib2 would repeat the request by itself, and use a search that was not reserved."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = []

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                asked.append(connection.recv(4096))
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(SourceUnavailable):
            search_videos("good-key", "kestrel", endpoint=f"http://127.0.0.1:{server.getsockname()[1]}")
        assert len(asked) == 1


NO_IDS = [None, "", 7, True, [], {}, "an id", {"videoId": None}, {"videoId": "an id"}, {"kind": "youtube#video"}]


@pytest.mark.parametrize(
    "items", [[{"foo": 1}] * 40, ["text", None], [[]], *([search_item() | {"id": no_id}] * 50 for no_id in NO_IDS)]
)
def test_items_of_which_none_has_an_id_are_an_unreadable_answer(fake_server: Any, items: list[Any]) -> None:
    with pytest.raises(SourceUnavailable, match="unreadable"):
        search(fake_server, items)
    with pytest.raises(SourceUnavailable, match="unreadable"):
        list_videos(KEY, ["abcdefghijk"], endpoint=fake_server.url)


def test_it_handles_more_items_than_a_page_can_have(fake_server: FakeServer) -> None:
    page = search(fake_server, [search_item(f"{number:011}") for number in range(60)])
    assert len(page.videos) == 50
    assert page.more


def test_what_can_be_read_is_a_result_beside_what_cannot(fake_server: FakeServer) -> None:
    items = [search_item() | {"id": {"videoId": 7}}, search_item("a-video-too"), None]
    assert [video.video_id for video in search(fake_server, items).videos] == ["a-video-too"]
    items = [
        search_item() | {"id": {"channelId": "UCabcdefghijklmnopqrstuv"}},
        search_item() | {"id": {"playlistId": "P"}},
    ]
    assert search(fake_server, items).videos == ()
