"""Beat's scheduler sends what is due, also after the clock was set, and stops when nothing takes messages."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from celery import current_app as app
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.incidents import machine
from apps.incidents.models import Heartbeat
from apps.videos.fetching.claims import Watcher
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat
from apps.videos.scheduling import scheduler as module
from apps.videos.scheduling.scheduler import Scheduler

INTERVAL = timedelta(seconds=60)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def scheduler(clock: time_machine.Traveller, sent: list[tuple], monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    app.loader.import_default_modules()
    monkeypatch.setattr(module, "LOOKUP_SECONDS", 1e-9)
    for number in (1, 2):
        add(number)
    monkeypatch.setattr(Scheduler, "producer", None)  # it would wait for a broker
    # It would write to the database when the process ends.
    monkeypatch.setattr("django_celery_beat.schedulers.Finalize", lambda *args, **named: None)
    return Scheduler(app)


def add(number: int) -> None:
    now, word = timezone.now(), f"word {number}"
    entry = KeyWordEntry(pk=number, keyword=word, normalized=word, planned_interval=60)
    entry.last_fetched_at, entry.next_due_at = now, now + INTERVAL
    KeyWordEntry.objects.bulk_create([entry])
    interval, _ = IntervalSchedule.objects.get_or_create(every=60, period="seconds")
    PeriodicTask.objects.create(
        name=beat.row_name(number), task=beat.TASK, args=f"[{number}]", interval=interval, last_run_at=now
    )


def wait(scheduler: Scheduler, clock: time_machine.Traveller, seconds: int = 61) -> None:
    """Let time pass, without setting the clock, and beat do all that is due then."""
    clock.shift(timedelta(seconds=seconds))
    scheduler._clock_offset += seconds
    tick(scheduler)


def tick(scheduler: Scheduler) -> None:
    """Let beat do all that is due now."""
    for _ in range(20):
        if scheduler.tick() > 0:
            return


def ids(sent: list[tuple]) -> list[int]:
    """Return the keywords whose message was sent since the last call, and fetch them."""
    numbers = sorted(arguments[0] for name, arguments, _ in sent if name == "process_trigger")
    now = timezone.now()
    KeyWordEntry.objects.filter(pk__in=numbers).update(last_fetched_at=now, next_due_at=now + INTERVAL)
    sent.clear()
    return numbers


def test_it_works(scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]) -> None:
    tick(scheduler)
    assert ids(sent) == []
    wait(scheduler, clock)
    assert ids(sent) == [1, 2]
    heartbeat = Heartbeat.objects.get(part="beat")
    assert (heartbeat.beat_at, heartbeat.owner) == (
        timezone.now() - timedelta(seconds=61),
        f"{machine.name()} {os.getpid()}",
    )


def test_another_beat_stands_by_and_takes_over(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(scheduler)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(machine, "name", lambda: "another machine")
        other = Scheduler(app)
    wait(other, clock)
    assert ids(sent) == []
    scheduler.close()
    # Once it has looked again.
    monkeypatch.setattr(other._lease, "_looked_at", float("-inf"))
    wait(other, clock)
    assert ids(sent) == [1, 2]
    monkeypatch.setattr(scheduler._lease, "_looked_at", float("-inf"))
    wait(scheduler, clock)
    assert ids(sent) == [], "it stands by now"


@pytest.mark.parametrize(
    "jump", [timedelta(minutes=-10), timedelta(hours=-3), timedelta(days=-1), timedelta(hours=5), timedelta(days=40)]
)
def test_it_goes_on_when_the_clock_is_set(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple], jump: timedelta
) -> None:
    wait(scheduler, clock)
    ids(sent)
    clock.shift(jump)
    beat.repair_future_dates()
    tick(scheduler)
    ids(sent)
    for _ in range(2):
        wait(scheduler, clock)
        assert ids(sent) == [1, 2]


def test_it_notices_rows_that_change_after_the_clock_was_set_back(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]
) -> None:
    PeriodicTasks.update_changed()
    tick(scheduler)
    clock.shift(timedelta(hours=-3))
    beat.repair_future_dates()
    tick(scheduler)
    add(3)
    tick(scheduler)
    wait(scheduler, clock)
    assert ids(sent) == [1, 2, 3]


def test_a_start_after_the_clock_was_set_back_sends(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]
) -> None:
    wait(scheduler, clock)
    scheduler.sync()
    clock.shift(timedelta(days=-1))
    ids(sent)
    beat.repair_future_dates()
    restarted = Scheduler(app)
    tick(restarted)
    wait(restarted, clock)
    assert ids(sent) == [1, 2]


def test_messages_do_not_expire(scheduler: Scheduler) -> None:
    assert not PeriodicTask.objects.exclude(expires=None, expire_seconds=None).exists()


def test_nothing_is_added_to_a_full_queue(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True
    monkeypatch.setattr("apps.videos.tasks.queue_is_full", lambda: full)
    wait(scheduler, clock)
    assert ids(sent) == []
    full = False
    wait(scheduler, clock)
    assert ids(sent) == [1, 2]


def test_a_keyword_is_sent_when_it_is_due_whatever_its_row_says(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]
) -> None:
    tick(scheduler)
    KeyWordEntry.objects.filter(pk=1).update(next_due_at=timezone.now() + timedelta(seconds=5))
    KeyWordEntry.objects.filter(pk=2).update(next_due_at=timezone.now() + timedelta(hours=5))
    wait(scheduler, clock, 4)
    assert ids(sent) == []
    wait(scheduler, clock, 1)
    assert ids(sent) == [1]
    scheduler.sync()
    row = PeriodicTask.objects.get(name=beat.row_name(1))
    assert (row.last_run_at, row.total_run_count) == (timezone.now(), 1)


def test_a_keyword_is_sent_once_each_time_it_is_due(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]
) -> None:
    wait(scheduler, clock)
    for _ in range(3):
        wait(scheduler, clock, 1)
    assert ids(sent) == [1, 2]


def test_changes_within_seconds_cause_one_plan(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    def plans() -> int:
        number = [name for name, *_ in sent].count("sync_schedules")
        sent.clear()
        return number

    tick(scheduler)
    assert plans() == 1, "at the start"
    for number in (3, 4):
        KeyWordEntry.objects.create(pk=number, keyword=f"word {number}")
        clock.shift(timedelta(seconds=0.1))
        tick(scheduler)
    assert plans() == 0
    monkeypatch.setattr(module, "PLAN_SECONDS", 0)
    tick(scheduler)
    tick(scheduler)
    assert plans() == 1

    clock.shift(timedelta(minutes=-1))  # another machine's clock, which is behind
    beat.request_plan()
    clock.shift(timedelta(minutes=1))
    tick(scheduler)
    tick(scheduler)
    assert plans() == 1


def test_a_keyword_that_is_paused_is_not_sent(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]
) -> None:
    KeyWordEntry.objects.filter(pk=1).update(state=KeyWordEntry.State.PAUSED)
    wait(scheduler, clock)
    assert ids(sent) == [2]


def test_keywords_make_no_tick_longer(scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]) -> None:
    for number in range(3, 50):
        add(number)
    tick(scheduler)
    assert beat.TASK not in {row.task for row in scheduler.schedule.values()}, "Celery compares all in each tick"
    wait(scheduler, clock, 5)
    ids(sent)
    # The keywords that are due, and whether chores have changed.
    assert queries_of_a_tick(scheduler, clock) == 2
    KeyWordEntry.objects.update(next_due_at=timezone.now())
    # Also their rows with their intervals, and when they were sent, in a transaction.
    assert queries_of_a_tick(scheduler, clock) == 6
    assert ids(sent) == list(range(1, 50))


def queries_of_a_tick(scheduler: Scheduler, clock: time_machine.Traveller) -> int:
    with CaptureQueriesContext(connection) as queries:
        wait(scheduler, clock, 1)
    return sum(query["sql"] != "COMMIT" for query in queries)


def test_a_keyword_without_a_row_is_sent_as_soon_as_it_has_one(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]
) -> None:
    PeriodicTask.objects.filter(name=beat.row_name(1)).update(enabled=False)
    wait(scheduler, clock)
    assert ids(sent) == [2]
    PeriodicTask.objects.update(enabled=True)
    wait(scheduler, clock, 1)
    assert ids(sent) == [1]


def test_beat_goes_on_while_the_database_cannot_be_read(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(KeyWordEntry.objects.__class__, "overdue", fail)
        wait(scheduler, clock)
        assert ids(sent) == []
    wait(scheduler, clock, 1)
    assert ids(sent) == [1, 2]


def fail(*args: object) -> None:
    raise OperationalError("database is locked")


def test_while_the_database_is_away_beat_says_so_once(
    scheduler: Scheduler,
    clock: time_machine.Traveller,
    sent: list[tuple],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tick(scheduler)
    ids(sent)
    caplog.clear()
    with monkeypatch.context() as patch:
        patch.setattr(connections["default"], "cursor", fail)
        for _ in range(5):
            wait(scheduler, clock)
        assert not scheduler.should_sync()
    assert not sent, "no task could do its work"
    assert caplog.messages == ["the database is not available; trying each second: database is locked"]
    assert "Traceback" not in caplog.text

    wait(scheduler, clock)
    assert ids(sent) == [1, 2]
    assert "the database is available again" in caplog.text


def test_a_start_waits_for_the_database(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    waited: list[float] = []

    def wait(seconds: float) -> None:
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "it stops at once"
        waited.append(seconds)
        if len(waited) == 3:
            patch.undo()

    monkeypatch.setattr(module.time, "sleep", wait)
    with monkeypatch.context() as patch:
        patch.setattr(connections["default"], "cursor", fail)
        started = Scheduler(app)
    assert "chore-catch-up" in started.schedule
    assert "Traceback" not in caplog.text
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == handlers


@pytest.mark.parametrize("ended", [False, True])
def test_what_a_dead_worker_had_claimed_is_sent_again_at_once(
    scheduler: Scheduler, sent: list[tuple], monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    sent.clear()
    monkeypatch.setattr(Watcher, "check", lambda self: ended)
    scheduler.tick()
    assert (("catch_up", (), {}) in sent) == ended
