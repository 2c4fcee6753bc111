"""Watch the other parts from the web server: the database, the broker, the worker, beat, the disk and the clocks.

The worker cannot report that it has stopped, so each web process looks itself, and notifies the admin while the worker
cannot. Whether something has been failing for long is measured without the clock, which may be set at any time.
"""

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from celery import current_app
from django import db
from django.conf import settings
from django.db import connection
from django.utils import timezone
from filelock import FileLock, Timeout
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.incidents import clocks, incidents, notify
from apps.incidents.models import Heartbeat, Incident
from core.log_lines import first_line

logger = logging.getLogger(__name__)

CHECK_SECONDS = 15

# A part that does not respond for this long, in seconds, is an incident. A restart takes less.
UNRESPONSIVE_SECONDS = 60

# What only the machine that reports it may see: its own disk, or its own way to the broker.
_OWN = [Incident.Kind.DISK_FULL, Incident.Kind.BROKER_UNAVAILABLE]

# While the first is a problem, whether the others work cannot be seen.
_HIDES = {
    Incident.Kind.DATABASE_UNAVAILABLE: [
        Incident.Kind.BROKER_UNAVAILABLE,
        Incident.Kind.WORKER_STOPPED,
        Incident.Kind.BEAT_STOPPED,
    ],
    # A beat that starts now waits for it.
    Incident.Kind.BROKER_UNAVAILABLE: [Incident.Kind.WORKER_STOPPED, Incident.Kind.BEAT_STOPPED],
}

_UNTIL_IT_IS = "Until it is, keywords are not searched."

# With less free space than this, in bytes, SQLite may soon be unable to write.
MIN_FREE_BYTES = 100_000_000

# What Celery raises if the broker cannot be used. It passes on some errors of the broker's client as they are: if it is
# paused, loading, full, read-only or cannot save.
BROKER_ERRORS = (OperationalError, OSError, RedisError)

# Incidents that the database did not accept, for example because the disk is full or it is not available.
unsaved: dict[str, Incident] = {}

# This process's, once it watches.
_watcher: "Watcher | None" = None

# What /healthz/ calls them.
_NAMES = {
    Incident.Kind.DATABASE_UNAVAILABLE: "database",
    Incident.Kind.BROKER_UNAVAILABLE: "broker",
    Incident.Kind.WORKER_STOPPED: "worker",
    Incident.Kind.BEAT_STOPPED: "beat",
    Incident.Kind.DISK_FULL: "disk",
}


@dataclass(frozen=True, slots=True)
class PartHealth:
    """Whether a part works. `age`: how many seconds ago it last did. `detail`: what is wrong, without secrets."""

    ok: bool
    age: int
    detail: str


def watch() -> None:
    """Start to watch the parts, in a thread that ends with the process."""
    threading.Thread(target=_watch, name="watch-parts", daemon=True).start()


def health() -> dict[str, PartHealth]:
    """Return how each part is, by what this process saw last: it waits for nothing. Empty if it does not watch."""
    return _watcher.health() if _watcher else {}


def _watch() -> None:
    global _watcher
    _watcher = Watcher()
    while True:
        time.sleep(CHECK_SECONDS)
        try:
            _watcher.check()
        except Exception:  # it must go on watching
            logger.exception("the parts could not be checked")
        finally:
            connection.close()


class Watcher:
    """Opens an incident for each part that has failed for UNRESPONSIVE_SECONDS, and closes it when the part works."""

    def __init__(self) -> None:
        self._failing_since: dict[Incident.Kind, float] = {}
        self._notifies = FileLock(settings.STATE_DIR / "watch.lock", thread_local=False)
        self._last_heartbeat: tuple[datetime | None, float] = (None, time.monotonic())
        self._worked_at = dict.fromkeys(Incident.PARTS, time.monotonic())

    def health(self) -> dict[str, PartHealth]:
        """Return how each part is; one that has not worked for UNRESPONSIVE_SECONDS does not, also if it cannot be
        checked."""
        now, found = time.monotonic(), {}
        for kind, worked_at in self._worked_at.items():
            ok = now - worked_at < UNRESPONSIVE_SECONDS
            found[_NAMES[kind]] = PartHealth(ok, round(now - worked_at), "" if ok else kind.label)
        return found

    def check(self) -> None:
        # A server that is stopped, or waits for its disk, keeps a query waiting for ever.
        stuck = threading.Timer(UNRESPONSIVE_SECONDS, self._report_stuck)
        stuck.daemon = True
        stuck.start()
        try:
            now, problems = time.monotonic(), dict(self._problems())
        finally:
            stuck.cancel()
        for kind in Incident.PARTS:
            message = problems.get(kind)
            if any(kind in _HIDES.get(problem, []) for problem in problems):
                continue  # unknown
            if message is None:
                self._worked_at[kind] = self._last_heartbeat[1] if kind == Incident.Kind.BEAT_STOPPED else now
                self._failing_since.pop(kind, None)
                self._close(kind)
            elif now - self._failing_since.setdefault(kind, now) >= UNRESPONSIVE_SECONDS:
                self._open(kind, message)
        if problems:
            # The chore that notifies the admin may not run now.
            with suppress(db.Error):
                incidents.close_expired()
                notify.notify_pending(time.monotonic() + CHECK_SECONDS)

    def _report_stuck(self) -> None:
        try:
            self._open(Incident.Kind.DATABASE_UNAVAILABLE, f"It does not answer. {_UNTIL_IT_IS}")
        finally:
            connection.close()

    def _problems(self) -> Iterator[tuple[Incident.Kind, str]]:
        """Yield what is wrong now."""
        if message := _disk_problem(settings.STATE_DIR):
            yield Incident.Kind.DISK_FULL, message
        try:
            if not self._beat_is_running():
                # Or it cannot write its heartbeat.
                Heartbeat.objects.update_or_create(part="web", defaults={"beat_at": timezone.now()})
                yield Incident.Kind.BEAT_STOPPED, _until_then(Incident.Kind.BEAT_STOPPED)
        except db.Error as error:
            yield Incident.Kind.DATABASE_UNAVAILABLE, f"{first_line(error)}. {_UNTIL_IT_IS}"
            return
        try:
            replies = current_app.control.broadcast("wall_clock", reply=True, timeout=3)
        except BROKER_ERRORS:
            yield Incident.Kind.BROKER_UNAVAILABLE, _until_then(Incident.Kind.BROKER_UNAVAILABLE)
            return
        if not replies:
            yield Incident.Kind.WORKER_STOPPED, _until_then(Incident.Kind.WORKER_STOPPED)
        for name, answer in ((name, answer) for reply in replies for name, answer in reply.items()):
            if isinstance(answer, int | float):
                clocks.compare(name, datetime.fromtimestamp(answer, UTC))

    def _beat_is_running(self) -> bool:
        """Return whether the heartbeat has changed within the last UNRESPONSIVE_SECONDS."""
        row = Heartbeat.objects.filter(part="beat").first()
        beat_at, since = row.beat_at if row else None, time.monotonic()
        known, known_since = self._last_heartbeat
        if beat_at == known:
            return since - known_since < UNRESPONSIVE_SECONDS
        if beat_at and known:
            clocks.compare("beat", beat_at)
        self._last_heartbeat = (beat_at, since)
        return True

    def _open(self, kind: Incident.Kind, message: str) -> None:
        try:
            incidents.open(kind, message)
            unsaved.pop(kind, None)
        except db.Error:
            if kind not in unsaved:
                unsaved[kind] = incident = Incident(kind=kind, message=message)
                logger.warning("incident opened, but not stored: %s", incident)
                self._notify(incident, message)

    def _close(self, kind: Incident.Kind) -> None:
        if incident := unsaved.pop(kind, None):
            logger.info("incident closed: %s", incident)
            self._notify(incident, f"Resolved: {incident.message}")
        close = incidents.close_own if kind in _OWN else incidents.close
        with suppress(db.Error):  # the next check tries again
            close(kind)

    def _notify(self, incident: Incident, body: str) -> None:
        """Notify the admin of an unsaved incident: one process of this machine does, as long as it lives."""
        with suppress(OSError):  # of a full disk: twice is better than not at all
            try:
                self._notifies.acquire(blocking=False)
            except Timeout:
                return
        notify.send(f"Windhover: {incident.get_kind_display()}", body)


def _until_then(kind: Incident.Kind) -> str:
    """Return the message for a part that does not respond; without beat, what people request is still fetched."""
    only = "only searched manually" if kind == Incident.Kind.BEAT_STOPPED else "not searched"
    return f"{kind.label}. Until it does, keywords are {only}."


def _disk_problem(folder: Path) -> str:
    """Return what prevents writing to `folder`, or an empty string."""
    try:
        free = shutil.disk_usage(folder).free
        file = folder / "disk_check"
        file.write_bytes(bytes(4096))
        file.unlink()
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror})."
    return f"Only {free // 1_000_000} MB free in {folder}." if free < MIN_FREE_BYTES else ""
