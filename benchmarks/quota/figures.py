"""The result of a strategy."""

import math
import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """The measured days in figures, of the videos that were published in them.

    `searches` is the most that were made on a day, of `usable` for scheduled fetches. YouTube showed `shown` videos to
    searches for them, of which `found_number` were found. `delays` says, shortest first, how many minutes after they
    were shown; of those that were not found, how many minutes before the end. `missed` were not found although their
    keyword was searched for afterwards.
    """

    searches: int
    usable: int
    shown: int
    found_number: int
    missed: int
    delays: list[float]

    @property
    def found(self) -> float:
        """Return the share of the videos shown that were found, from 0 to 1."""
        return self.found_number / self.shown if self.shown else 0.0

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.delays) if self.delays else None

    @property
    def median(self) -> float | None:
        return statistics.median(self.delays) if self.delays else None

    @property
    def p95(self) -> float | None:
        """Return the delay that 95 of 100 videos did not exceed."""
        return self.delays[math.ceil(0.95 * len(self.delays)) - 1] if self.delays else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures that --json prints; delays are null where nothing was found."""
        names = ("searches", "found", "mean", "median", "p95", "missed")
        return {name: getattr(self, name) for name in names}
