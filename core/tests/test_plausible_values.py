"""Single values that cannot be true: they become unknown and are counted, and the video is kept."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from core import invidious_api
from core.found_video import FoundVideo
from core.tests.conftest import KEY, NOW, FakeServer, list_item, search_item
from core.tests.test_invidious_search import item as invidious_item
from core.youtube_api import list_videos, search_videos

NO_NUMBERS = [-1, True, 1.5, 1e300, float("nan"), float("inf"), 10**13, 2**63, 10**400, "many", "-1", "1e3", [], {}]
NO_DATES = [
    "1970-01-01T00:00:00Z",
    "2005-04-22T23:59:59Z",
    "2026-11-23T12:00:01Z",  # more than a day ahead
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "2026-11-22T11:00:00",  # no time zone
    "yesterday",
    "",
    1795341600,
    True,
    [],
]


@pytest.fixture(autouse=True)
def _frozen() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def searched(server: FakeServer, **snippet: Any) -> FoundVideo:
    server.respond({"items": [search_item(**snippet)]})
    (video,) = search_videos(KEY, "kestrel", endpoint=server.url).videos
    return video


def listed(server: FakeServer, **given: Any) -> FoundVideo:
    server.respond({"items": [list_item(**given)]})
    (video,) = list_videos(KEY, ["abcdefghijk"], endpoint=server.url)
    return video


def by_invidious(server: FakeServer, **given: Any) -> FoundVideo:
    server.respond([invidious_item(**given)])
    (video,) = invidious_api.search_videos("kestrel", instance=server.url)
    return video


@pytest.mark.parametrize("sent", NO_DATES)
def test_a_video_without_a_plausible_date_is_kept_with_an_estimate(fake_server: FakeServer, sent: Any) -> None:
    video = searched(fake_server, publishedAt=sent)
    assert (video.published_at, video.published_exact, video.ignored) == (NOW, False, 1)


@pytest.mark.parametrize("sent", ["2005-04-23T00:00:00Z", "2026-11-23T12:00:00Z"])
def test_the_first_and_the_latest_date_are_plausible(fake_server: FakeServer, sent: str) -> None:
    video = searched(fake_server, publishedAt=sent)
    assert (video.published_at, video.published_exact, video.ignored) == (datetime.fromisoformat(sent), True, 0)


def test_a_missing_value_is_not_an_implausible_one(fake_server: FakeServer) -> None:
    video = searched(fake_server, publishedAt=None, liveBroadcastContent=None, thumbnails=None)
    assert (video.published_at, video.published_exact, video.ignored) == (NOW, False, 0)


@pytest.mark.parametrize("sent", NO_NUMBERS)
def test_numbers_that_cannot_be_true_are_unknown(fake_server: FakeServer, sent: Any) -> None:
    video = listed(fake_server, views=sent)
    assert (video.view_count, video.ignored) == (None, 1)
    video = by_invidious(fake_server, viewCount=sent, lengthSeconds=sent)
    assert (video.view_count, video.duration, video.ignored) == (None, None, 2)


@pytest.mark.parametrize("sent", [f"PT{10**6}H", "P4000D", "PT-1S", "61", 61, True, []])
def test_durations_that_cannot_be_true_are_unknown(fake_server: FakeServer, sent: Any) -> None:
    video = listed(fake_server, duration=sent)
    assert (video.duration, video.ignored) == (None, 1)


def test_zero_means_unknown_where_the_source_says_so(fake_server: FakeServer) -> None:
    video = by_invidious(fake_server, viewCount=0, lengthSeconds=0, premiereTimestamp=0)
    assert (video.view_count, video.duration, video.starts_at, video.ignored) == (None, None, None, 0)
    assert (listed(fake_server, duration="P0D").duration, listed(fake_server, duration="P0D").ignored) == (None, 0)


def test_an_estimate_is_never_later_than_now(fake_server: FakeServer) -> None:
    ahead = int((NOW + timedelta(hours=3)).timestamp())
    assert by_invidious(fake_server, published=ahead).published_at == NOW


def test_an_unknown_live_state_is_none(fake_server: FakeServer) -> None:
    video = searched(fake_server, liveBroadcastContent="paused")
    assert (video.live_state, video.ignored) == ("none", 1)


@pytest.mark.parametrize(
    ("details", "starts_at", "ignored"),
    [
        ({"scheduledStartTime": "2026-11-28T18:00:00Z"}, datetime(2026, 11, 28, 18, tzinfo=UTC), 0),
        (
            {"scheduledStartTime": "2026-11-22T10:00:00Z", "actualStartTime": "2026-11-22T10:03:00Z"},
            datetime(2026, 11, 22, 10, 3, tzinfo=UTC),
            0,
        ),
        # A start that has been, but lies in the future.
        (
            {"scheduledStartTime": "2026-11-22T10:00:00Z", "actualStartTime": "2027-11-22T10:03:00Z"},
            datetime(2026, 11, 22, 10, tzinfo=UTC),
            1,
        ),
        ({"scheduledStartTime": "1970-01-01T00:00:00Z"}, None, 1),
        ({"scheduledStartTime": "2100-01-01T00:00:00Z"}, None, 1),
        ({"scheduledStartTime": 5}, None, 1),
        ({}, None, 0),
    ],
)
def test_it_reads_when_a_stream_starts(
    fake_server: FakeServer, details: dict[str, Any], starts_at: datetime | None, ignored: int
) -> None:
    video = listed(fake_server, liveStreamingDetails=details)
    assert (video.starts_at, video.ignored) == (starts_at, ignored)


@pytest.mark.parametrize("sent", [-1, True, 1.5, "2026", 10**12, 10**400])
def test_invidious_start_that_cannot_be_true_is_unknown(fake_server: FakeServer, sent: Any) -> None:
    video = by_invidious(fake_server, isUpcoming=True, premiereTimestamp=sent)
    assert (video.starts_at, video.ignored) == (None, 1)
    start = NOW + timedelta(days=2)
    assert by_invidious(fake_server, premiereTimestamp=int(start.timestamp())).starts_at == start


def test_each_answer_logs_how_many_values_were_ignored(fake_server: FakeServer, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING):
        searched(fake_server, publishedAt="1970-01-01T00:00:00Z", liveBroadcastContent="paused")
        listed(fake_server, views="-1")
        by_invidious(fake_server, published=0)
    assert [record.getMessage() for record in caplog.records] == [
        "implausible values from YouTube ignored: 2",
        "implausible values from YouTube ignored: 1",
        "implausible values from Invidious ignored: 1",
    ]
