"""Nothing is lost, and nothing stops, when this machine's clock is wrong and is put right."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.db import models
from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys
from apps.quota.models import ApiKey
from apps.videos import tasks
from apps.videos.fetching.blanking import record_missing
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, SearchEvidence, SearchGroup, Video, VideoLog
from simulator import Simulator, World
from simulator.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)

SCHEDULE = VideoLog.Trigger.SCHEDULE
DIFFERENT = Incident.Kind.CLOCKS_DIFFER


def fetch(entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.update(next_due_at=timezone.now())
    entry.refresh_from_db()
    log = fetch_keyword(entry, SCHEDULE)
    assert log is not None
    assert log.status == VideoLog.Status.DONE, log.message
    entry.refresh_from_db()


def set_clock(time: MovableTime, clock: Clock, moment: datetime) -> None:
    """Set this machine's clock, while YouTube's goes on."""
    youtubes = clock.now()
    time.move_to(moment)
    clock.set(youtubes)


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(hours=6)])
def test_what_appears_while_the_clock_is_ahead_is_found(
    run_youtube: Callable[[World], Simulator], frozen_time: MovableTime, clock: Clock, ahead: timedelta
) -> None:
    """The keyword is busy: about a quiet one, the next search would reach back far enough anyway.

    Less than 90 minutes would lose nothing either, since those dates are searched again for videos indexed late, nor a
    mark that is still in the future when the clock is put right: see the test of it.
    """
    youtube = run_youtube(World(seed=7, rates={"busy": 45}, index_delay=0, started_at=NOW))
    entry = KeyWordEntry.objects.create(keyword="busy", interval=3600)
    fetch(entry)
    set_clock(frozen_time, clock, NOW + ahead)
    fetch(entry)
    assert entry.searched_through == NOW, "not further than YouTube's clock"
    message = Incident.objects.get(kind=DIFFERENT).message
    assert f"and YouTube differ: the first is {ahead // timedelta(minutes=1)} min ahead." in message

    for hours in (8, 9, 10):
        clock.set(NOW + timedelta(hours=hours))
        set_clock(frozen_time, clock, NOW + timedelta(hours=hours))
        fetch(entry)
    assert not Incident.objects.open().filter(kind=DIFFERENT).exists()
    assert entry.searched_through == NOW + timedelta(hours=10)
    shown = youtube.world.search("busy", clock.now(), published_after=NOW)
    between = {video.video_id for video in shown if video.published_at < (NOW + timedelta(hours=8)).timestamp()}
    assert between
    assert between <= set(entry.matches.values_list("video", flat=True))


def test_a_clock_that_is_behind_causes_no_search_for_what_was_found(
    run_youtube: Callable[[World], Simulator], frozen_time: MovableTime, clock: Clock
) -> None:
    youtube = run_youtube(World(seed=7, rates={"busy": 45}, index_delay=0, started_at=NOW))
    entry = KeyWordEntry.objects.create(keyword="busy", interval=3600)
    for _ in range(5):
        fetch(entry)
        frozen_time.move(hours=1)
    through = entry.searched_through

    set_clock(frozen_time, clock, NOW + timedelta(hours=1))
    fetch(entry)
    assert entry.searched_through == through
    assert not entry.gaps.filter(late=False).exists()

    clock.advance(3600)
    set_clock(frozen_time, clock, clock.now())
    fetch(entry)
    shown = {video.video_id for video in youtube.world.search("busy", clock.now(), published_after=NOW)}
    assert shown <= set(entry.matches.values_list("video", flat=True))


@pytest.mark.parametrize("nonsense", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC)])
def test_a_nonsense_date_of_a_response_takes_nothing_back(
    entry: KeyWordEntry, frozen_time: MovableTime, clock: Clock, monkeypatch: pytest.MonkeyPatch, nonsense: datetime
) -> None:
    fetch(entry)
    frozen_time.move(hours=1)
    monkeypatch.setattr("simulator.server._Handler.date_time_string", lambda self, at: format_datetime(nonsense, True))
    fetch(entry)
    assert entry.searched_through
    assert entry.searched_through >= NOW
    monkeypatch.undo()
    fetch(entry)
    assert entry.searched_through == timezone.now()


def test_a_mark_in_the_future_is_not_trusted(
    entry: KeyWordEntry, youtube: Simulator, frozen_time: MovableTime, clock: Clock
) -> None:
    fetch(entry)
    KeyWordEntry.objects.update(searched_through=NOW + timedelta(days=1))
    frozen_time.move(hours=8)
    fetch(entry)
    assert entry.searched_through == timezone.now()
    shown = {video.video_id for video in youtube.world.search(entry.keyword, clock.now(), published_after=NOW)}
    assert shown
    assert shown <= set(entry.matches.values_list("video", flat=True))


@pytest.mark.parametrize("back", [timedelta(minutes=10), timedelta(hours=3), timedelta(days=1)])
def test_a_keyword_is_fetched_within_its_interval_after_the_clock_was_set_back(
    entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple], back: timedelta
) -> None:
    fetch(entry)
    frozen_time.move_to(NOW - back)
    tasks.catch_up()
    entry.refresh_from_db()
    assert entry.next_due_at
    assert entry.next_due_at <= timezone.now() + timedelta(seconds=entry.planned_interval)
    assert entry.last_fetched_at == timezone.now()


def test_logs_from_the_future_do_not_stay_open(
    entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    running = VideoLog.objects.create(keyword=entry, status="running", created_at=NOW)
    manual = VideoLog.objects.create(keyword=entry, status="waiting", trigger="manual", created_at=NOW)
    frozen_time.move(hours=-3)
    sent.clear()
    tasks.catch_up()
    running.refresh_from_db()
    assert running.status == VideoLog.Status.INTERRUPTED
    assert ("process_trigger", (entry.pk,), {"trigger": "manual", "log_id": manual.pk}) in sent


def test_a_cooldown_does_not_outlast_the_clock_by_which_it_began(youtube: Simulator, frozen_time: MovableTime) -> None:
    keys.cool_down(ApiKey.objects.get(position=0), "The API is not enabled.", timedelta(hours=1))
    assert len(keys.usable()) == 1
    frozen_time.move(days=-1)
    assert len(keys.usable()) == 2


def test_a_problem_does_not_outlast_the_clock_by_which_it_began(frozen_time: MovableTime) -> None:
    kind = Incident.Kind.INVIDIOUS_BLOCKED
    incidents.open(kind, "Invidious refuses searches.", until=NOW + timedelta(hours=1))
    assert Incident.objects.not_ended(kind).exists()
    frozen_time.move(days=-1)
    assert not Incident.objects.not_ended(kind).exists()
    incidents.close_expired()
    assert not Incident.objects.open().exists()


def test_a_pause_that_was_recorded_in_the_future_is_ended_once(
    entry: KeyWordEntry, youtube: Simulator, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    frozen_time.move_to(NOW + timedelta(days=3))
    for project in youtube.projects:
        project.limits["search"] = 0
    waiting = fetch_keyword(entry, SCHEDULE)
    assert waiting is not None
    assert waiting.status == VideoLog.Status.WAITING

    frozen_time.move_to(NOW)
    for project in youtube.projects:
        project.limits["search"] = 100
    tasks.catch_up()
    entry.refresh_from_db()
    fetch(entry)
    due = entry.next_due_at
    tasks.catch_up()

    entry.refresh_from_db()
    assert entry.next_due_at == due
    latest = KeyWordEntry.objects.with_last_log().get()
    assert latest.last_log_status == VideoLog.Status.DONE


# Those that are about videos, and those that the next fetch corrects.
FROM_ELSEWHERE = {"silent_since", "erase_after", "claimed_at", "last_found_at", "searched_through", "notify_since"}
DATES = [one.name for one in KeyWordEntry._meta.concrete_fields if isinstance(one, models.DateTimeField)]


@pytest.mark.parametrize("name", [name for name in DATES if name not in FROM_ELSEWHERE])
@pytest.mark.parametrize("fetched_before", [True, False])
@pytest.mark.parametrize("refused", [True, False])
def test_a_date_from_the_future_stops_no_keyword(
    entry: KeyWordEntry, youtube: Simulator, frozen_time: MovableTime, name: str, fetched_before: bool, refused: bool
) -> None:
    if fetched_before:
        fetch(entry)
    frozen_time.move(minutes=5)
    later = {name: NOW + timedelta(days=365), "audit_interval": 3600}
    KeyWordEntry.objects.update(**later)
    tasks.catch_up()
    tasks.sync_schedules()
    frozen_time.move(hours=1, minutes=5)
    if refused:
        youtube.faults.add("youtube", "bad_query_400")
    entry.refresh_from_db()
    log = fetch_keyword(entry, SCHEDULE)
    assert log
    assert log.status == ("failed" if refused else "done"), log.message
    assert log.error_code == ("bad_query" if refused else "")
    entry.refresh_from_db()
    dates = {one: getattr(entry, one) for one in DATES}
    assert {one for one, date in dates.items() if date and date > timezone.now() + timedelta(days=1)} == set()


def test_a_keyword_that_was_added_by_a_clock_ahead_is_fetched(
    youtube: Simulator, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    frozen_time.move(days=365)
    entry = KeyWordEntry.objects.create(keyword="python")
    tasks.sync_schedules()
    frozen_time.move_to(NOW)
    tasks.catch_up()
    assert fetch_keyword(KeyWordEntry.objects.get(pk=entry.pk), VideoLog.Trigger.FIRST)


def test_audits_go_on_after_the_clock_was_set_back(youtube: Simulator, frozen_time: MovableTime) -> None:
    entries = [KeyWordEntry.objects.create(keyword=word) for word in ("python", "django")]
    KeyWordEntry.objects.update(last_fetched_at=NOW, next_due_at=NOW, searched_through=NOW)
    frozen_time.move(days=365)
    tasks.sync_schedules()
    frozen_time.move_to(NOW + timedelta(minutes=1))
    tasks.catch_up()
    tasks.sync_schedules()
    for entry in entries:
        entry.refresh_from_db()
        assert entry.audit_due_at
        assert entry.audit_due_at <= timezone.now() + max(timedelta(seconds=entry.audit_interval), timedelta(days=1))

    SearchEvidence.objects.update(counted_through=NOW + timedelta(days=365))
    frozen_time.move(hours=6)
    KeyWordEntry.objects.update(audit_due_at=NOW)
    SearchGroup.objects.update(searched_through=timezone.now())
    assert fetch_keyword(KeyWordEntry.objects.get(pk=entries[0].pk), VideoLog.Trigger.AUDIT)
    assert SearchEvidence.objects.get(keyword=entries[0]).counted_through < timezone.now()


def test_a_video_that_was_left_out_in_the_future_is_requested_again(
    entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    fetch(entry)
    frozen_time.move(days=25)
    Video.objects.update(missing_since=timezone.now() + timedelta(days=365))
    assert Video.objects.to_refresh(timezone.now(), 100)
    record_missing(Video.objects.values_list("pk", flat=True))
    assert set(Video.objects.values_list("missing_since", flat=True)) == {timezone.now()}
