"""A source that sends dates and numbers that cannot be true, over real HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.conftest import NOW, MovableTime
from apps.quota import keys
from apps.quota.ledger import Purpose
from apps.videos.fetching.completing import complete_stored, update_stored
from apps.videos.models import KeyWordEntry, Match, Video
from apps.videos.tests.fetches import fetched
from simulator import Broadcast
from simulator.server import Simulator
from simulator.youtube import YouTube as FakeYouTube


def test_videos_are_kept_and_implausible_values_are_counted(youtube: Simulator, entry: KeyWordEntry) -> None:
    youtube.faults.add("youtube", "implausible", times=2)
    log = fetched(entry)

    assert (log.status, log.number_added) == ("done", 50)
    assert "100 implausible values ignored." in log.message
    assert set(Video.objects.values_list("published_at", "published_exact", "view_count")) == {(NOW, False, None)}
    assert all(video.thumbnail == f"https://i.ytimg.com/vi/{video.pk}/hqdefault.jpg" for video in Video.objects.all())


def test_the_next_valid_response_corrects_the_dates(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    youtube.faults.add("youtube", "implausible", times=2)
    fetched(entry)
    frozen_time.move(minutes=10)
    complete_stored()

    assert not Video.objects.filter(published_exact=False).exists()
    assert not Match.objects.filter(published_at=NOW).exists()


@pytest.mark.parametrize("sent", [None, 5, {}, "MISSING"])
@pytest.mark.parametrize("name", ["title", "description", "channelTitle", "channelId", "liveBroadcastContent", "tags"])
def test_nonsense_does_not_replace_what_is_known(
    youtube: Simulator,
    entry: KeyWordEntry,
    frozen_time: MovableTime,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    sent: object,
) -> None:
    stream = Broadcast(planned=0, started=0, ended=9 * 3600)
    youtube.world.publish("python", video_id="stream-0001", title="python", published_at=NOW, broadcast=stream)
    fetched(entry)
    video = Video.objects.get(pk="stream-0001")
    assert (video.live_state, bool(video.tags), bool(video.description)) == ("live", True, True)

    with monkeypatch.context() as patch:
        _answer_with(patch, name, sent)
        frozen_time.move(hours=2)
        complete_stored()
    changed = {"updated_at", "view_count", "views_read_at", "completed_at"}
    if sent == "MISSING" and name == "tags":
        changed.add("tags")  # it has none any more
    after = Video.objects.filter(pk=video.pk).values().get()
    assert {field for field, value in after.items() if value != getattr(video, field)} <= changed


@pytest.mark.parametrize("name", ["title", "description", "liveBroadcastContent", "tags"])
def test_a_new_video_described_by_nonsense_is_requested_again(
    youtube: Simulator, entry: KeyWordEntry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stream = Broadcast(planned=0, started=0, ended=9 * 3600)
    youtube.world.publish("python", video_id="stream-0001", title="python", published_at=NOW, broadcast=stream)
    with monkeypatch.context() as patch:
        _answer_with(patch, name, 5)
        fetched(entry)
    assert Video.objects.get(pk="stream-0001").title == "python"  # from the search
    complete_stored()
    video = Video.objects.get(pk="stream-0001")
    assert (video.live_state, bool(video.tags), bool(video.description)) == ("live", True, True)


@pytest.mark.parametrize("sent", [None, 5, "stream-0001", {"kind": "youtube#video", "videoId": None}])
def test_a_page_without_a_readable_id_is_not_an_empty_one(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch, sent: object
) -> None:
    fetched(entry)
    searched_through = entry.searched_through
    frozen_time.move(hours=1)
    result = FakeYouTube._video_result
    monkeypatch.setattr(FakeYouTube, "_video_result", lambda *args: result(*args) | {"id": sent})
    monkeypatch.setattr("apps.incidents.retrying.ATTEMPTS", 1)

    log = fetched(entry)
    assert (log.status, log.error_code, entry.searched_through) == ("failed", "source_unavailable", searched_through)


@pytest.mark.parametrize("kept", [0, 20])
def test_an_answer_that_lacks_most_videos_is_not_believed(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    fetched(entry)
    ids = sorted(Video.objects.values_list("pk", flat=True))
    video = youtube.world.video
    with monkeypatch.context() as patch:
        patch.setattr(youtube.world, "video", lambda one, now: video(one, now) if one in ids[:kept] else None)
        for _ in range(3):
            frozen_time.move(hours=25)
            update_stored(ids, Purpose.REFRESH)
    assert not Video.objects.exclude(blanked_at=None).exists()
    assert Video.objects.filter(missing_since=datetime.now(UTC)).count() == 50 - kept, "requested again in a day"

    for video_id in ids[:10]:
        youtube.world.delete(video_id)
    for _ in range(2):
        frozen_time.move(hours=25)
        update_stored(ids, Purpose.REFRESH)
    assert set(Video.objects.exclude(blanked_at=None).values_list("pk", flat=True)) == set(ids[:10])
    assert Video.objects.filter(missing_since=None).count() == 40


def _answer_with(patch: pytest.MonkeyPatch, name: str, sent: object) -> None:
    """Let videos.list give this value of a snippet."""
    whole = FakeYouTube._video

    def video(*args: Any) -> Any:
        item = whole(*args)
        item["snippet"] |= {name: sent}
        if sent == "MISSING":
            del item["snippet"][name]
        return item

    patch.setattr(FakeYouTube, "_video", video)


def test_invidious_too(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.YT_KEYS, settings.INVIDIOUS_URL = [], youtube.invidious_url
    keys.sync()
    youtube.faults.add("invidious", "implausible", times=2)
    log = fetched(entry)

    assert log.number_added > 0
    assert f"{3 * log.number_found} implausible values ignored." in log.message
    assert set(Video.objects.values_list("published_at", "published_exact")) == {(NOW, False)}


@pytest.mark.parametrize(
    ("age", "state", "start"), [(0.5, "upcoming", 3600), (2, "live", 3700), (9, "completed", 3700)]
)
def test_the_start_of_a_stream_is_stored(
    youtube: Simulator, entry: KeyWordEntry, client: Client, age: float, state: str, start: int
) -> None:
    published = NOW - timedelta(hours=age)
    times = Broadcast(planned=3600, started=3700, ended=3 * 3600)
    youtube.world.publish("python", video_id="stream-0001", title="python", published_at=published, broadcast=times)
    fetched(entry)

    video = Video.objects.get(pk="stream-0001")
    assert (video.live_state, video.starts_at) == (state, published + timedelta(seconds=start))
    answer = client.get("/api/videos/stream-0001/").json()
    assert answer["starts_at"] == f"{video.starts_at:%Y-%m-%dT%H:%M:%SZ}"


def test_a_planned_start_becomes_the_real_one(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    times = Broadcast(planned=3600, started=3700, ended=9 * 3600)
    youtube.world.publish("python", video_id="stream-0001", title="python", published_at=NOW, broadcast=times)
    fetched(entry)
    frozen_time.move(hours=2)
    complete_stored()
    assert Video.objects.get(pk="stream-0001").starts_at == NOW + timedelta(seconds=3700)
