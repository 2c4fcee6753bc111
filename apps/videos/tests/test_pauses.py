"""Pauses: what waits and until when, what ends them, and manual fetches during one."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys
from apps.quota.models import ApiKey, QuotaSpend
from apps.videos import tasks
from apps.videos.fetching import claims
from apps.videos.fetching.completing import complete_stored
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.fetching.manual import fetch_now
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tests.builders import claim_of
from apps.videos.tests.fetches import MANUAL, SCHEDULE, fetched
from simulator import Project
from simulator.server import Simulator


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
    assert [incident.until for incident in Incident.objects.open()] == [reset]
    assert fetch_keyword(entry, SCHEDULE) is None

    for project in youtube.projects:
        project.limits["search"] = 100
    frozen_time.move_to(entry.next_due_at)
    assert fetched(entry).status == "done"


def test_it_logs_a_pause_once(youtube: Simulator, entry: KeyWordEntry) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    fetched(entry)
    KeyWordEntry.objects.update(next_due_at=timezone.now())
    fetched(entry)
    fetched(KeyWordEntry.objects.create(keyword="Django"))

    assert VideoLog.objects.filter(keyword=entry, status="waiting").count() == 1
    assert VideoLog.objects.count() == 2
    assert Incident.objects.count() == 1


def test_used_up_units_are_an_incident_until_the_reset(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    for project in youtube.projects:
        project.limits["general"] = 0
    for _ in range(2):
        fetched(entry, MANUAL)
    (incident,) = Incident.objects.open()
    assert (incident.kind, incident.until) == (Incident.Kind.UNITS_USED_UP, NOW + timedelta(hours=12))

    for project in youtube.projects:
        project.limits["general"] = 10_000
    QuotaSpend.objects.filter(bucket="general").delete()
    complete_stored()
    assert not Incident.objects.open().exists(), "more units were available"


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
    assert not Incident.objects.open().exists()


def test_waiting_is_no_fetch(youtube: Simulator, entry: KeyWordEntry) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    fetched(entry)
    assert entry.last_fetched_at is None
    assert entry.next_trigger == VideoLog.Trigger.FIRST


def test_a_fetch_that_ends_late_does_not_end_the_pause(youtube: Simulator, entry: KeyWordEntry) -> None:
    incidents.open(Incident.Kind.SEARCHES_USED_UP, "All searches are used.", until=NOW + timedelta(hours=12))
    assert fetched(entry).status == "done"
    assert Incident.objects.open().count() == 1


@pytest.mark.parametrize("state", ["expired", "suspended"])
def test_a_pause_until_a_person_acts_is_logged_once(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, state: str
) -> None:
    for project in youtube.projects:
        project.keys[0].state = state
    KeyWordEntry.objects.update(interval=86_400, planned_interval=86_400)
    for _ in range(4):
        frozen_time.move(minutes=15)
        fetched(entry)
    shown = list(entry.logs.order_by("pk").values_list("status", "searches"))
    assert shown[0] == ("failed", 2 if state == "expired" else 1)
    assert shown[1:] in ([], [("failed", 0)]), "the same message is not repeated"

    for project in youtube.projects:
        project.keys[0].state = "valid"
    keys.reactivate(*ApiKey.objects.all())
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


def test_only_keys_cooling_down_are_an_incident(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings
) -> None:
    youtube.faults.add("youtube", "unknown_403", times=None)
    for _ in range(4):
        fetched(entry, MANUAL)
        frozen_time.move(minutes=16)
    (incident,) = Incident.objects.open()
    assert (incident.kind, incident.opened_at) == (Incident.Kind.KEYS_COOLING_DOWN, NOW)
    assert "refused the key" in incident.message

    youtube.faults.clear()
    fetched(entry, MANUAL)
    assert not Incident.objects.open().exists()


def test_a_repaired_key_is_used_within_a_minute(youtube: Simulator, entry: KeyWordEntry, settings, sent) -> None:
    both, settings.YT_KEYS = settings.YT_KEYS, settings.YT_KEYS[:1]
    keys.sync()
    youtube.projects["one"].keys[0].state = "not_enabled"
    assert fetched(entry).status == "waiting"
    tasks.catch_up()
    assert fetch_keyword(entry, SCHEDULE) is None

    settings.YT_KEYS = both
    keys.sync()
    tasks.catch_up()
    assert fetched(entry).status == "done"

    for project in youtube.projects:
        project.keys[0].state = "expired"
    assert fetched(entry, MANUAL).error_code == "keys_cooling_down"
    tasks.catch_up()
    assert fetch_keyword(entry, SCHEDULE) is None
    youtube.projects["two"].keys[0].state = "valid"
    keys.reactivate(ApiKey.objects.get(label="two"))
    tasks.catch_up()
    assert fetched(entry).status == "done"


def test_a_second_manual_fetch_in_a_pause_returns_the_first(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    for project in youtube.projects:
        project.limits["search"] = 0
    logs = []
    for _ in range(3):
        log = fetch_now(entry)
        tasks.process_trigger(entry.pk, trigger="manual", log_id=log.pk)
        frozen_time.move(minutes=3)
        logs.append(log)
    assert logs[0] == logs[1] == logs[2]
    assert VideoLog.objects.count() == 1


def test_a_manual_fetch_is_retried_once_if_its_worker_dies(entry: KeyWordEntry, sent: list[tuple]) -> None:
    paused = KeyWordEntry.objects.create(keyword="paused", state=KeyWordEntry.State.PAUSED)
    log = fetch_now(paused)
    for end in ("waiting", "interrupted"):
        paused.claim(VideoLog.Trigger.MANUAL)
        VideoLog.objects.update(status="running", created_at=timezone.now())
        assert fetch_now(paused) == log
        claims.end(*claim_of(paused))
        sent.clear()
        tasks.catch_up()
        log.refresh_from_db()
        assert log.status == end
        again = ("process_trigger", (paused.pk,), {"trigger": "manual", "log_id": log.pk})
        assert (again in sent) == (end == "waiting")


def test_a_fetch_that_must_be_over_is_not_under_way(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    log = fetch_now(entry)
    VideoLog.objects.update(status="running")
    assert fetch_now(entry) == log
    frozen_time.move(seconds=150)
    assert fetch_now(entry) != log


def use_all_but(people: int) -> None:
    for project in ("one", "two"):
        QuotaSpend.objects.update_or_create(
            project=project, bucket="search", day=date(2026, 11, 20), defaults={"used": 100 - people}
        )


def test_the_manual_reserve_serves_manual_fetches_in_any_process(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, sent: list[tuple]
) -> None:
    use_all_but(people=5)
    log = fetch_now(entry)
    tasks.process_trigger(entry.pk, trigger="schedule")
    log.refresh_from_db()
    assert (log.status, log.trigger) == ("done", "manual")


def test_a_repeated_manual_fetch_in_a_pause_is_tried_again(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings, sent: list[tuple]
) -> None:
    use_all_but(people=0)
    log = fetch_now(entry)
    tasks.process_trigger(entry.pk, trigger="manual", log_id=log.pk)
    settings.INVIDIOUS_URL = youtube.invidious_url
    sent.clear()
    tasks.catch_up()
    assert ("process_trigger", (entry.pk,), {"trigger": "manual", "log_id": log.pk}) in sent


def test_a_pause_logged_before_still_ends_early(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings, sent: list[tuple]
) -> None:
    use_all_but(people=5)
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
    log = fetch_now(entry)
    stale = VideoLog.objects.get(pk=log.pk)
    tasks.process_trigger(entry.pk, trigger="manual", log_id=log.pk)
    assert fetch_keyword(entry, MANUAL, stale) is None
    assert youtube.stats.requests("/youtube/v3/search") == 1
    entry.refresh_from_db()
    assert entry.claim_token == ""


def test_a_cooldown_across_midnight_is_not_a_pause(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime, settings
) -> None:
    frozen_time.move(hours=11, minutes=20)
    settings.YT_KEYS = settings.YT_KEYS[:1]
    keys.sync()
    youtube.projects["one"].keys[0].state = "not_enabled"
    fetched(entry)
    assert {incident.kind for incident in Incident.objects.open()} == {
        Incident.Kind.KEY_REFUSED,
        Incident.Kind.KEYS_COOLING_DOWN,
    }
    settings.YT_KEYS = []
    keys.sync()
    assert not Incident.objects.open().exists()
