"""Celery Beat's scheduler: it survives changes of the clock, and does not fill the broker while no worker runs."""

import logging
import time
from datetime import datetime
from typing import Any

from celery.schedules import schedstate
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from apps.incidents import parts
from apps.videos import tasks

logger = logging.getLogger(__name__)

# A larger difference in seconds between the clock and the time that has passed means that the clock was set.
CLOCK_WAS_SET = 5.0


class Entry(ModelEntry):  # type: ignore[misc]  # django-celery-beat has no types
    """A row whose last run is never in the future, or it would not be due before the clock has caught up."""

    last_run_at: datetime

    def is_due(self) -> schedstate:
        self.last_run_at = self.model.last_run_at = min(self.last_run_at, self._default_now())
        return super().is_due()


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """The rows of django-celery-beat, read again when the clock was set."""

    Entry = Entry

    # What these methods use of Celery's and django-celery-beat's schedulers is not documented: there is no public way.

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._clock_offset = _clock_offset()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        parts.record_beat()
        offset = _clock_offset()
        if abs(offset - self._clock_offset) > CLOCK_WAS_SET:
            # The times in the heap are by the old clock.
            logger.warning("the clock was set by %+.0f s; reading the schedule again", offset - self._clock_offset)
            self._initial_read, self._heap = True, None
        self._clock_offset = offset
        return super().tick(*args, **kwargs)  # type: ignore[no-any-return]

    def schedule_changed(self) -> bool:
        last = self._last_timestamp
        # A change that is earlier than the one before was made after the clock was set back.
        return super().schedule_changed() or bool(last and self._last_timestamp and self._last_timestamp < last)

    def apply_async(self, entry: ModelEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        if tasks.queue_is_full():
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **kwargs)


def _clock_offset() -> float:
    """Return the difference between the clock and a clock that only measures how much time has passed."""
    return time.time() - time.monotonic()
