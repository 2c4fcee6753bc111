"""Celery Beat without a process: it sends the tasks of chores and keywords when they are due."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from celery.schedules import BaseSchedule, maybe_schedule
from django.conf import settings
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from benchmarks.quota.day import Message


@dataclass(slots=True)
class Entry:
    """An entry of the schedule: the task to send, how often, and when next."""

    task: str
    arguments: list[Any]
    schedule: BaseSchedule
    sent_at: datetime
    due_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.mark_sent(self.sent_at)

    def mark_sent(self, sent_at: datetime) -> None:
        """Record that it was sent at `sent_at`."""
        self.sent_at = sent_at
        self.due_at = timezone.now() + self.schedule.remaining_estimate(sent_at)


class Beat:
    """Beat, started now: chores are due from now on, a keyword from when its row was written."""

    def __init__(self) -> None:
        now = timezone.now()
        self._chores = [
            Entry(chore["task"], [], maybe_schedule(chore["schedule"]), now)
            for chore in settings.CELERY_BEAT_SCHEDULE.values()
        ]
        self._keywords: dict[str, Entry] = {}
        self._read_at: datetime | None = None

    def next_due(self) -> datetime:
        """Return when something is due next; like beat, read the keywords' rows again if they have changed."""
        changed_at = PeriodicTasks.last_change()
        if changed_at != self._read_at:
            self._read_at = changed_at
            self._keywords = {row.name: self._entry(row) for row in PeriodicTask.objects.enabled()}
        # A keyword whose interval became shorter may be overdue.
        return max(timezone.now(), min(entry.due_at for entry in self._entries()))

    def due(self) -> list[Message]:
        """Return the messages to send now."""
        now = timezone.now()
        due = [entry for entry in self._entries() if entry.due_at <= now]
        for entry in due:
            entry.mark_sent(now)
        return [(entry.task, entry.arguments, {}) for entry in due]

    def _entries(self) -> Iterator[Entry]:
        return chain(self._chores, self._keywords.values())

    def _entry(self, row: PeriodicTask) -> Entry:
        known = self._keywords.get(row.name)
        sent_at = known.sent_at if known else row.last_run_at or timezone.now()
        return Entry(row.task, json.loads(row.args), row.schedule, sent_at)
