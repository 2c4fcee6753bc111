"""One fetch over real HTTP: what is found, stored, logged and due next."""

from datetime import date, timedelta
from unittest.mock import Mock, patch

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from apps.conftest import NOW, MovableTime
from apps.quota.models import ApiKey, QuotaSpend
from apps.videos.fetching import claims
from apps.videos.fetching.completing import complete_stored
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.tests.builders import claim_of, found_video
from apps.videos.tests.fetches import MANUAL, SCHEDULE, fetched
from core import youtube_api
from core.log_lines import FetchFilter
from core.youtube_api import SearchPage
from simulator import Broadcast
from simulator.server import Simulator


def test_it_works(youtube: Simulator, entry: KeyWordEntry) -> None:
    log = fetched(entry)

    assert (log.status, log.method, log.number_found, log.number_added) == ("done", "youtube", 50, 50)
    assert (log.searches, log.units) == (1, 1)
    assert entry.video_count == Video.objects.count() == 50
    assert entry.searched_through == entry.last_fetched_at == NOW
    assert entry.next_due_at == NOW + timedelta(seconds=entry.planned_interval)
    assert entry.claim_token == ""


def test_it_stores_what_youtube_sends(youtube: Simulator, entry: KeyWordEntry) -> None:
    whole = "python line one\n" + "word " * 100
    youtube.world.publish(
        "python",
        video_id="abcdefghij-",
        title='Tom & Jerry\'s "python"',
        description=whole,
        published_at=NOW - timedelta(seconds=1),
        channel_title="A & B",
        duration=3723,
    )
    fetched(entry)

    video = Video.objects.get(pk="abcdefghij-")
    assert video.title == 'Tom & Jerry\'s "python"'
    assert video.description == whole
    assert (video.channel_title, video.duration) == ("A & B", 3723)
    assert (video.published_at, video.published_exact) == (NOW - timedelta(seconds=1), True)
    assert (video.keyword, video.method, video.completed_at) == (entry, "youtube", NOW)


def test_it_finds_what_is_published_between_two_fetches(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    fetched(entry)
    for number in range(7):
        youtube.world.publish("python", published_at=NOW + timedelta(minutes=number + 1), title=f"python no. {number}")
    frozen_time.move(hours=1)
    shown = {video.video_id for video in youtube.world.search("python", NOW + timedelta(hours=1))[:50]}

    fetched(entry)

    assert shown <= set(Video.objects.values_list("pk", flat=True))
    assert Video.objects.filter(title__startswith="python no. ").count() == 7


def test_it_fetches_once_when_the_message_comes_twice(entry: KeyWordEntry) -> None:
    fetched(entry)

    assert fetch_keyword(KeyWordEntry.objects.get(), SCHEDULE) is None
    assert VideoLog.objects.count() == 1


def test_a_slightly_early_message_is_accepted(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    fetched(entry)
    frozen_time.move(seconds=entry.planned_interval - 20)

    assert fetched(entry).status == "done"


def test_it_leaves_a_keyword_alone_that_another_worker_fetches(entry: KeyWordEntry) -> None:
    assert entry.claim(VideoLog.Trigger.SCHEDULE)

    assert fetch_keyword(entry, MANUAL) is None
    assert VideoLog.objects.count() == 0


def test_it_takes_over_from_a_worker_that_died(entry: KeyWordEntry) -> None:
    entry.claim(VideoLog.Trigger.SCHEDULE)
    claims.end(*claim_of(entry))
    # It slept, and opened its log after its claim had ended.
    dead = VideoLog.objects.create(keyword=entry, keyword_text=entry.keyword)

    log = fetched(entry)

    assert log.status == "done"
    dead.refresh_from_db()
    assert dead.status == "interrupted"


def test_a_paused_keyword_is_fetched_only_manually(entry: KeyWordEntry) -> None:
    entry.state = KeyWordEntry.State.PAUSED
    entry.save()

    assert fetch_keyword(entry, SCHEDULE) is None
    assert fetched(entry, MANUAL).status == "done"


def test_it_uses_the_next_key_within_the_same_fetch(youtube: Simulator, entry: KeyWordEntry) -> None:
    youtube.projects["one"].keys[0].state = "invalid"

    log = fetched(entry)

    assert (log.status, log.searches) == ("done", 2)
    assert ApiKey.objects.get(label="one").state == "refused"
    fetched(entry, MANUAL)
    assert youtube.projects["one"].keys[0].requests == 1


def test_it_uses_the_next_project_when_one_is_out_of_searches(youtube: Simulator, entry: KeyWordEntry) -> None:
    youtube.projects["one"].limits["search"] = 0

    assert fetched(entry).status == "done"
    assert QuotaSpend.objects.get(project="one", bucket="search").refused_at == NOW
    assert QuotaSpend.objects.get(project="two", bucket="search").used == 1


@pytest.mark.parametrize("kind", ["status_503", "reset", "html_200", "truncated_json"])
def test_an_outage_of_youtube_is_logged(youtube: Simulator, entry: KeyWordEntry, kind: str, monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    youtube.faults.add("youtube", kind, times=None)

    log = fetched(entry)

    assert (log.status, log.error_code, log.searches) == ("failed", "source_unavailable", 3)
    assert log.message.startswith("YouTube")
    assert entry.next_due_at == NOW + timedelta(seconds=entry.planned_interval)
    assert entry.claim_token == ""


def test_a_fetch_that_took_too_long_says_so(entry: KeyWordEntry, monkeypatch) -> None:
    def stop(*args: object) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr("apps.videos.fetching.storing.store", stop)

    log = fetched(entry)

    assert (log.status, log.error_code) == ("failed", "time_limit")
    assert log.message == "The fetch took too long and was stopped."


def test_it_closes_the_log_when_something_unexpected_happens(entry: KeyWordEntry, monkeypatch) -> None:
    monkeypatch.setattr("apps.videos.fetching.storing.store", lambda *args: 1 / 0)

    log = fetched(entry)

    assert (log.status, log.error_code) == ("failed", "internal_error")
    assert VideoLog.objects.get().status == "failed"
    assert entry.claim_token == ""


def test_it_ends_quietly_when_the_keyword_is_deleted(entry: KeyWordEntry, monkeypatch) -> None:
    from apps.videos.fetching import storing

    def delete_first(*args):
        entry.delete()
        return store(*args)

    store = storing.store
    monkeypatch.setattr(storing, "store", delete_first)

    log = fetch_keyword(entry, SCHEDULE)

    assert log is not None
    assert log.status == "interrupted"
    assert Video.objects.count() == 0


def test_it_leaves_videos_for_later_when_units_are_gone(youtube: Simulator, entry: KeyWordEntry) -> None:
    for project in youtube.projects:
        project.limits["general"] = 0
    assert fetched(entry).number_added == 50
    assert Video.objects.filter(completed_at=None).count() == 50
    gone = Video.objects.earliest("published_at").pk

    for project in youtube.projects:
        project.limits["general"] = 10_000
    QuotaSpend.objects.filter(bucket="general").delete()
    youtube.world.delete(gone)
    complete_stored()

    assert Video.objects.get(completed_at=None).pk == gone
    assert Video.objects.filter(duration=None).count() <= 1 + Video.objects.filter(live_state="upcoming").count()


def test_a_video_left_out_once_is_requested_again(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    stream = Broadcast(planned=0, started=0, ended=90_000)
    for name in ("comes-back", "stays-away"):
        youtube.world.publish("python", video_id=f"{name}-"[:11], published_at=NOW, title="python", broadcast=stream)
    fetched(entry)
    Video.objects.exclude(pk__in=["comes-back-", "stays-away-"]).update(live_state="none")
    answer = youtube_api.list_videos

    def list_but(*left_out: str) -> None:
        frozen_time.move(hours=1, minutes=1)
        with patch("core.youtube_api.list_videos", autospec=True) as mock:
            mock.side_effect = lambda *given, **named: [
                video for video in answer(*given, **named) if video.video_id not in left_out
            ]
            complete_stored()
            complete_stored()
            assert mock.call_count == 1, "not again at once"

    def states() -> list[str]:
        return [Video.objects.get(pk=name).live_state for name in ("comes-back-", "stays-away-")]

    list_but("comes-back-", "stays-away-")
    assert states() == ["live", "live"]
    list_but("stays-away-")
    assert states() == ["live", "none"]
    assert Video.objects.get(pk="comes-back-").missing_since is None


def test_it_finds_every_video_of_a_burst(youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    fetched(entry)
    publish_burst(youtube)
    frozen_time.move(hours=6)

    log = fetched(entry)

    assert log.searches == 4
    assert Video.objects.filter(pk__startswith="burst-").count() == 180
    assert entry.gaps.count() == 0


def test_it_remembers_a_gap_until_searches_are_left_over(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    fetched(entry)
    publish_burst(youtube)
    frozen_time.move(hours=6)
    for project in ("one", "two"):
        # Ahead of the day's course: manual and scheduled searches are allowed, gaps are not.
        QuotaSpend.objects.update_or_create(
            project=project, bucket="search", day=date(2026, 11, 20), defaults={"used": 94}
        )

    log = fetched(entry)
    assert log.searches == 1
    assert "full" in log.message
    assert entry.gaps.count() == 1

    frozen_time.move(hours=6)
    for _ in range(4):
        frozen_time.move(hours=1)
        fetched(entry)
    assert Video.objects.filter(pk__startswith="burst-").count() == 180
    assert entry.gaps.count() == 0


def publish_burst(youtube: Simulator) -> None:
    """Publish 180 videos within half an hour, from four hours on."""
    for number in range(180):
        moment = NOW + timedelta(hours=4, seconds=10 * number)
        youtube.world.publish("python", video_id=f"burst-{number:05}", title=f"python {number}", published_at=moment)


def test_every_line_of_a_fetch_names_it(youtube: Simulator, entry: KeyWordEntry, caplog) -> None:
    youtube.projects["one"].keys[0].state = "invalid"
    caplog.handler.addFilter(FetchFilter())

    log = fetched(entry)

    ours = [record for record in caplog.records if record.name.startswith("apps.")]
    assert len(ours) >= 2
    assert {record.fetch for record in ours} == {f"fetch {log.pk}: "}


def test_it_asks_again_about_streams_until_they_have_ended(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    stream = Broadcast(planned=0, started=0, ended=5400)
    youtube.world.publish(
        "python",
        video_id="stream-0001",
        title="python live",
        published_at=NOW - timedelta(minutes=30),
        broadcast=stream,
    )
    fetched(entry)
    video = Video.objects.get(pk="stream-0001")
    assert video.live_state == "live"

    frozen_time.move(minutes=30)
    units = QuotaSpend.objects.get(project="one", bucket="general").used
    complete_stored()
    assert QuotaSpend.objects.get(project="one", bucket="general").used == units

    frozen_time.move(hours=2)
    complete_stored()
    video.refresh_from_db()
    assert video.live_state == "completed"


@pytest.mark.parametrize("kind", ["short_page", "empty_page"])
def test_a_short_page_is_followed_by_the_next(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, kind: str
) -> None:
    fetched(entry)
    publish_burst(youtube)
    frozen_time.move(hours=6)
    youtube.faults.add("youtube", kind)

    fetched(entry)
    frozen_time.move(hours=1)
    fetched(entry)

    assert Video.objects.filter(pk__startswith="burst-").count() == 180
    assert not entry.gaps.filter(late=False).exists()


def test_a_search_between_does_not_hide_that_a_stream_has_ended(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    began = NOW - timedelta(minutes=30)
    stream = Broadcast(planned=0, started=0, ended=5400)
    youtube.world.publish("python", video_id="stream-0001", title="python live", published_at=began, broadcast=stream)
    fetched(entry)
    frozen_time.move(hours=3)
    fetched(entry)
    complete_stored()

    video = Video.objects.get(pk="stream-0001")
    assert video.live_state == "completed"
    assert video.duration


def test_videos_outside_the_requested_dates_do_not_hide_a_gap(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, monkeypatch
) -> None:
    fetched(entry)
    frozen_time.move(hours=6)
    now = NOW + timedelta(hours=6)
    page = [found_video(published_at=now - timedelta(minutes=n)) for n in range(45)]
    strays = [found_video(published_at=NOW - timedelta(days=400)) for _ in range(5)]
    odd = SearchPage(videos=(*page, *strays), more=True, next_page_token=None)
    monkeypatch.setattr("core.youtube_api.search_videos", Mock(return_value=odd))

    fetched(entry)

    gap = entry.gaps.get()
    assert gap.before <= now - timedelta(minutes=25)
