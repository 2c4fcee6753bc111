"""Beat's scheduler sends what is due, also after the clock was set, and stops when nothing takes messages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from celery import current_app as app
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.incidents import parts
from apps.incidents.models import Heartbeat
from apps.videos.scheduling import beat
from apps.videos.scheduling.scheduler import Scheduler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def scheduler(clock: time_machine.Traveller, sent: list[tuple], monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    app.loader.import_default_modules()
    monkeypatch.setattr(parts, "_last_beat", 0.0)
    for number in (1, 2):
        add(number)
    monkeypatch.setattr(Scheduler, "producer", None)  # it would wait for a broker
    return Scheduler(app)


def add(number: int) -> None:
    interval, _ = IntervalSchedule.objects.get_or_create(every=60, period="seconds")
    PeriodicTask.objects.create(
        name=f"keyword-{number}", task=beat.TASK, args=f"[{number}]", interval=interval, last_run_at=timezone.now()
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
    """Return the keywords whose message was sent since the last call."""
    numbers = sorted(arguments[0] for name, arguments, _ in sent if name == "process_trigger")
    sent.clear()
    return numbers


def test_it_works(scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple]) -> None:
    tick(scheduler)
    assert ids(sent) == []
    wait(scheduler, clock)
    assert ids(sent) == [1, 2]
    assert Heartbeat.objects.get(part="beat").beat_at == timezone.now() - timedelta(seconds=61)


@pytest.mark.parametrize(
    "jump", [timedelta(minutes=-10), timedelta(hours=-3), timedelta(days=-1), timedelta(hours=5), timedelta(days=40)]
)
def test_it_goes_on_when_the_clock_is_set(
    scheduler: Scheduler, clock: time_machine.Traveller, sent: list[tuple], jump: timedelta
) -> None:
    wait(scheduler, clock)
    ids(sent)
    clock.shift(jump)
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
