"""The simulator's clock, which tests can freeze and move."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """The simulated time: real time plus an offset, or a frozen moment.

    `now` is its start (default: the real time); `frozen` stops it there. All moments are aware datetimes; a naive
    one raises ValueError. Thread-safe.
    """

    def __init__(self, now: datetime | None = None, *, frozen: bool = False) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta()
        self._stopped_at: datetime | None = datetime.now(UTC) if frozen else None
        if now is not None:
            self.set(now)

    def now(self) -> datetime:
        """Return the simulated time, in UTC."""
        with self._lock:
            return self._now()

    def set(self, moment: datetime) -> None:
        """Jump to `moment`, also backwards; a frozen clock stays frozen."""
        if moment.tzinfo is None:
            raise ValueError("The simulator's clock needs a time with a time zone.")
        with self._lock:
            if self._stopped_at is None:
                self._offset = moment - datetime.now(UTC)
            else:
                self._stopped_at = moment.astimezone(UTC)

    def advance(self, by: timedelta | float) -> None:
        """Move forward by a timedelta or a number of seconds; a negative one moves back."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        with self._lock:
            if self._stopped_at is None:
                self._offset += step
            else:
                self._stopped_at += step

    def freeze(self) -> None:
        """Freeze the clock."""
        with self._lock:
            self._stopped_at = self._now()

    def thaw(self) -> None:
        """Unfreeze the clock, starting at its present time."""
        with self._lock:
            self._offset = self._now() - datetime.now(UTC)
            self._stopped_at = None

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen."""
        return self._stopped_at is not None

    def _now(self) -> datetime:
        return self._stopped_at or datetime.now(UTC) + self._offset
