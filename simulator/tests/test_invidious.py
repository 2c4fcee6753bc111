"""Invidious, whose dates and order are unreliable."""

import json
from datetime import timedelta

import pytest

from simulator import Clock, World
from simulator.content import Broadcast
from simulator.exchange import Request
from simulator.invidious import Invidious
from simulator.tests.conftest import NOW


def found(get, video_id, **query):
    """Return one item of a search, on any page."""
    for page in range(1, 26):
        for item in get("/api/v1/search", page=page, **query):
            if item["videoId"] == video_id:
                return item
    raise AssertionError(f"{video_id} was not found")


def test_it_works(get):
    items = get("/api/v1/search", q="python", type="video")
    assert len(items) == 20
    assert {item["type"] for item in items} == {"video"}
    assert {len(item["videoThumbnails"]) for item in items} == {9}
    assert not {item["videoId"] for item in items} & {
        item["videoId"] for item in get("/api/v1/search", q="python", type="video", page=2)
    }


@pytest.mark.parametrize("q", ["", "   ", None])
def test_it_finds_nothing_for_an_empty_query(q, get):
    assert get("/api/v1/search", q=q) == []


def test_its_dates_are_inferred_and_drift(get, sim):
    video = sim.world.publish("kestrel", published_at=NOW - timedelta(hours=2, minutes=40), title="Kestrel!")

    def published():
        item = found(get, video.video_id, q="kestrel", type="video", date="today", sort="date")
        return item["published"], item["publishedText"]

    assert published() == (int(NOW.timestamp()) - 7200, "2 hours ago")
    sim.clock.advance(600)
    assert published() == (int(NOW.timestamp()) - 7200 + 600, "2 hours ago")


def test_a_live_stream_has_the_current_time_as_its_date(get, sim):
    video = sim.world.publish("kestrel", published_at=NOW, broadcast=Broadcast(0, 0, 9000))
    sim.clock.advance(3600)
    item = found(get, video.video_id, q="kestrel", type="video")
    assert item["published"] == NOW.timestamp() + 3600
    assert (item["publishedText"], item["viewCount"], item["liveNow"]) == ("0 seconds ago", 0, False)


def test_it_does_not_sort_by_date(get):
    published = [item["published"] for item in get("/api/v1/search", q="python", type="video", sort="date")]
    assert published != sorted(published, reverse=True)


def test_it_filters_by_age(get):
    for item in get("/api/v1/search", q="日本語", type="video", date="today"):
        assert item["published"] >= NOW.timestamp() - 86_400


def test_it_interprets_operators_only_without_filters(get):
    assert get("/api/v1/search", q="python date:hour user:me")
    loose = {item.get("videoId") for item in get("/api/v1/search", q="python a:b")}
    exact = {item.get("videoId") for item in get("/api/v1/search", q="python user:me", type="video")}
    assert loose.isdisjoint(exact - {None})


def test_it_mixes_types_without_a_filter(get):
    assert {item["type"] for item in get("/api/v1/search", q="python")} == {"video", "channel"}
    assert {item["type"] for item in get("/api/v1/search", q="python", type="channel")} == {"channel"}


def test_it_serves_statistics_and_single_videos(get, sim):
    assert get("/api/v1/stats")["software"]["name"] == "invidious"
    video = sim.world.search("python", NOW)[0]
    assert get(f"/api/v1/videos/{video.video_id}")["description"] == video.content.description
    assert get("/api/v1/videos/AAAAAAAAAAA")[0] == 404


def test_it_imitates_parse_errors_and_relative_thumbnails():
    clock = Clock(NOW, frozen=True)
    world = World(seed=7, started_at=NOW)
    instance = Invidious(world, clock, relative_thumbnails=True, parse_errors=True)
    items = []
    for page in range(1, 6):
        query = {"q": ["python"], "type": ["video"], "page": [str(page)]}
        items += json.loads(instance.answer(Request("GET", "/api/v1/search", query, {}, "http://x")).body)
    errors = [item for item in items if item["type"] == "parse-error"]
    assert 0 < len(errors) < len(items) / 4
    assert set(errors[0]) == {"type", "errorMessage", "errorBacktrace"}
    pictures = [picture["url"] for item in items for picture in item.get("videoThumbnails", ())]
    assert all(url.startswith("/vi/") for url in pictures)
