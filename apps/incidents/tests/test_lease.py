"""Of several machines one's beat works: the others stand by, and one takes over within a minute."""

import os
from datetime import timedelta

import pytest
from django import db
from django.utils import timezone

from apps.incidents import lease, machine
from apps.incidents.lease import GONE_SECONDS, LOOK_SECONDS, RENEW_SECONDS, Lease
from apps.incidents.models import Heartbeat

pytestmark = pytest.mark.django_db


class Time:
    seconds = 1000.0


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(lease.time, "monotonic", lambda: time.seconds)
    return time


def on(name: str, monkeypatch: pytest.MonkeyPatch, process: int = 1) -> Lease:
    """Return the lease of a machine's beat."""
    with monkeypatch.context() as there:
        there.setattr(machine, "name", lambda: name)
        there.setattr(os, "getpid", lambda: process)
        return Lease("beat")


def pass_seconds(time: Time, seconds: int, *leases: Lease) -> list[int]:
    """Let each look each second; return which of them held the lease, second by second, at most one at a time."""
    held = []
    for _ in range(seconds):
        time.seconds += 1
        holders = [number for number, one in enumerate(leases) if one.acquire()]
        assert len(holders) < 2
        held += holders
    return held


def test_the_first_works_and_the_other_stands_by(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = on("a", monkeypatch), on("b", monkeypatch)
    assert set(pass_seconds(time, 300, first, second)) == {0}


def test_another_takes_over_within_a_minute(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (on(name, monkeypatch) for name in "abc")
    pass_seconds(time, 60, first, second, third)
    held = pass_seconds(time, 60, second, third)
    assert 0 < len(held) <= 60 - GONE_SECONDS + LOOK_SECONDS + RENEW_SECONDS
    assert len(set(held)) == 1
    # The first was only stopped, or its machine asleep. It does not begin again beside the other.
    assert set(pass_seconds(time, 300, first, second, third)) == {held[0] + 1}


def test_whose_clock_differs_makes_no_difference(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = on("a", monkeypatch), on("b", monkeypatch)
    pass_seconds(time, 1, first)
    for days in (-1, 1):
        Heartbeat.objects.update(beat_at=timezone.now() + timedelta(days=days))
        assert pass_seconds(time, GONE_SECONDS, second) == []
    assert set(pass_seconds(time, 60, second)) == {0}


def test_it_is_given_up_at_a_stop_and_kept_over_a_restart(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = on("a", monkeypatch), on("b", monkeypatch)
    pass_seconds(time, 10, first, second)
    beside = on("a", monkeypatch, os.getpid())
    assert pass_seconds(time, 10, beside) == [], "one is enough on a machine, too"
    monkeypatch.setattr(lease.psutil, "pid_exists", lambda process: process != 1)
    again = on("a", monkeypatch, 2)  # it was killed, and is started again
    assert pass_seconds(time, 2, again, second) == [0, 0]
    again.release()
    assert set(pass_seconds(time, LOOK_SECONDS + 1, second)) == {0}


def test_one_of_an_earlier_version_is_taken_over(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.objects.create(part="beat", beat_at=timezone.now())
    assert on("a", monkeypatch).acquire()


def test_a_heartbeat_that_cannot_be_written_is_not_tried_each_second(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = on("a", monkeypatch)
    pass_seconds(time, 20, first)
    tries = []

    def read_only(*args: object, **named: object) -> None:
        tries.append(args)
        raise db.InternalError("cannot execute UPDATE in a read-only transaction")

    monkeypatch.setattr(db.models.QuerySet, "update", read_only)
    for _ in range(60):
        time.seconds += 1
        try:
            assert first.acquire(), "it still works"
        except db.Error:
            continue
    assert len(tries) == 60 // RENEW_SECONDS
