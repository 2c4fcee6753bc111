"""The setting: the day, and how much is published about each keyword."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

# When the first of the measured days begins, of 24 hours in California, which quotas follow.
BEGIN: Final = datetime(2026, 11, 18, tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is published and how it is searched: the numbers of `keywords`, of `videos` about them per day, and of
    `keys`, each of its own project.

    The keywords are added and first fetched `days_before` the measured `days`, so that these compare a steady state.
    `or_recall` and `or_words` are the simulator's: how well it finds `a|b`.
    """

    seed: int
    keywords: int
    videos: int
    keys: int
    days: int = 2
    days_before: int = 1
    or_recall: float = 1.0
    or_words: Literal["work", "broken"] = "work"

    @property
    def start(self) -> datetime:
        """When the keywords are added."""
        return BEGIN - timedelta(days=self.days_before)

    @property
    def end(self) -> datetime:
        return BEGIN + timedelta(days=self.days)

    @property
    def rates(self) -> dict[str, float]:
        """Return the videos per day of each keyword: the second half as many as the first, the third a third
        (Zipf's law). Every third keyword has two words."""
        total = sum(1 / rank for rank in range(1, self.keywords + 1))
        return {_keyword(rank): self.videos / total / rank for rank in range(1, self.keywords + 1)}

    @property
    def projects(self) -> dict[str, str]:
        """Return each project's name and its key."""
        return {f"project-{number}": f"key-{number}" for number in range(1, self.keys + 1)}


def _keyword(rank: int) -> str:
    return f"several{rank} words{rank}" if rank % 3 == 0 else f"keyword{rank}"
