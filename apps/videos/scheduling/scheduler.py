"""Celery Beat's scheduler: it sends each keyword's message when that keyword is due, and chores at their intervals.

It survives changes of the clock, and does not fill the broker while no worker runs. It also ends the claims of workers
that died, because beat is one process that runs all the time: of several machines one's works, the others' stand by.
"""

import logging
import signal
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from celery.schedules import schedstate
from django import db
from django.db import close_old_connections, connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from apps.incidents.lease import Lease
from apps.videos import tasks
from apps.videos.fetching import claims
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat
from core.log_lines import first_line

logger = logging.getLogger(__name__)

# Keywords that are due are looked up this often, in seconds: one query of an index.
LOOKUP_SECONDS = 1.0

# Keywords are planned again at most this often, in seconds, while they are added or changed.
PLAN_SECONDS = 5.0

# A larger difference in seconds between the clock and the time that has passed means that the clock was set.
CLOCK_WAS_SET = 5.0


class Entry(ModelEntry):  # type: ignore[misc]  # django-celery-beat has no types
    """A row of beat."""

    last_run_at: datetime

    def is_due(self) -> schedstate:
        # A chore whose last run is in the future would not be due before the clock has caught up.
        self.last_run_at = self.model.last_run_at = min(self.last_run_at, self._default_now())
        return super().is_due()


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """The rows of django-celery-beat, read again when the clock was set; a keyword's row is sent when it is due.

    Only the rows of chores are kept in memory: Celery compares all that it keeps in each tick. Those of keywords, of
    which there may be thousands, are read when they are sent.
    """

    Entry = Entry

    # What these methods use of Celery's and django-celery-beat's schedulers is not documented: there is no public way.

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._clock_offset = _clock_offset()
        self._looked_up_at = self._planned_at = float("-inf")
        self._plan_requested = True
        self._unreachable_since: float | None = None
        self._sent: dict[int, datetime] = {}
        self._claims = claims.Watcher()
        self._lease, self._is_working = Lease("beat"), False
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Wait for the database, then read the schedule."""
        if not self.reaches_database():
            # There is nothing to write yet, which Celery would do when it is stopped.
            handlers = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGINT)}
            while not self.reaches_database():
                time.sleep(LOOKUP_SECONDS)
            for number, handler in handlers.items():
                signal.signal(number, handler)
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return in how many seconds to look again."""
        if not self.reaches_database():
            return LOOKUP_SECONDS
        if not self.is_working():
            return LOOKUP_SECONDS
        if self._claims.check():
            tasks.send(tasks.catch_up)
        offset = _clock_offset()
        if abs(offset - self._clock_offset) > CLOCK_WAS_SET:
            # The times in the heap are by the old clock.
            logger.warning("the clock was set by %+.0f s; reading the schedule again", offset - self._clock_offset)
            self._initial_read, self._heap = True, None
            self._plan_requested = True
        self._clock_offset = offset
        self.send_due_keywords()
        self.send_requested_plan()
        return float(min(super().tick(*args, **kwargs), LOOKUP_SECONDS))

    def is_working(self) -> bool:
        """Return whether this beat is the one that sends; one that stands by sends nothing."""
        try:
            worked, self._is_working = self._is_working, self._lease.acquire()
        except db.Error:
            logger.exception("the heartbeat of beat could not be written")
            return self._is_working
        if self._is_working and not worked:
            # What another beat has sent meanwhile is in the database.
            self._initial_read, self._heap = True, None
        return self._is_working

    def close(self) -> None:
        """Write what was sent, and let another beat begin."""
        super().close()
        with suppress(db.Error):
            self._lease.release()

    def reaches_database(self) -> bool:
        """Return whether the database is available; log when that changes.

        Without it nothing is due, and no chore could do its work.
        """
        close_old_connections()
        try:
            connection.cursor().close()
        except db.Error as error:
            if self._unreachable_since is None:
                self._unreachable_since = time.monotonic()
                logger.warning("the database is not available; trying each second: %s", first_line(error))
            return False
        if self._unreachable_since is not None:
            seconds = time.monotonic() - self._unreachable_since
            logger.warning("the database is available again, after %.0f s", seconds)
            self._unreachable_since = None
        return True

    def should_sync(self) -> bool:
        return self._is_working and self._unreachable_since is None and bool(super().should_sync())

    def send_due_keywords(self) -> None:
        """Send the message of each keyword that is due, once for each time it is; catch_up replaces a lost one."""
        if time.monotonic() - self._looked_up_at < LOOKUP_SECONDS:
            return
        self._looked_up_at = time.monotonic()
        try:
            due = dict(
                KeyWordEntry.objects.overdue(timezone.now()).values_list("pk", "next_due_at")[: tasks.MAX_WAITING]
            )
            self._sent = {pk: due_at for pk, due_at in due.items() if self._sent.get(pk) == due_at}
            if len(self._sent) < len(due) and not tasks.queue_is_full():
                self._send({pk: due_at for pk, due_at in due.items() if pk not in self._sent})
        except db.Error:
            logger.exception("the keywords that are due could not be read; trying again")

    def _send(self, due: dict[int, datetime]) -> None:
        keywords = {beat.row_name(pk): pk for pk in due}
        for row in PeriodicTask.objects.enabled().filter(name__in=keywords):
            self.apply_entry(self.Entry(row, app=self.app), producer=self.producer)
            self._sent[keywords[row.name]] = due[keywords[row.name]]
        beat.record_sent(due)

    def send_requested_plan(self) -> None:
        """Send sync_schedules if a plan was requested, once for all requests of PLAN_SECONDS; see beat.request_plan."""
        if self._plan_requested and time.monotonic() - self._planned_at >= PLAN_SECONDS:
            self._plan_requested, self._planned_at = False, time.monotonic()
            tasks.send(tasks.sync_schedules)

    def schedule_changed(self) -> bool:
        before = self._last_timestamp
        changed = bool(super().schedule_changed())
        # Also an earlier time: it may be by the clock of another machine.
        self._plan_requested |= self._last_timestamp != before
        return changed

    def enabled_models_qs(self) -> Any:
        return super().enabled_models_qs().exclude(task=beat.TASK)

    def apply_async(self, entry: ModelEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        if tasks.queue_is_full():
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **kwargs)


def _clock_offset() -> float:
    """Return the difference between the clock and a clock that only measures how much time has passed."""
    return time.time() - time.monotonic()
