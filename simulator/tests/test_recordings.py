"""The simulator's responses have the same keys and types as recorded ones."""

import json
from pathlib import Path

import pytest

from simulator import refusals
from simulator.projects import Key, Project
from simulator.tests.conftest import NOW

DATA = Path(__file__).resolve().parents[2] / "core" / "tests" / "data"

# Only in newer responses, or taken from the request.
NEWER = {"publishTime", "videoOwnerChannelTitle", "videoOwnerChannelId"}


def recorded(path):
    return json.loads((DATA / path).read_text())


def shape(value):
    """Return {path: type name}, merging all items of a list."""
    found = {}

    def walk(path, one):
        found.setdefault(path, set()).add(type(one).__name__)
        if isinstance(one, dict):
            for name, inner in one.items():
                walk(f"{path}.{name}", inner)
        elif isinstance(one, list):
            for inner in one:
                walk(f"{path}[]", inner)

    walk("", value)
    return found


def assert_same_shape(ours, theirs, *, may_lack=()):
    mine, other = shape(ours), shape(theirs)
    for path in mine.keys() & other.keys():
        assert mine[path] == other[path], path
    added = {path for path in mine.keys() - other.keys() if path.rpartition(".")[2] not in NEWER}
    lacking = {path for path in other.keys() - mine.keys() if not path.startswith(tuple(may_lack))}
    assert (added, lacking) == (set(), set())


def test_it_works(search):
    ours = search("surfing", maxResults=25, pageToken="CBkQAA")
    assert_same_shape(ours, recorded("youtube/recorded/search/search_by_keywords_p2.json"))


def test_channels_in_a_search_are_shaped_as_recorded(search):
    ours = search("python", type="channel", maxResults=3)
    assert ours["items"]
    assert_same_shape(ours, recorded("youtube/recorded/search/search_channels.json"), may_lack=(".nextPageToken",))


def test_videos_are_shaped_as_recorded(sim, get):
    ids = [video.video_id for video in sim.world.search("python", NOW)[:2]]
    ours = get("/youtube/v3/videos", part="snippet", id=ids)
    assert_same_shape(ours, recorded("youtube/recorded/videos/videos_info_multi.json"), may_lack=(".items[].player",))


def test_uploads_are_shaped_as_recorded(sim, get):
    playlist = sim.world.search("python", NOW)[0].channel.uploads
    ours = get("/youtube/v3/playlistItems", part="snippet", playlistId=playlist, maxResults=2, pageToken="CAoQAA")
    theirs = recorded("youtube/recorded/playlist_items/playlist_items_paged_2.json")
    ours.pop("nextPageToken")
    assert_same_shape(ours, theirs)


def test_channels_are_shaped_as_recorded(sim, get):
    ids = [video.channel.channel_id for video in sim.world.search("python", NOW)[:2]]
    ours = get("/youtube/v3/channels", part="snippet,contentDetails,statistics", id=ids)
    theirs = recorded("youtube/recorded/channels/info_multiple.json")
    assert_same_shape(ours, theirs, may_lack=(".items[].brandingSettings",))


@pytest.mark.parametrize(
    ("file", "refusal"),
    [
        ("400_API_KEY_INVALID", refusals.unknown_key),
        ("400_API_KEY_expired", lambda: refuse_key("expired")),
        ("400_bad_publishedAfter", lambda: refusals.bad_timestamp("published_after")),
        ("400_badRequest_invalid_argument", refusals.bad_argument),
        ("400_invalidPageToken", refusals.bad_page_token),
        ("403_API_KEY_IP_ADDRESS_BLOCKED", lambda: refuse_key("ip_blocked")),
        ("403_API_KEY_SERVICE_BLOCKED", lambda: refuse_key("service_blocked")),
        ("403_missing_key", refusals.missing_key),
        ("403_quotaExceeded", lambda: refusals.quota_exhausted(Project("birds"), "general", NOW)),
        ("429_search_queries_per_day", lambda: refusals.quota_exhausted(Project("birds"), "search", NOW)),
        ("500_backendError", lambda: refusals.server_error(500)),
        ("503_backendError", lambda: refusals.server_error(503)),
    ],
)
def test_refusals_are_shaped_as_recorded(file, refusal):
    theirs, ours = recorded(f"youtube/errors/{file}.json"), refusal()
    assert ours.status == theirs["http_status"]
    assert_same_shape(ours.body, theirs["body"])
    error, other = ours.body["error"], theirs["body"]["error"]
    assert error.get("status") == other.get("status")
    assert error["errors"][0]["reason"] == other["errors"][0]["reason"]
    assert error["errors"][0]["domain"] == other["errors"][0]["domain"]


def test_an_unknown_refusal_equals_the_recorded_one():
    assert refusals.no_permission().body == recorded("youtube/recorded/error_permission_resp.json")


def refuse_key(state):
    key = Key("some-key", state=state)
    return refusals.bad_key(Project("birds", [key]), key, "youtube.api.v3.V3DataSearchService.List", "203.0.113.7")


def test_invidious_items_are_shaped_as_recorded(get):
    page, listed = recorded("invidious/search_page.json"), get("/api/v1/search", q="日本語", type="video")
    theirs = [item for item in page if item["type"] == "video" and not item["isUpcoming"]]
    ours = [item for item in listed if not item["isUpcoming"]]
    assert_same_shape(ours, theirs)
