"""A part that works once, however many processes and machines run it: the others stand by until it is gone."""

import logging
import os
import time
from typing import Final

import psutil
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.incidents import machine
from apps.incidents.models import Heartbeat

logger = logging.getLogger(__name__)

# How often the holder renews its heartbeat, and how often the others look at it, in seconds.
RENEW_SECONDS: Final = 15
LOOK_SECONDS: Final = 5

# A heartbeat that has stood still for so long, in seconds, is that of a part that is gone.
GONE_SECONDS: Final = 45


class Lease:
    """The right to be the one `part` that works.

    Whether a heartbeat stands still is measured without comparing clocks: those of two machines may differ. A part that
    is started again on the same machine, where the process that had the lease is gone, goes on at once.
    """

    def __init__(self, part: str) -> None:
        self._part, self._machine = part, machine.name()
        self._owner = f"{self._machine} {os.getpid()}"
        self._is_held = False
        self._looked_at = float("-inf")
        self._seen: tuple[Heartbeat | None, float] = (None, 0)

    def acquire(self) -> bool:
        """Renew or take the lease if it is time to; return whether this part holds it.

        A query each RENEW_SECONDS, two each LOOK_SECONDS if another holds it. Raises db.Error; then what was held
        before still is.
        """
        now = time.monotonic()
        if now - self._looked_at >= (RENEW_SECONDS if self._is_held else LOOK_SECONDS):
            self._looked_at = now  # also if it fails
            held, self._is_held = self._is_held, self._renew() or self._take()
            if held != self._is_held:
                logger.info("%s: %s", self._part, "working" if self._is_held else "standing by for another machine's")
        return self._is_held

    def release(self) -> None:
        """Let another part take it at once."""
        Heartbeat.objects.filter(part=self._part, owner=self._owner).update(owner="")
        self._is_held = False

    def _renew(self) -> bool:
        own = Heartbeat.objects.filter(part=self._part, owner=self._owner)
        return bool(own.update(beat_at=timezone.now()))

    def _take(self) -> bool:
        row = Heartbeat.objects.filter(part=self._part).first()
        if row is None:
            try:
                with transaction.atomic():
                    Heartbeat.objects.create(part=self._part, owner=self._owner, beat_at=timezone.now())
            except IntegrityError:
                return False  # another was first
            return True
        if row.owner and not self._has_died_here(row.owner) and not self._stands_still(row):
            return False
        same = Heartbeat.objects.filter(part=self._part, owner=row.owner, beat_at=row.beat_at)
        return bool(same.update(owner=self._owner, beat_at=timezone.now()))

    def _has_died_here(self, owner: str) -> bool:
        there, _, process = owner.rpartition(" ")
        return there == self._machine and not psutil.pid_exists(int(process))

    def _stands_still(self, row: Heartbeat) -> bool:
        seen, since = self._seen
        if seen and (seen.owner, seen.beat_at) == (row.owner, row.beat_at):
            return time.monotonic() - since >= GONE_SECONDS
        self._seen = (row, time.monotonic())
        return False
