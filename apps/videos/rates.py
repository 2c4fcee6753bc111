"""How many videos are published about a keyword: estimated from those found, the recent days counting most."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q

from apps.videos.models import KeyWordEntry

# What is believed of a keyword of which nothing is known, and how many days of watching that belief is worth:
# few, since the first page already reaches back to what fifty videos tell.
PRIOR_RATE: Final = KeyWordEntry.PRIOR_RATE
PRIOR_DAYS: Final = 0.05

# YouTube misplaces a few dates now and then.
STRAYS: Final = 4

# So many days back, and how much a day weighs there.
WINDOWS: Final = [(1, 1.0), (3, 0.5), (7, 0.25), (14, 0.125)]


def measure(entry: KeyWordEntry, through: datetime) -> float:
    """Return the new videos a day about `entry`, as far as it was searched: up to `through`. Two queries.

    Counted are exact dates only. The keyword was watched since it was added, and before that from the oldest videos
    on that it found: the first page reaches back to fifty. The very oldest may be strays.
    """
    found = entry.matches.filter(video__published_exact=True, published_at__lte=through)
    first = list(found.order_by("published_at").values_list("published_at", flat=True)[: STRAYS + 1])
    oldest = first[-1] if first else None
    since = [through - timedelta(days=days) for days, _ in WINDOWS]
    counted = found.filter(published_at__gt=since[-1]).aggregate(
        **{f"since_{number}": Count("pk", filter=Q(published_at__gt=start)) for number, start in enumerate(since)}
    )
    since_when = min(oldest or entry.created_at, entry.created_at)
    watched = max(0.0, (through - since_when) / timedelta(days=1))

    videos, days = PRIOR_RATE * PRIOR_DAYS, PRIOR_DAYS
    newer_count, newer_days = 0, 0.0
    for number, (back, weight) in enumerate(WINDOWS):
        count, reach = counted[f"since_{number}"], min(watched, back)
        videos += weight * (count - newer_count)
        days += weight * (reach - newer_days)
        newer_count, newer_days = count, reach
    return videos / days
