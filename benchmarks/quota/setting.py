"""The setting: the day, and how much is published about each keyword."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

# A day of 24 hours in California, which quotas follow.
BEGIN: Final = datetime(2026, 11, 18, tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)
END: Final = BEGIN + timedelta(days=1)
# The keywords are added and first fetched a day before, so that the day compares only the strategies.
EVE: Final = BEGIN - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Setting:
    """A simulated day: the numbers of `keywords`, of `videos` about them, and of `keys`, each of its own project."""

    seed: int
    keywords: int
    videos: int
    keys: int

    @property
    def rates(self) -> dict[str, float]:
        """Return the videos per day of each keyword: the second half as many as the first, the third a third
        (Zipf's law)."""
        total = sum(1 / rank for rank in range(1, self.keywords + 1))
        return {f"keyword {rank}": self.videos / total / rank for rank in range(1, self.keywords + 1)}

    @property
    def projects(self) -> dict[str, str]:
        """Return each project's name and its key."""
        return {f"project-{number}": f"key-{number}" for number in range(1, self.keys + 1)}
