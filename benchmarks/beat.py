"""Celery Beat without a process: it sends the messages of keywords and chores when they are due."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from celery.schedules import BaseSchedule, maybe_schedule, schedule
from django.conf import settings
from django.utils import timezone

from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat
from benchmarks.simulated_time import Message

# Chores run no more often than the plan is made: here no message is lost, and no worker dies. Otherwise they would take
# most of the benchmark's time.
CHORE_INTERVAL: Final = timedelta(minutes=10)


@dataclass(slots=True)
class Chore:
    """A chore: the task to send, how often, and when next."""

    task: str
    schedule: BaseSchedule
    due_at: datetime

    def plan(self) -> None:
        """Set the time when it is due next, after now."""
        now = timezone.now()
        self.due_at = now + self.schedule.remaining_estimate(now)


class Beat:
    """Beat, started now: as in apps.videos.scheduling.scheduler, a keyword is sent when `next_due_at` has come.

    Of the chores it sends `tasks`; by default all.
    """

    def __init__(self, tasks: Container[str] | None = None) -> None:
        self._chores = [
            Chore(chore["task"], _slowed(maybe_schedule(chore["schedule"])), timezone.now())
            for chore in settings.CELERY_BEAT_SCHEDULE.values()
            if tasks is None or chore["task"] in tasks
        ]
        for chore in self._chores:
            chore.plan()
        self._sent: dict[int, datetime] = {}

    def next_due(self) -> datetime:
        """Return when something is due next."""
        due = [due_at for _, due_at in self._keywords()]
        return max(timezone.now(), min([*due, *(chore.due_at for chore in self._chores)]))

    def due(self) -> list[Message]:
        """Return the messages to send now."""
        now = timezone.now()
        chores = [chore for chore in self._chores if chore.due_at <= now]
        keywords = {pk: due_at for pk, due_at in self._keywords() if due_at <= now}
        for chore in chores:
            chore.plan()
        self._sent |= keywords
        return [*((chore.task, [], {}) for chore in chores), *((beat.TASK, [pk], {}) for pk in keywords)]

    def _keywords(self) -> list[tuple[int, datetime]]:
        """Return the keywords that are to be sent, each once for each time it is due, and when."""
        planned = KeyWordEntry.objects.watched().exclude(next_due_at=None).values_list("pk", "next_due_at")
        return [(pk, due_at) for pk, due_at in planned if self._sent.get(pk) != due_at]


def _slowed(often: BaseSchedule) -> BaseSchedule:
    return schedule(max(often.run_every, CHORE_INTERVAL)) if type(often) is schedule else often
