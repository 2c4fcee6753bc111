"""The result of a strategy."""

import math
import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """A day in figures, of the videos that were published in it.

    `searches` were made, of `usable` for scheduled fetches. YouTube showed `shown` videos to searches for
    them. `delays` says of those that were found, shortest first, how many minutes after they were shown. `missed`
    were not, although their keyword was searched for afterwards.
    """

    searches: int
    usable: int
    shown: int
    missed: int
    delays: list[float]

    @property
    def found(self) -> float:
        """Return the share of the videos shown that were found, from 0 to 1."""
        return len(self.delays) / self.shown if self.shown else 0.0

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.delays) if self.delays else None

    @property
    def median(self) -> float | None:
        return statistics.median(self.delays) if self.delays else None

    @property
    def p95(self) -> float | None:
        """Return the delay that 95 of 100 found videos did not exceed."""
        return self.delays[math.ceil(0.95 * len(self.delays)) - 1] if self.delays else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures that --json prints; delays are null where nothing was found."""
        names = ("searches", "found", "mean", "median", "p95", "missed")
        return {name: getattr(self, name) for name in names}
