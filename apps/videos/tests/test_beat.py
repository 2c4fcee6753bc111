"""Beat's rows mirror the keywords, however these are changed."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.conftest import MovableTime
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys
from apps.videos import tasks
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat, plan

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def one_key(frozen_time: MovableTime, settings, sent: list[str]) -> None:
    settings.YT_KEYS = [("a", "a-secret-key")]
    keys.sync()


def beat_intervals() -> dict[str, int]:
    """Return beat's rows for keywords: name -> seconds."""
    return {row.name: row.interval.every for row in PeriodicTask.objects.filter(task=beat.TASK, enabled=True)}


def test_it_works() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=7200)

    row = PeriodicTask.objects.get(task=beat.TASK)
    assert (row.name, json.loads(row.args), row.interval.every) == (f"keyword-{entry.pk}", [entry.pk], 7200)
    entry.refresh_from_db()
    assert entry.planned_interval == 7200


def test_pausing_resuming_and_changing_keep_beat_right() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=7200)
    entry.state = KeyWordEntry.State.PAUSED
    entry.save()
    assert beat_intervals() == {}

    entry.state, entry.interval = KeyWordEntry.State.WATCHED, 3600
    entry.save()
    assert beat_intervals() == {f"keyword-{entry.pk}": 3600}


def test_deleting_one_or_many_keeps_beat_right() -> None:
    for number in range(4):
        KeyWordEntry.objects.create(keyword=f"word {number}", interval=7200)
    KeyWordEntry.objects.earliest("pk").delete()
    assert len(beat_intervals()) == 3
    KeyWordEntry.objects.all().delete()
    assert beat_intervals() == {}


def test_a_plan_requests_no_other(sent: list[str]) -> None:
    KeyWordEntry.objects.create(keyword="first")
    before = PeriodicTasks.last_change()
    assert before is not None
    beat.sync()
    assert PeriodicTasks.last_change() == before


def test_the_command_rebuilds_what_was_lost(capsys) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=7200)
    PeriodicTask.objects.all().delete()
    PeriodicTask.objects.create(
        name="keyword-999", task=beat.TASK, interval=IntervalSchedule.objects.first(), args="[999]"
    )
    others = PeriodicTask.objects.create(name="mine", task="my.task", interval=IntervalSchedule.objects.first())

    call_command("sync_schedules")

    assert beat_intervals() == {f"keyword-{entry.pk}": 7200}
    assert PeriodicTask.objects.filter(pk=others.pk).exists()


def test_a_shorter_interval_takes_effect_at_once() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=7200)
    fetched = timezone.now() - timedelta(minutes=30)
    KeyWordEntry.objects.update(last_fetched_at=fetched, next_due_at=fetched + timedelta(hours=2))
    entry.refresh_from_db()
    entry.interval = 3600
    entry.save()

    entry.refresh_from_db()
    assert entry.next_due_at == fetched + timedelta(hours=1)


def test_keywords_that_are_added_together_are_fetched_one_after_the_other() -> None:
    now = timezone.now()
    paused = KeyWordEntry.objects.create(keyword="resumed", state=KeyWordEntry.State.PAUSED)
    for number in range(50):
        KeyWordEntry.objects.create(keyword=f"word {number}")
    paused.state = KeyWordEntry.State.WATCHED
    paused.save()
    beat.sync()
    seconds = sorted((entry.next_due_at - now).total_seconds() for entry in KeyWordEntry.objects.all())
    assert seconds[:6] == [0, 0, 0, 0, 0, 0.25]
    assert [later - earlier for earlier, later in pairwise(seconds[5:])] == [0.25] * 45
    assert KeyWordEntry.objects.get(pk=paused.pk).next_due_at == now + timedelta(seconds=seconds[-1])


def test_a_keyword_that_waits_for_the_reset_keeps_its_due_date() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=7200)
    reset = timezone.now() + timedelta(hours=9)
    KeyWordEntry.objects.update(last_fetched_at=timezone.now(), next_due_at=reset)
    entry.refresh_from_db()
    entry.interval = 3600
    entry.save()

    entry.refresh_from_db()
    assert entry.next_due_at == reset


def test_fetch_interval_is_the_default_for_all(settings) -> None:
    settings.FETCH_INTERVAL = 5000
    KeyWordEntry.objects.create(keyword="Python")
    assert list(beat_intervals().values()) == [5000]


def test_without_keys_invidious_is_searched_every_15_minutes(settings) -> None:
    settings.YT_KEYS, settings.INVIDIOUS_URL = [], "http://127.0.0.1:9"
    keys.sync()
    KeyWordEntry.objects.create(keyword="Python")
    assert list(beat_intervals().values()) == [plan.INVIDIOUS_INTERVAL]


def test_a_short_request_does_not_overload_invidious(settings) -> None:
    settings.YT_KEYS, settings.INVIDIOUS_URL = [], "http://127.0.0.1:9"
    KeyWordEntry.objects.create(keyword="Python", interval=1)
    assert list(beat_intervals().values()) == [plan.INVIDIOUS_MIN_INTERVAL]


def test_a_saved_keyword_costs_as_many_queries_as_if_it_were_the_only_one(django_assert_max_num_queries) -> None:
    KeyWordEntry.objects.bulk_create(
        KeyWordEntry(keyword=f"word {number}", normalized=f"word {number}", planned_interval=number)
        for number in range(1, 200)
    )
    with django_assert_max_num_queries(45):
        KeyWordEntry.objects.create(keyword="Python")
    assert len(beat_intervals()) == 1, "the others are planned by a task"
    call_command("sync_schedules")
    assert len(beat_intervals()) == 200


def test_an_error_of_the_plan_does_not_fail_the_change(monkeypatch, caplog) -> None:
    def fail(**options: object) -> None:
        raise RuntimeError("no plan")

    monkeypatch.setattr(beat, "make_plan", fail)
    assert KeyWordEntry.objects.create(keyword="Python").pk
    assert "no plan" in caplog.text


def test_what_waits_until_just_after_the_reset_keeps_its_due_date() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=7200)
    now = timezone.now()
    reset = now + timedelta(hours=1)
    incidents.open(Incident.Kind.SEARCHES_USED_UP, "All searches are used.", until=reset)
    KeyWordEntry.objects.update(last_fetched_at=now - timedelta(minutes=40), next_due_at=reset + timedelta(seconds=30))
    entry.refresh_from_db()
    entry.interval = 3600
    entry.save()

    entry.refresh_from_db()
    assert entry.next_due_at == reset + timedelta(seconds=30)


def test_a_plan_is_written_in_short_transactions(monkeypatch) -> None:
    monkeypatch.setattr(beat, "CHUNK", 10)
    monkeypatch.setattr(beat, "CHUNK_INTERVAL", 0)
    KeyWordEntry.objects.bulk_create(
        KeyWordEntry(keyword=f"word {number}", normalized=f"word {number}") for number in range(25)
    )
    with CaptureQueriesContext(connection) as queries:
        beat.sync()
    begun = [number for number, query in enumerate(queries) if query["sql"].startswith("BEGIN")]
    plan = next(number for number, query in enumerate(queries) if '"rate", ' in query["sql"])
    assert len(begun) == 1 + 3, "new groups, then keywords"
    assert plan < begun[0], "the plan is made without a lock"
    assert len(beat_intervals()) == 25


def test_a_plan_that_changes_nothing_takes_no_lock() -> None:
    KeyWordEntry.objects.create(keyword="Python")
    beat.sync()
    with CaptureQueriesContext(connection) as queries:
        beat.sync()
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert len(queries) == 10


def test_settings_that_changed_after_a_plan_was_made_are_kept() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=7200)
    before = plan.make_plan()
    entry.interval = 3600
    entry.save()
    beat._write([entry.pk], beat._Planned(before, None, {}))
    entry.refresh_from_db()
    assert entry.planned_interval == 3600
    assert beat_intervals() == {f"keyword-{entry.pk}": 3600}


def test_many_changed_keywords_are_planned_by_the_task(monkeypatch, sent: list[tuple]) -> None:
    monkeypatch.setattr(beat, "CHUNK", 2)
    for number in range(3):
        KeyWordEntry.objects.create(keyword=f"word {number}")
    sent.clear()
    KeyWordEntry.objects.all().set_state(KeyWordEntry.State.PAUSED)
    assert len(beat_intervals()) == 3
    assert sent == []
    tasks.sync_schedules()
    assert beat_intervals() == {}
