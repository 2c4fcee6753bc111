"""Celery Beat without a process: it rings for chores and keywords when they are due."""

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
class Bell:
    """Something that beat rings for: the task it sends, how often, and when next."""

    task: str
    arguments: list[Any]
    schedule: BaseSchedule
    rung_at: datetime
    due_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.wind(self.rung_at)

    def wind(self, rung_at: datetime) -> None:
        """Note that it rang at `rung_at`."""
        self.rung_at = rung_at
        self.due_at = timezone.now() + self.schedule.remaining_estimate(rung_at)


class Beat:
    """Beat, started now: the chores ring from now on, a keyword from when its row was written."""

    def __init__(self) -> None:
        now = timezone.now()
        self._chores = [
            Bell(chore["task"], [], maybe_schedule(chore["schedule"]), now)
            for chore in settings.CELERY_BEAT_SCHEDULE.values()
        ]
        self._keywords: dict[str, Bell] = {}
        self._read_at: datetime | None = None

    def next_ring(self) -> datetime:
        """Return when something is due next; like beat, read the keywords' rows anew where they are said to differ."""
        changed_at = PeriodicTasks.last_change()
        if changed_at != self._read_at:
            self._read_at = changed_at
            self._keywords = {row.name: self._bell(row) for row in PeriodicTask.objects.enabled()}
        # A keyword that is to be fetched more often than before may have been due for a while.
        return max(timezone.now(), min(bell.due_at for bell in self._bells()))

    def ring(self) -> list[Message]:
        """Return what is to be sent now."""
        now = timezone.now()
        due = [bell for bell in self._bells() if bell.due_at <= now]
        for bell in due:
            bell.wind(now)
        return [(bell.task, bell.arguments, {}) for bell in due]

    def _bells(self) -> Iterator[Bell]:
        return chain(self._chores, self._keywords.values())

    def _bell(self, row: PeriodicTask) -> Bell:
        known = self._keywords.get(row.name)
        rung_at = known.rung_at if known else row.last_run_at or timezone.now()
        return Bell(row.task, json.loads(row.args), row.schedule, rung_at)
