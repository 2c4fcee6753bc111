"""search.list: matching, format and order."""

import html
from datetime import timedelta

import pytest

from simulator.queries import Query, fold
from simulator.tests.conftest import NOW

KEYWORDS = [
    "python",
    "AC/DC",
    "c++",
    "50%",
    "#shorts",
    "日本語",
    "<b>x</b>",
    "it's",
    "raspberry pi",
    "k" * 500,
]


def test_it_works(search):
    answer = search("python")
    assert answer["kind"] == "youtube#searchListResponse"
    assert answer["pageInfo"]["resultsPerPage"] == len(answer["items"]) == 50
    assert answer["nextPageToken"] == "CDIQAA"
    for item in answer["items"]:
        assert len(item["id"]["videoId"]) == 11
        assert len(item["snippet"]["channelId"]) == 24


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_it_finds_every_keyword(keyword, search, sim):
    assert search(keyword)["items"]
    for video in sim.world.search(keyword, NOW)[:200]:
        assert Query.parse(keyword).matches(video.text)
        assert 1 <= len(video.content.title) <= 100
        assert not set(video.content.title) & {"<", ">"}
        assert len(video.content.description) <= 5000


def test_it_escapes_titles_and_cuts_descriptions(search, get):
    items = search("python")["items"]
    titles = {item["id"]["videoId"]: item["snippet"]["title"] for item in items}
    assert any("&#39;" in title or "&quot;" in title for title in titles.values())
    assert any(item["snippet"]["description"].endswith(" ...") for item in items)
    for video in get("/youtube/v3/videos", part="snippet", id=",".join(titles))["items"]:
        assert video["snippet"]["title"] == html.unescape(titles[video["id"]])


def test_it_sorts_dates_only_roughly(search, sim):
    dates = [item["snippet"]["publishedAt"] for item in search("#shorts")["items"]]
    assert dates != sorted(dates, reverse=True)
    exact = [video.published_at for video in sim.world.search("#shorts", NOW)]
    assert exact == sorted(exact, reverse=True)


def test_it_pages_without_gaps_or_duplicates(search, sim):
    seen, token = [], None
    while True:
        page = search("python", pageToken=token)
        seen += [item["id"]["videoId"] for item in page["items"]]
        token = page.get("nextPageToken")
        if token is None:
            break
    assert len(seen) == len(set(seen)) == 500
    newest = {video.video_id for video in sim.world.search("python", NOW)[:400]}
    assert newest < set(seen)


def test_it_filters_by_date(search):
    after, before = "2026-11-20T00:00:00Z", "2026-11-21T02:00:00+02:00"
    items = search("python", publishedAfter=after, publishedBefore=before)["items"]
    assert items
    assert all(item["snippet"]["publishedAt"].startswith("2026-11-2") for item in items)
    assert {item["snippet"]["publishedAt"][:10] for item in items} == {"2026-11-20"}


def test_it_understands_or_not_and_phrases(sim):
    def ids(text):
        return {video.video_id for video in sim.world.search(text, NOW)}

    assert ids("python|django") == ids("python") | ids("django")
    assert ids("python") & ids("django"), "some videos are about both"
    assert ids("python -django") == ids("python") - ids("django")
    assert ids('"raspberry pi"') == ids("raspberry pi")


@pytest.mark.parametrize(
    ("query", "text", "matches"),
    [
        ("go", "Let's go!", True),
        ("go", "good", False),
        ("日本", "今日本語", True),
        ("c++", "C++20", True),
        ("b a", "A B", True),
        ('"b a"', "A B", False),
        ("a -b", "a b", False),
        ("a|b -c", "b", True),
        ("50%", "only 50% off", True),
        ("straße", "STRASSE", True),
        ('7" single', "a 7 inch single", True),
    ],
)
def test_it_matches(query, text, matches):
    assert Query.parse(query).matches(fold(text)) is matches


def test_it_includes_channels_without_a_type(search):
    kinds = {item["id"]["kind"] for item in search("python", type=None)["items"]}
    assert kinds == {"youtube#video", "youtube#channel"}


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_it_returns_max_results_items(count, search):
    assert len(search("python", maxResults=count)["items"]) == count
    assert len(search("python", maxResults=None)["items"]) == 5


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"publishedAfter": "2026-11-20T00:00:00"}, "badRequest"),
        ({"publishedBefore": "yesterday"}, "badRequest"),
        ({"maxResults": 51}, "invalidParameter"),
        ({"pageToken": "CDIQAB"}, "invalidPageToken"),
        ({"pageToken": "%"}, "invalidPageToken"),
        ({"channelId": "@somebody"}, "badRequest"),
        ({"type": None, "eventType": "live"}, "invalidSearchFilter"),
        ({"order": "newest"}, "badRequest"),
        ({"sort_by": "date"}, "badRequest"),
        ({"part": None}, "required"),
    ],
)
def test_it_refuses_invalid_parameters(query, reason, search):
    status, body = search("python", **query)
    assert status == body["error"]["code"] == 400
    assert body["error"]["errors"][0]["reason"] == reason


def test_it_filters_by_event_and_duration(search, sim):
    sim.clock.set(NOW + timedelta(days=1))
    for event in ("upcoming", "live"):
        found = search("日本語", eventType=event)["items"]
        assert {item["snippet"]["liveBroadcastContent"] for item in found} <= {event}
    assert search("日本語", eventType="completed")["items"]
    assert search("日本語", videoDuration="long")["items"]


def test_it_searches_one_channel(search):
    channel = search("python")["items"][0]["snippet"]["channelId"]
    found = search("python", channelId=channel)["items"]
    assert {item["snippet"]["channelId"] for item in found} == {channel}
