"""videos.list, channels.list and playlistItems.list."""

from datetime import timedelta

from simulator.content import Broadcast
from simulator.tests.conftest import NOW

PARTS = "snippet,contentDetails,statistics,status,liveStreamingDetails"


def test_it_works(sim, get):
    video = sim.world.search("python", NOW)[0]
    answer = get("/youtube/v3/videos", part=PARTS, id=video.video_id)
    assert answer["pageInfo"] == {"totalResults": 1, "resultsPerPage": 1}
    (item,) = answer["items"]
    assert item["id"] == video.video_id
    assert item["snippet"]["description"] == video.content.description
    assert item["contentDetails"]["duration"].startswith("PT")
    assert item["statistics"]["viewCount"].isdigit()


def test_it_accepts_ids_repeated_or_with_commas(sim, get):
    ids = [video.video_id for video in sim.world.search("python", NOW)[:50]]
    for form in (ids, ",".join(ids)):
        found = get("/youtube/v3/videos", part="id", id=form)["items"]
        assert [item["id"] for item in found] == ids
    assert get("/youtube/v3/videos", part="id", id=[*ids, "one-too-many"])[0] == 400


def test_it_leaves_out_deleted_videos_and_other_parts(sim, get):
    first, second = (video.video_id for video in sim.world.search("python", NOW)[:2])
    sim.world.delete(first)
    (item,) = get("/youtube/v3/videos", part="status", id=[first, second, "AAAAAAAAAAA"])["items"]
    assert set(item) == {"kind", "etag", "id", "status"}
    assert item["id"] == second


def test_it_follows_a_broadcast(sim, get):
    sim.world.publish("falcon", published_at=NOW, video_id="livelivelive"[:11], broadcast=Broadcast(60, 90, 600))
    states = []
    for seconds in (0, 90, 600):
        sim.clock.set(NOW + timedelta(seconds=seconds))
        (item,) = get("/youtube/v3/videos", part=PARTS, id="livelivelive"[:11])["items"]
        states.append((item["snippet"]["liveBroadcastContent"], *item["liveStreamingDetails"]))
    assert [state[0] for state in states] == ["upcoming", "live", "none"]
    assert "actualEndTime" in states[2]
    assert "actualStartTime" not in states[0]


def test_a_channel_has_a_playlist_of_uploads(sim, get, search):
    channel = search("python")["items"][0]["snippet"]["channelId"]
    (item,) = get("/youtube/v3/channels", part="snippet,contentDetails,statistics", id=channel)["items"]
    uploads = item["contentDetails"]["relatedPlaylists"]["uploads"]
    assert uploads == "UU" + channel[2:]
    page = get("/youtube/v3/playlistItems", part="snippet,contentDetails", playlistId=uploads, maxResults=10)
    assert page["pageInfo"]["totalResults"] == int(item["statistics"]["videoCount"])
    assert [one["snippet"]["position"] for one in page["items"]] == list(range(10))
    following = get("/youtube/v3/playlistItems", part="snippet", playlistId=uploads, pageToken=page["nextPageToken"])
    assert following["items"][0]["snippet"]["position"] == 10


def test_it_refuses_unknown_playlists_and_missing_ids(get):
    assert get("/youtube/v3/playlistItems", part="id", playlistId="UUnothing")[0] == 404
    assert get("/youtube/v3/channels", part="id", id="UCnothing")["items"] == []
    assert get("/youtube/v3/videos", part="id")[0] == 400
