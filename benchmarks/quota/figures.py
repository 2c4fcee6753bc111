"""The result of a strategy."""

import math
import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """The measured days in figures, of the videos that were published in them.

    `searches` is the most that were made on a day, of `usable` for scheduled fetches. YouTube showed `shown` videos to
    searches for them. `delays` says of those that were found, shortest first, how many minutes after they were shown;
    `waits` of the others, how many minutes before the end. `missed` were not found although their keyword was searched
    for afterwards.
    """

    searches: int
    usable: int
    shown: int
    missed: int
    delays: list[float]
    waits: list[float]

    @property
    def found(self) -> float:
        """Return the share of the videos shown that were found, from 0 to 1."""
        return len(self.delays) / self.shown if self.shown else 0.0

    @property
    def until_the_end(self) -> list[float]:
        """Return the delays of all videos, shortest first; of those that were not found, until the end."""
        return sorted([*self.delays, *self.waits])

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.until_the_end) if self.shown else None

    @property
    def median(self) -> float | None:
        return statistics.median(self.until_the_end) if self.shown else None

    @property
    def p95(self) -> float | None:
        """Return the delay that 95 of 100 videos did not exceed."""
        return self.until_the_end[math.ceil(0.95 * self.shown) - 1] if self.shown else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures that --json prints; delays are null where nothing was found."""
        names = ("searches", "found", "mean", "median", "p95", "missed")
        return {name: getattr(self, name) for name in names}
