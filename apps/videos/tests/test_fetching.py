"""One fetch, against real HTTP: what is found, what is stored, what is logged, what is due next."""

import json
from datetime import date, timedelta
from itertools import pairwise
from unittest.mock import Mock, patch

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from apps.conftest import NOW, MovableTime
from apps.quota import ledger, troubles
from apps.quota.models import ApiKey, QuotaSpend, Trouble
from apps.videos import schedules, tasks
from apps.videos.fetching import fetch_keyword
from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.searching import complete_stored
from apps.videos.tests.builders import found_video
from core import youtube_api
from core.errors import BadQuery, SourceAway
from core.log_lines import FetchFilter
from core.youtube_api import SearchPage
from core.youtube_refusals import refusal
from simulator import Broadcast, Project
from simulator.server import Simulator

SCHEDULE, MANUAL = VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.MANUAL


@pytest.fixture
def entry(youtube: Simulator) -> KeyWordEntry:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=3600)
    schedules.sync()
    entry.refresh_from_db()
    return entry


def fetched(entry: KeyWordEntry, trigger: VideoLog.Trigger = SCHEDULE) -> VideoLog:
    entry.refresh_from_db()
    log = fetch_keyword(entry, trigger)
    assert log is not None
    entry.refresh_from_db()
    return log


def test_it_works(youtube: Simulator, entry: KeyWordEntry) -> None:
    log = fetched(entry)

    assert (log.status, log.method, log.number_found, log.number_added) == ("done", "youtube", 50, 50)
    assert (log.searches, log.units) == (1, 1)
    assert entry.video_count == Video.objects.count() == 50
    assert entry.searched_through == entry.last_fetched_at == NOW
    assert entry.next_due_at == NOW + timedelta(seconds=entry.planned_interval)
    assert entry.claim_token == ""


def test_it_stores_what_youtube_tells(youtube: Simulator, entry: KeyWordEntry) -> None:
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


def test_it_takes_a_ring_that_comes_a_little_early(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    fetched(entry)
    frozen_time.move(seconds=entry.planned_interval - 20)

    assert fetched(entry).status == "done"


def test_it_leaves_a_keyword_alone_that_another_worker_fetches(entry: KeyWordEntry) -> None:
    assert entry.claim(scheduled=True)

    assert fetch_keyword(entry, MANUAL) is None
    assert VideoLog.objects.count() == 0


def test_it_takes_over_from_a_worker_that_died(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    entry.claim(scheduled=True)
    dead = VideoLog.objects.create(keyword=entry, keyword_text=entry.keyword)
    frozen_time.move(minutes=5)

    log = fetched(entry)

    assert log.status == "done"
    dead.refresh_from_db()
    assert dead.status == "interrupted"


def test_it_leaves_a_paused_keyword_alone_but_for_people(entry: KeyWordEntry) -> None:
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
    assert QuotaSpend.objects.get(project="two", bucket="search").spent == 1


def test_it_waits_for_the_reset_when_all_searches_are_gone(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    reset = NOW + timedelta(hours=12)

    log = fetched(entry)

    assert (log.status, log.waiting_until, log.number_found) == ("waiting", reset, 0)
    assert entry.next_due_at is not None
    assert reset <= entry.next_due_at <= reset + timedelta(minutes=1)
    assert [trouble.until for trouble in Trouble.objects.open()] == [reset]
    assert fetch_keyword(entry, SCHEDULE) is None

    for project in youtube.projects:
        project.limits["search"] = 100
    frozen_time.move_to(entry.next_due_at)
    assert fetched(entry).status == "done"


def test_it_tells_of_a_pause_once(youtube: Simulator, entry: KeyWordEntry) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    fetched(entry)
    KeyWordEntry.objects.update(next_due_at=timezone.now())
    fetched(entry)
    fetched(KeyWordEntry.objects.create(keyword="Django"))

    assert VideoLog.objects.filter(keyword=entry, status="waiting").count() == 1
    assert VideoLog.objects.count() == 2
    assert Trouble.objects.count() == 1


def test_it_falls_back_to_invidious(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    fetched(entry)
    exact = dict(Video.objects.values_list("pk", "published_at"))
    for project in youtube.projects:
        project.limits["search"] = 0
    searched_through = entry.searched_through

    log = fetched(entry, MANUAL)

    assert (log.status, log.method) == ("done", "invidious")
    assert "searches are spent" in log.message
    assert entry.searched_through == searched_through
    assert {pk: date for pk, date in Video.objects.values_list("pk", "published_at") if pk in exact} == exact
    # videos.list has a bucket of its own, and makes exact what Invidious guessed.
    assert not Video.objects.filter(published_exact=False).exists()


def test_it_stores_guesses_where_youtube_tells_nothing(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    for project in youtube.projects:
        project.limits = {"search": 0, "general": 0}

    log = fetched(entry)

    assert (log.status, log.method) == ("done", "invidious")
    assert log.number_added == Video.objects.filter(published_exact=False, completed_at=None).count() > 0


def test_it_works_with_invidious_alone(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []

    log = fetched(entry)

    assert (log.status, log.method, log.searches) == ("done", "invidious", 0)
    assert entry.searched_through is None


@pytest.mark.parametrize("kind", ["status_503", "reset", "html_200", "truncated_json"])
def test_it_says_so_when_youtube_is_away(youtube: Simulator, entry: KeyWordEntry, kind: str, monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    youtube.faults.add("youtube", kind, times=None)

    log = fetched(entry)

    assert (log.status, log.error, log.searches) == ("failed", "SourceAway", 3)
    assert log.message.startswith("YouTube")
    assert entry.next_due_at == NOW + timedelta(seconds=entry.planned_interval)
    assert entry.claim_token == ""


def test_it_closes_the_log_when_something_unexpected_happens(entry: KeyWordEntry, monkeypatch) -> None:
    monkeypatch.setattr("apps.videos.storing.store", lambda *args: 1 / 0)

    log = fetched(entry)

    assert (log.status, log.error) == ("failed", "ZeroDivisionError")
    assert VideoLog.objects.get().status == "failed"
    assert entry.claim_token == ""


def test_it_ends_quietly_when_the_keyword_is_deleted_meanwhile(entry: KeyWordEntry, monkeypatch) -> None:
    from apps.videos import storing

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


def test_units_that_are_gone_are_a_trouble_until_the_reset(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    for project in youtube.projects:
        project.limits["general"] = 0
    for _ in range(2):
        fetched(entry, MANUAL)
    (trouble,) = Trouble.objects.open()
    assert (trouble.kind, trouble.until) == (Trouble.Kind.UNITS_SPENT, NOW + timedelta(hours=12))

    for project in youtube.projects:
        project.limits["general"] = 10_000
    QuotaSpend.objects.filter(bucket="general").delete()
    complete_stored()
    assert not Trouble.objects.open().exists(), "more units were to be had after all"


def test_a_video_left_out_once_is_asked_about_again(
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
        # Ahead of the day's pace: people and schedules may still search, old gaps may not.
        QuotaSpend.objects.update_or_create(
            project=project, bucket="search", day=date(2026, 11, 20), defaults={"spent": 94}
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


def test_it_stops_spending_on_a_query_that_youtube_does_not_accept(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, monkeypatch
) -> None:
    refused = BadQuery("YouTube does not accept this query (invalidSearchFilter).", 400)
    with monkeypatch.context() as patch:
        patch.setattr("core.youtube_api.search_videos", Mock(side_effect=refused))
        log = fetched(entry)
    assert (log.status, log.error, log.http_status, log.searches) == ("failed", "BadQuery", 400, 1)
    assert "invalidSearchFilter" in entry.bad_query

    frozen_time.move(days=2)
    assert fetch_keyword(entry, SCHEDULE) is None
    assert not KeyWordEntry.objects.overdue(timezone.now()).exists()
    schedules.sync()
    assert not PeriodicTask.objects.filter(task=schedules.TASK).exists()

    entry.save()
    assert fetched(entry).status == "done"
    assert entry.bad_query == ""


def test_a_person_may_try_a_refused_query_again(youtube: Simulator, entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.update(bad_query="YouTube does not accept this query.")
    assert fetched(entry, MANUAL).status == "done"
    assert entry.bad_query == ""


def test_it_leaves_an_instance_alone_that_has_blocked_us(
    youtube: Simulator, entry: KeyWordEntry, settings, frozen_time: MovableTime
) -> None:
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    youtube.faults.add("invidious", "html_200", times=None)

    assert fetched(entry).error == "SourceBlocked"
    asked = youtube.stats.requests("/api/v1/search")
    log = fetched(entry, MANUAL)
    assert (log.status, log.waiting_until) == ("waiting", NOW + timedelta(hours=1))
    assert youtube.stats.requests("/api/v1/search") == asked

    youtube.faults.clear()
    frozen_time.move(hours=1, seconds=1)
    assert fetched(entry, MANUAL).status == "done"
    assert not Trouble.objects.open().exists()


def test_waiting_keywords_go_on_when_a_key_is_added(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    fetched(entry)
    tasks.catch_up()
    assert fetch_keyword(entry, SCHEDULE) is None

    youtube.projects.add(Project("three", ["third-secret-key"]))
    settings.YT_KEYS = [*settings.YT_KEYS, ("three", "third-secret-key")]
    tasks.catch_up()

    assert fetched(entry).status == "done"
    assert not Trouble.objects.open().exists()


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
    units = QuotaSpend.objects.get(project="one", bucket="general").spent
    complete_stored()
    assert QuotaSpend.objects.get(project="one", bucket="general").spent == units

    frozen_time.move(hours=2)
    complete_stored()
    video.refresh_from_db()
    assert video.live_state == "completed"


@pytest.mark.parametrize("kind", ["short_page", "empty_page"])
def test_it_goes_on_behind_a_page_that_is_not_full(
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


def test_it_tells_both_reasons_when_neither_source_helps(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    for project in youtube.projects:
        project.limits["search"] = 0
    youtube.faults.add("invidious", "error_400", times=None)

    log = fetched(entry)

    assert log.status == "failed"
    assert "searches are spent" in log.message
    assert "Invidious" in log.message


def test_waiting_is_no_fetch(youtube: Simulator, entry: KeyWordEntry) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    fetched(entry)
    assert entry.last_fetched_at is None
    assert entry.next_trigger == VideoLog.Trigger.FIRST


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


def test_a_fetch_that_ends_late_does_not_end_the_pause(youtube: Simulator, entry: KeyWordEntry) -> None:
    troubles.begin(Trouble.Kind.SEARCHES_SPENT, "Today's searches are spent.", until=NOW + timedelta(hours=12))
    assert fetched(entry).status == "done"
    assert Trouble.objects.open().count() == 1


def test_a_suspended_project_is_not_gone_around_by_invidious(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    youtube.projects["one"].keys[0].state = "suspended"
    for _ in range(2):
        assert fetched(entry, MANUAL).error == "ProjectSuspended"
    assert youtube.stats.requests("/api/v1/search") == 0
    assert youtube.stats.requests("/youtube/v3/search") == 1


def test_strays_from_outside_the_window_do_not_hide_a_gap(
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


def test_a_reason_that_cannot_be_stored_is_no_way_out_of_the_log(entry: KeyWordEntry, monkeypatch) -> None:
    body = json.dumps({"error": {"errors": [{"reason": "\ud800\x00" + "x" * 5000}]}}).encode()
    monkeypatch.setattr("core.youtube_api.search_videos", Mock(side_effect=refusal(400, body)))

    assert fetched(entry).error == "BadQuery"
    assert len(entry.bad_query) <= 300


def test_it_has_patience_with_invidious_too(youtube: Simulator, entry: KeyWordEntry, settings, monkeypatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    youtube.faults.add("invidious", "status_503", times=2)

    assert fetched(entry).status == "done"
    assert [int(nap) for nap in naps] == [1, 2]
    assert not Trouble.objects.exists()


def test_it_says_so_when_invidious_is_away(youtube: Simulator, entry: KeyWordEntry, settings, monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    youtube.faults.add("invidious", "reset", times=None)

    assert fetched(entry).error == "SourceAway"
    assert Trouble.objects.open().get().kind == Trouble.Kind.INVIDIOUS_AWAY
    asked = youtube.stats.requests("/api/v1/search")
    assert fetched(entry, MANUAL).error == "SourceAway"
    assert youtube.stats.requests("/api/v1/search") == asked + 1, "one try shows whether it is back"

    youtube.faults.clear()
    fetched(entry, MANUAL)
    assert not Trouble.objects.open().exists()


def test_what_one_page_of_invidious_brought_is_kept_when_the_next_fails(
    youtube: Simulator, entry: KeyWordEntry, settings
) -> None:
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    with patch("core.invidious_api._page", autospec=True) as page:
        page.side_effect = [[{"type": "video", "videoId": "abcdefghijk", "title": "python"}], SourceAway("Away.")]
        log = fetched(entry)
    assert (log.status, log.number_added) == ("done", 1)


def test_invidious_has_its_turn_when_youtube_took_all_the_time(
    youtube: Simulator, entry: KeyWordEntry, settings, monkeypatch
) -> None:
    monkeypatch.setattr("apps.videos.searching.LONGEST_FETCH", -1.0)
    settings.INVIDIOUS_URL = youtube.invidious_url

    log = fetched(entry)

    assert (log.status, log.method) == ("done", "invidious")
    assert youtube.stats.requests("/youtube/v3/search") == 0
    assert youtube.stats.requests("/api/v1/search") == 1, "there is no time for a second page"


@pytest.mark.parametrize("state", ["expired", "suspended"])
def test_a_pause_until_a_person_acts_is_told_once(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, state: str
) -> None:
    for project in youtube.projects:
        project.keys[0].state = state
    KeyWordEntry.objects.update(interval=86_400, planned_interval=86_400)
    for _ in range(4):
        frozen_time.move(minutes=15)
        fetched(entry)
    told = list(entry.logs.order_by("pk").values_list("status", "searches"))
    assert told[0] == ("failed", 2 if state == "expired" else 1)
    assert told[1:] in ([], [("failed", 0)]), "the same words are not said again"

    for project in youtube.projects:
        project.keys[0].state = "valid"
    ledger.reactivate(*ApiKey.objects.all())
    frozen_time.move(minutes=15)
    assert fetched(entry).status == "done", "it does not wait for its whole interval"


def test_what_a_person_asked_for_in_a_pause_is_done_after_it(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    paused = KeyWordEntry.objects.create(keyword="paused", state=KeyWordEntry.State.PAUSED)
    for project in youtube.projects:
        project.limits["search"] = 0
    asked = [fetched(entry, MANUAL), fetched(paused, MANUAL)]
    assert {log.waiting_until for log in asked} == {NOW + timedelta(hours=12)}
    sent.clear()
    tasks.catch_up()
    assert sent == []

    for project in youtube.projects:
        project.limits["search"] = 100
    frozen_time.move(hours=12, minutes=2)
    tasks.catch_up()
    searches = youtube.stats.requests("/youtube/v3/search")
    for _, arguments, named in sent:
        tasks.process_trigger(*arguments, **named)
    for log in asked:
        log.refresh_from_db()
        assert (log.status, log.searches) == ("done", 1)
    assert youtube.stats.requests("/youtube/v3/search") == searches + 2, "one for each, however many asked"
    assert not VideoLog.objects.filter(status="waiting", trigger="manual").exists()


def test_keywords_that_waited_do_not_go_on_all_at_once(youtube: Simulator, entry: KeyWordEntry) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    entries = [entry, *(KeyWordEntry.objects.create(keyword=f"word {number}") for number in range(5))]
    for waiting in entries:
        fetched(waiting)
    due = sorted(waiting.next_due_at for waiting in entries)
    assert all(later - earlier > timedelta(seconds=2) for earlier, later in pairwise(due))
    assert due[-1] <= NOW + timedelta(hours=12, minutes=1)


def test_keys_that_all_rest_are_a_trouble_too(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings
) -> None:
    youtube.faults.add("youtube", "unknown_403", times=None)
    for _ in range(4):
        fetched(entry, MANUAL)
        frozen_time.move(minutes=16)
    (trouble,) = Trouble.objects.open()
    assert (trouble.kind, trouble.began_at) == (Trouble.Kind.KEYS_REST, NOW)
    assert "refused this key" in trouble.message

    youtube.faults.clear()
    fetched(entry, MANUAL)
    assert not Trouble.objects.open().exists()


def test_what_a_person_mends_is_used_within_a_minute(youtube: Simulator, entry: KeyWordEntry, settings, sent) -> None:
    both, settings.YT_KEYS = settings.YT_KEYS, settings.YT_KEYS[:1]
    ledger.sync_keys()
    youtube.projects["one"].keys[0].state = "not_enabled"
    assert fetched(entry).status == "waiting"
    tasks.catch_up()
    assert fetch_keyword(entry, SCHEDULE) is None

    settings.YT_KEYS = both
    ledger.sync_keys()
    tasks.catch_up()
    assert fetched(entry).status == "done"

    for project in youtube.projects:
        project.keys[0].state = "expired"
    assert fetched(entry, MANUAL).error == "NothingLeft"
    tasks.catch_up()
    assert fetch_keyword(entry, SCHEDULE) is None
    youtube.projects["two"].keys[0].state = "valid"
    ledger.reactivate(ApiKey.objects.get(label="two"))
    tasks.catch_up()
    assert fetched(entry).status == "done"


def test_an_invidious_that_is_not_needed_is_no_trouble(
    youtube: Simulator, entry: KeyWordEntry, settings, frozen_time: MovableTime, monkeypatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    settings.INVIDIOUS_URL = youtube.invidious_url
    youtube.faults.add("youtube", "status_503", times=None)
    youtube.faults.add("invidious", "html_200", times=None)
    assert fetched(entry).error == "SourceBlocked"
    assert {trouble.kind for trouble in Trouble.objects.open()} == {"youtube", "invidious"}
    asked = youtube.stats.requests("/api/v1/search")

    # A blocked Invidious makes no short outage of YouTube's long.
    log = fetched(entry, MANUAL)
    assert (log.status, log.error, log.http_status) == ("failed", "SourceAway", 503)
    assert "Invidious" in log.message
    assert entry.next_due_at <= timezone.now() + timedelta(seconds=entry.planned_interval)

    youtube.faults.clear()
    fetched(entry, MANUAL)
    assert not Trouble.objects.open().exists()
    for project in youtube.projects:
        project.limits["search"] = 0
    assert fetched(entry, MANUAL).status == "waiting"
    assert youtube.stats.requests("/api/v1/search") == asked, "it is left alone for its hour all the same"


def test_asking_again_in_a_pause_is_asking_once(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    logs = []
    for _ in range(3):
        log = tasks.fetch_now(entry)
        tasks.process_trigger(entry.pk, trigger="manual", log_id=log.pk)
        frozen_time.move(minutes=3)
        logs.append(log)
    assert logs[0] == logs[1] == logs[2]
    assert VideoLog.objects.count() == 1


def test_what_a_person_asked_for_outlives_its_worker_once(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    paused = KeyWordEntry.objects.create(keyword="paused", state=KeyWordEntry.State.PAUSED)
    log = tasks.fetch_now(paused)
    for end in ("waiting", "interrupted"):
        paused.claim(scheduled=False)
        VideoLog.objects.update(status="running", created_at=timezone.now())
        assert tasks.fetch_now(paused) == log
        frozen_time.move(seconds=150)
        sent.clear()
        assert tasks.fetch_now(paused) != log, "who died is not under way"
        VideoLog.objects.exclude(pk=log.pk).delete()
        frozen_time.move(seconds=150)
        sent.clear()
        tasks.catch_up()
        log.refresh_from_db()
        assert log.status == end
        again = ("process_trigger", (paused.pk,), {"trigger": "manual", "log_id": log.pk})
        assert (again in sent) == (end == "waiting")


def spend_but(people: int) -> None:
    for project in ("one", "two"):
        QuotaSpend.objects.update_or_create(
            project=project, bucket="search", day=date(2026, 11, 20), defaults={"spent": 100 - people}
        )


def test_what_is_kept_for_people_is_theirs_whoever_does_it(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    spend_but(people=5)
    log = tasks.fetch_now(entry)
    tasks.process_trigger(entry.pk, trigger="schedule")
    log.refresh_from_db()
    assert (log.status, log.trigger) == ("done", "manual")


def test_whoever_asks_again_in_a_pause_has_it_tried_again(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings, sent: list[tuple]
) -> None:
    spend_but(people=0)
    log = tasks.fetch_now(entry)
    tasks.process_trigger(entry.pk, trigger="manual", log_id=log.pk)
    settings.INVIDIOUS_URL = youtube.invidious_url
    sent.clear()
    tasks.catch_up()
    assert ("process_trigger", (entry.pk,), {"trigger": "manual", "log_id": log.pk}) in sent


def test_a_pause_told_before_hides_nobody_from_what_ends_it(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings, sent: list[tuple]
) -> None:
    spend_but(people=5)
    KeyWordEntry.objects.update(last_fetched_at=NOW - timedelta(hours=1))
    assert fetched(entry).status == "waiting"
    frozen_time.move(minutes=5)
    assert fetched(entry, MANUAL).status == "done"
    frozen_time.move_to(entry.next_due_at)
    assert fetched(entry).status == "waiting"
    settings.YT_SEARCHES_PER_DAY = {"": 1000}
    tasks.catch_up()
    assert fetched(entry).status == "done"


def test_a_message_that_comes_again_late_does_nothing(youtube: Simulator, entry: KeyWordEntry, sent: list) -> None:
    log = tasks.fetch_now(entry)
    stale = VideoLog.objects.get(pk=log.pk)
    tasks.process_trigger(entry.pk, trigger="manual", log_id=log.pk)
    assert fetch_keyword(entry, MANUAL, stale) is None
    assert youtube.stats.requests("/youtube/v3/search") == 1
    entry.refresh_from_db()
    assert entry.claim_token == ""


def test_a_rest_across_midnight_is_no_pause_of_all(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings
) -> None:
    frozen_time.move(hours=11, minutes=20)
    settings.YT_KEYS = settings.YT_KEYS[:1]
    ledger.sync_keys()
    youtube.projects["one"].keys[0].state = "not_enabled"
    fetched(entry)
    assert {trouble.kind for trouble in Trouble.objects.open()} == {Trouble.Kind.KEY_REFUSED, Trouble.Kind.KEYS_REST}
    settings.YT_KEYS = []
    ledger.sync_keys()
    assert not Trouble.objects.open().exists()
