"""What was found since a moment, such as the reader's last visit."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from apps.videos.models import KeyWordEntry, Match, Video

# Of so many videos it is counted which keywords found them, and not beyond.
COUNTED_UP_TO = 1_000


@dataclass(frozen=True, slots=True)
class FoundSince:
    """The number of videos found since `moment`, and of those which each keyword found, most first."""

    moment: datetime
    count: int
    keywords: list[tuple[KeyWordEntry, int]]

    @property
    def count_is_exact(self) -> bool:
        return self.count < COUNTED_UP_TO


def found_since(moment: datetime) -> FoundSince:
    """Return what was found since `moment` and is not hidden; three short queries."""
    found = Video.objects.filter(created_at__gte=moment, hidden_at=None).order_by("-created_at", "-video_id")
    ids = list(found.values_list("pk", flat=True)[:COUNTED_UP_TO])
    numbers = Counter(Match.objects.filter(video__in=ids).values_list("keyword", flat=True)) if ids else Counter()
    entries = KeyWordEntry.objects.in_bulk(list(numbers))
    keywords = [(entries[pk], number) for pk, number in numbers.most_common() if pk in entries]
    return FoundSince(moment, len(ids), keywords)
