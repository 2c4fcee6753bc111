"""The full data of a few videos."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import SourceUnavailable
from core.found_video import FoundVideo
from core.tests.conftest import KEY, NOW, FakeServer, list_item, recording, search_item
from core.youtube_api import list_videos
from simulator import Simulator
from simulator.content import Broadcast


def found(server: FakeServer, item: dict[str, Any]) -> FoundVideo:
    server.respond({"kind": "youtube#videoListResponse", "items": [item]})
    (video,) = list_videos(KEY, ["abcdefghijk"], endpoint=server.url)
    return video


def test_it_works(simulator: Simulator) -> None:
    published = NOW - timedelta(hours=1)
    description = "The whole story & more. " * 40
    simulator.world.publish(
        "kestrel",
        published_at=published,
        video_id="handmade-01",
        title="Tea &amp; no tags",
        description=description,
        duration=3 * 3600 + 61,
    )
    (video,) = list_videos(KEY, ["handmade-01"], endpoint=simulator.youtube_url)
    assert video.title == "Tea &amp; no tags", "titles are not escaped here"
    assert video.description == description
    assert (video.published_at, video.published_exact, video.complete) == (published, True, True)
    assert (video.duration, video.live_state) == (3 * 3600 + 61, "none")
    assert video.view_count is not None
    assert simulator.projects.spent("birds", "general", NOW) == 1
    assert simulator.projects.spent("birds", "search", NOW) == 0


def test_it_handles_tags(fake_server: FakeServer) -> None:
    sent = ["owl", "", 7, None, "barn\x00 owl\ud800", "x" * 501, *["more"] * 600]
    tags = found(fake_server, list_item(snippet=search_item(tags=sent)["snippet"])).tags
    assert (tags[:3], len(tags)) == (("owl", "barn owl", "x" * 500), 497)
    for none in (None, "owl", {}, []):
        assert found(fake_server, list_item(snippet=search_item(tags=none)["snippet"])).tags == ()


def test_it_handles_fifty_ids_and_those_that_are_gone(simulator: Simulator) -> None:
    ids = [video.video_id for video in simulator.world.search("kestrel", NOW)[:50]]
    simulator.world.delete(ids[7])
    videos = list_videos(KEY, [*ids[:49], "nobodyknows"], endpoint=simulator.youtube_url)
    assert {video.video_id for video in videos} == set(ids[:49]) - {ids[7]}
    assert simulator.projects.spent("birds", "general", NOW) == 1


def test_it_handles_no_id(simulator: Simulator) -> None:
    with pytest.raises(SourceUnavailable):
        list_videos(KEY, [], endpoint=simulator.youtube_url)


@pytest.mark.parametrize(
    ("age", "state", "duration"),
    [
        (timedelta(minutes=-30), None, None),
        (timedelta(minutes=30), "upcoming", None),
        (timedelta(hours=2), "live", None),
        (timedelta(hours=9), "completed", 7200),
    ],
)
def test_it_handles_broadcasts(simulator: Simulator, age: timedelta, state: str | None, duration: int | None) -> None:
    times = Broadcast(planned=3600, started=3700, ended=3 * 3600)
    published = NOW - age
    simulator.world.publish("kestrel", published_at=published, video_id="handmade-01", duration=7200, broadcast=times)
    videos = list_videos(KEY, ["handmade-01"], endpoint=simulator.youtube_url)
    assert [(video.live_state, video.duration) for video in videos] == ([(state, duration)] if state else [])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("PT15S", 15),
        ("PT1M", 60),
        ("PT1H2M3S", 3723),
        ("PT48H", 172_800),
        ("P1DT2H", 93_600),
        ("P1W", 604_800),
        ("P0D", None),
        ("PT0S", None),
        ("P", None),
        ("PT1.5S", None),
        ("P1Y", None),
        ("-PT1S", None),
        ("PT1S\n", None),
        (f"PT{'9' * 9}H", None),
        (f"PT{'1' * 5000}S", None),
        (61, None),
        (None, None),
    ],
)
def test_it_reads_durations(fake_server: FakeServer, written: Any, seconds: int | None) -> None:
    assert found(fake_server, list_item(duration=written)).duration == seconds


@pytest.mark.parametrize(
    ("written", "views"),
    [("0", 0), ("16000000000", 16_000_000_000), (7, 7), ("-1", None), ("1.5", None), ("", None), ("٣", None),
     ("9" * 19, None), (True, None), (1.5, None), ([], None), (None, None)],
)  # fmt: skip
def test_it_reads_views(fake_server: FakeServer, written: Any, views: int | None) -> None:
    assert found(fake_server, list_item(views=written)).view_count == views


@pytest.mark.parametrize("part", ["contentDetails", "statistics"])
@pytest.mark.parametrize("value", [None, [], "x", {}])
def test_it_handles_missing_parts(fake_server: FakeServer, part: str, value: Any) -> None:
    video = found(fake_server, list_item(**{part: value}))
    assert (video.duration is None, video.view_count is None) == (part == "contentDetails", part == "statistics")


def test_it_takes_titles_as_they_are(fake_server: FakeServer) -> None:
    item = list_item()
    item["snippet"] |= {"title": "Q&amp;A &#39;live&#39;", "liveBroadcastContent": "none"}
    assert found(fake_server, item).title == "Q&amp;A &#39;live&#39;"


@pytest.mark.parametrize("name", ["title", "description", "publishedAt", "liveBroadcastContent", "tags"])
@pytest.mark.parametrize("sent", [None, 5, True, {}, {"a": []}, "MISSING"])
def test_an_answer_without_what_is_always_given_is_not_complete(fake_server: FakeServer, name: str, sent: Any) -> None:
    item = list_item()
    item["snippet"] |= {"tags": ["owl"], name: sent}
    if sent == "MISSING":
        del item["snippet"][name]
    assert found(fake_server, item).complete == (name == "tags" and sent == "MISSING")


@pytest.mark.parametrize("sent", [None, 5, "live", []])
def test_broadcast_details_of_another_type_do_not_end_a_stream(fake_server: FakeServer, sent: Any) -> None:
    assert found(fake_server, list_item(liveStreamingDetails=sent)).live_state == "none"


@pytest.mark.parametrize(
    ("name", "count"),
    [("videos_info_single", 1), ("videos_info_multi", 2), ("videos_chart_paged_1", 5), ("videos_chart_paged_2", 3)],
)
def test_it_reads_recorded_videos(fake_server: FakeServer, name: str, count: int) -> None:
    recorded = recording(f"youtube/recorded/videos/{name}.json")
    fake_server.respond(recorded)
    videos = list_videos(KEY, ["abcdefghijk"], endpoint=fake_server.url)
    assert len(videos) == count
    for video, item in zip(videos, recorded["items"], strict=True):
        snippet = item["snippet"]
        assert (video.video_id, video.title, video.description) == (
            item["id"],
            snippet["title"],
            snippet["description"],
        )
        assert video.published_at == datetime.fromisoformat(snippet["publishedAt"])
        assert video.published_at.tzinfo is UTC
        assert (video.duration is not None) == ("contentDetails" in item)
        assert video.view_count == (int(item["statistics"]["viewCount"]) if "statistics" in item else None)
