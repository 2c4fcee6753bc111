"""What is measured: which day, and how much is published in it about what."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

# A whole day in California, of 24 hours, by which quotas are counted.
BEGIN: Final = datetime(2026, 11, 18, tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)
END: Final = BEGIN + timedelta(days=1)
# The keywords are added and first fetched a day before, so that the day compares nothing but spending.
EVE: Final = BEGIN - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Setting:
    """A made-up day: `keywords` about which some `videos` are published, and `keys` of as many projects."""

    seed: int
    keywords: int
    videos: int
    keys: int

    @property
    def rates(self) -> dict[str, float]:
        """Return how many videos a day each keyword gets: the second half as many as the first, the third a third
        (Zipf's law)."""
        total = sum(1 / rank for rank in range(1, self.keywords + 1))
        return {f"keyword {rank}": self.videos / total / rank for rank in range(1, self.keywords + 1)}

    @property
    def projects(self) -> dict[str, str]:
        """Return each project's name and its key."""
        return {f"project-{number}": f"key-{number}" for number in range(1, self.keys + 1)}
