"""The web server notices what has stopped, shows it, notifies the admin, and notices when it works again."""

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
import time_machine
from celery import current_app
from django import db
from django.db import InternalError, OperationalError
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from pytest_django import Settings
from redis.exceptions import OutOfMemoryError

from apps.incidents import clocks, incidents, parts
from apps.incidents.models import Heartbeat, Incident
from apps.incidents.parts import CHECK_SECONDS, UNRESPONSIVE_SECONDS, Watcher
from apps.incidents.tasks import notify_admin
from apps.incidents.tests.inbox import Inbox

pytestmark = pytest.mark.django_db

Kind = Incident.Kind


class FakeParts:
    """What a watcher sees, and the seconds that pass between its looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        # How far the clocks of the workers are ahead, in seconds; None: there is no broker.
        self.workers: dict[str, float] | None = {"celery@here": 0.0}
        self.beat_runs = True
        self.watcher = Watcher()
        started = round(time.monotonic())  # so that sums and differences of seconds are exact
        monkeypatch.setattr(current_app.control, "broadcast", self.broadcast)
        monkeypatch.setattr(parts.time, "monotonic", lambda: started + self.seconds)

    def broadcast(self, command: str, **kwargs: Any) -> list[dict[str, float]]:
        assert command == "wall_clock"
        if self.workers is None:
            raise BrokerError("no broker")
        return [{name: timezone.now().timestamp() + ahead} for name, ahead in self.workers.items()]

    def passes(self, seconds: float) -> set[str]:
        """Check every CHECK_SECONDS; return the kinds of the incidents that are open then."""
        for _ in range(round(seconds / CHECK_SECONDS)):
            self.seconds += CHECK_SECONDS
            if self.beat_runs:
                Heartbeat.objects.update_or_create(part="beat", defaults={"beat_at": timezone.now()})
            self.watcher.check()
        return set(Incident.objects.open().values_list("kind", flat=True))


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeParts]:
    yield FakeParts(monkeypatch)
    parts.unsaved.clear()


def test_it_works(around: FakeParts, inbox: Inbox, client: Client) -> None:
    assert around.passes(300) == set()
    around.workers = {}
    assert around.passes(UNRESPONSIVE_SECONDS) == set(), "a restart is no problem"
    assert around.passes(CHECK_SECONDS) == {Kind.WORKER_STOPPED}
    assert "Worker not responding.</strong>" in client.get("/").content.decode()
    assert [message["title"] for message in inbox.messages] == ["Windhover: Worker not responding"]

    around.workers = {"celery@here": 0.0}
    assert around.passes(CHECK_SECONDS) == set()
    assert "Worker not responding" not in client.get("/").content.decode()


def test_beat_that_has_stopped(around: FakeParts) -> None:
    around.passes(60)
    around.beat_runs = False
    assert around.passes(UNRESPONSIVE_SECONDS + CHECK_SECONDS) == set()
    assert around.passes(UNRESPONSIVE_SECONDS) == {Kind.BEAT_STOPPED}
    around.beat_runs = True
    assert around.passes(CHECK_SECONDS) == set()


def test_beat_that_has_never_run(around: FakeParts) -> None:
    around.beat_runs = False
    assert around.passes(3 * UNRESPONSIVE_SECONDS) == {Kind.BEAT_STOPPED}


def test_without_a_broker_the_worker_is_not_reported(around: FakeParts) -> None:
    around.workers = None
    assert around.passes(300) == {Kind.BROKER_UNAVAILABLE}


def test_without_a_broker_beat_is_not_reported(around: FakeParts) -> None:
    """One that starts then waits for the broker, and works soon after it."""
    around.passes(60)
    around.workers, around.beat_runs = None, False
    assert around.passes(300) == {Kind.BROKER_UNAVAILABLE}
    around.workers = {"celery@here": 0.0}
    assert around.passes(30) == set()
    around.beat_runs = True
    assert around.passes(300) == set()
    assert Incident.objects.count() == 1


def test_without_a_broker_a_worker_or_beat_that_has_stopped_stays_reported(around: FakeParts) -> None:
    around.workers, around.beat_runs = {}, False
    stopped = {Kind.WORKER_STOPPED, Kind.BEAT_STOPPED}
    assert around.passes(3 * UNRESPONSIVE_SECONDS) == stopped
    around.workers = None
    assert around.passes(3 * UNRESPONSIVE_SECONDS) == {*stopped, Kind.BROKER_UNAVAILABLE}


def test_a_full_disk(around: FakeParts, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(parts.shutil, "disk_usage", lambda path: usage._replace(free=42_000_000))
    assert around.passes(UNRESPONSIVE_SECONDS + CHECK_SECONDS) == {Kind.DISK_FULL}
    assert Incident.objects.get().message.startswith("Only 42 MB free in /")


def test_another_machine_with_a_free_disk_does_not_close_it(around: FakeParts, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = {"full": "Only 42 MB free in /.", "free": ""}
    watchers = dict.fromkeys(problems, around.watcher) | {"free": Watcher()}

    def check() -> None:
        for host, problem in problems.items():
            monkeypatch.setattr("socket.gethostname", lambda host=host: host)
            monkeypatch.setattr(parts, "_disk_problem", lambda folder, problem=problem: problem)
            around.watcher = watchers[host]
            around.passes(UNRESPONSIVE_SECONDS + CHECK_SECONDS)

    check()
    check()
    assert Incident.objects.open().count() == Incident.objects.count() == 1
    problems["full"] = ""
    check()
    assert not Incident.objects.open().exists()


def test_machines_may_have_the_same_host_name(settings: Settings, tmp_path: Path) -> None:
    """As the containers of one docker-compose.yml on two machines."""
    for machine in ("full", "free"):
        (tmp_path / machine).mkdir()

    def on(machine: str) -> None:
        settings.STATE_DIR = tmp_path / machine

    on("full")
    incidents.open(Kind.DISK_FULL, "Only 42 MB free.")
    on("free")
    incidents.close_own(Kind.DISK_FULL)
    assert Incident.objects.open().count() == 1
    on("full")
    incidents.close_own(Kind.DISK_FULL)
    assert Incident.objects.open().count() == 0


def test_a_machine_whose_state_folder_is_away_has_its_host_name(settings: Settings, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path / "missing"
    incidents.open(Kind.DISK_FULL, "It cannot be written.")
    assert Incident.objects.get().host == gethostname()
    (tmp_path / "missing").mkdir()
    incidents.close_own(Kind.DISK_FULL)
    assert Incident.objects.open().count() == 0


def test_a_broker_that_accepts_nothing(around: FakeParts, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")

    monkeypatch.setattr(current_app.control, "broadcast", full)
    assert around.passes(UNRESPONSIVE_SECONDS + CHECK_SECONDS) == {Kind.BROKER_UNAVAILABLE}


def test_a_folder_that_cannot_be_written(around: FakeParts, settings: Any) -> None:
    settings.STATE_DIR = settings.STATE_DIR / "missing"
    assert around.passes(UNRESPONSIVE_SECONDS + CHECK_SECONDS) == {Kind.DISK_FULL}
    assert "cannot be written (No such file or directory)." in Incident.objects.get().message


def test_what_the_database_does_not_accept_is_shown_all_the_same(
    around: FakeParts, inbox: Inbox, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("database or disk is full")

    around.workers = {}
    with monkeypatch.context() as patch:
        patch.setattr(incidents, "open", full)
        assert around.passes(300) == set()
        assert "Worker not responding.</strong>" in client.get("/").content.decode()
        assert [message["title"] for message in inbox.messages] == ["Windhover: Worker not responding"]
    around.passes(CHECK_SECONDS)
    assert client.get("/").content.decode().count("Worker not responding.</strong>") == 1
    assert Incident.objects.open().count() == 1


class Outage:
    """A database that nothing can use."""

    def __init__(self, around: FakeParts, monkeypatch: pytest.MonkeyPatch) -> None:
        self._around, self._monkeypatch = around, monkeypatch

    def lasts(self, seconds: float) -> None:
        def refused(*args: Any) -> None:
            raise OperationalError("connection failed: Connection refused\n\tIs the server running?")

        self._around.beat_runs = False
        with self._monkeypatch.context() as patch:
            patch.setattr(db.connections["default"], "cursor", refused)
            for _ in range(round(seconds / CHECK_SECONDS)):
                self._around.seconds += CHECK_SECONDS
                self._around.watcher.check()
        self._around.beat_runs = True


@pytest.fixture
def outage(around: FakeParts, monkeypatch: pytest.MonkeyPatch) -> Outage:
    around.passes(60)
    return Outage(around, monkeypatch)


def test_a_database_that_is_away(around: FakeParts, outage: Outage, inbox: Inbox) -> None:
    around.workers = None  # unknown: its incident could not be stored
    outage.lasts(UNRESPONSIVE_SECONDS)
    assert not inbox.messages, "a restart is no problem"
    outage.lasts(300)
    assert list(parts.unsaved) == [Kind.DATABASE_UNAVAILABLE]
    message = "connection failed: Connection refused. Until it is, keywords are not searched."
    title = "Windhover: Database not available"
    assert [(sent["title"], sent["message"]) for sent in inbox.messages] == [(title, message)]

    around.workers = {"celery@here": 0.0}
    assert around.passes(300) == set()
    assert not parts.unsaved
    assert [sent["message"] for sent in inbox.messages[1:]] == [f"Resolved: {message}"]


def test_a_database_that_does_not_answer(around: FakeParts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was stopped takes connections and queries, and says nothing."""
    noticed, opened = threading.Event(), list[tuple[str, str]]()

    def notice(watcher: Watcher, kind: str, message: str) -> None:
        opened.append((kind, message))
        noticed.set()

    monkeypatch.setattr(parts, "UNRESPONSIVE_SECONDS", 0.05)
    monkeypatch.setattr(Watcher, "_open", notice)
    monkeypatch.setattr(Watcher, "_beat_is_running", lambda self: noticed.wait(20))
    around.watcher.check()
    assert opened == [(Kind.DATABASE_UNAVAILABLE, "It does not answer. Until it is, keywords are not searched.")]


def test_one_process_notifies_that_the_database_is_away(around: FakeParts, outage: Outage, inbox: Inbox) -> None:
    outage.lasts(2 * UNRESPONSIVE_SECONDS)
    holder, around.watcher = around.watcher, Watcher()
    parts.unsaved.clear()
    outage.lasts(2 * UNRESPONSIVE_SECONDS)
    assert len(inbox.messages) == 1
    del holder
    parts.unsaved.clear()
    outage.lasts(2 * UNRESPONSIVE_SECONDS)
    assert len(inbox.messages) == 2, "the first has ended"


def test_a_database_that_cannot_be_written(
    around: FakeParts, inbox: Inbox, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beat cannot write its heartbeat either, and has not stopped."""

    def read_only(*args: Any, **kwargs: Any) -> None:
        raise InternalError("cannot execute UPDATE in a read-only transaction")

    around.passes(60)
    around.beat_runs = False
    with monkeypatch.context() as patch:
        for method in ("create", "update", "update_or_create", "get_or_create"):
            patch.setattr(db.models.QuerySet, method, read_only)
        around.passes(300)
        assert "cannot execute UPDATE in a read-only transaction" in client.get("/").content.decode()
    assert [sent["title"] for sent in inbox.messages] == ["Windhover: Database not available"]
    around.beat_runs = True
    assert around.passes(300) == set()


@pytest.mark.parametrize(
    ("ahead", "message"),
    [
        (-600, f"The clocks of {gethostname()} and celery@here differ: the first is 10 min ahead."),
        (7200, "the first is 120 min behind."),
    ],
)
def test_clocks_that_differ(around: FakeParts, ahead: float, message: str) -> None:
    around.workers = {"celery@here": ahead}
    assert around.passes(CHECK_SECONDS) == {Kind.CLOCKS_DIFFER}
    assert message in Incident.objects.get().message
    around.workers = {"celery@here": 100.0}
    assert around.passes(CHECK_SECONDS) == set()


def test_another_machines_clock_does_not_close_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(host: str, ahead: float) -> int:
        monkeypatch.setattr("socket.gethostname", lambda: host)
        clocks.compare("YouTube", timezone.now() - timedelta(seconds=ahead))
        return Incident.objects.open().count()

    for _ in range(3):
        assert compare("wrong", 600) == 1
        assert compare("right", 0) == 1
    assert Incident.objects.count() == 1
    Incident.objects.update(message="In other words.")
    assert compare("wrong", 0) == 0

    assert compare("gone", 600) == 1
    Incident.objects.open().update(opened_at=timezone.now() - timedelta(days=1, seconds=1))
    assert compare("right", 0) == 0


@pytest.mark.parametrize("off", [timedelta(days=-2), timedelta(days=2)])
def test_a_clock_that_is_days_off_is_one_problem(monkeypatch: pytest.MonkeyPatch, inbox: Inbox, off: timedelta) -> None:
    """Also if it is the clock of the machine that notifies."""
    youtube = timezone.now()
    for _ in range(3):
        for host, now in [("wrong", youtube + off), ("right", youtube)]:
            monkeypatch.setattr("socket.gethostname", lambda host=host: host)
            with time_machine.travel(now, tick=False):
                clocks.compare("YouTube", youtube)
                notify_admin()
    assert Incident.objects.open().count() == Incident.objects.count() == 1
    assert len(inbox.messages) <= 1


def test_setting_the_clock_opens_no_incident(around: FakeParts) -> None:
    around.passes(60)
    Heartbeat.objects.update(beat_at=timezone.now() + timedelta(days=1))
    assert around.passes(300) == set()
