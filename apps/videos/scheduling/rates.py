"""How many videos are published about a keyword: estimated from those found, recent days counting most."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Min, Q

from apps.videos.fetching.gaps import MAX_OUTLIERS
from apps.videos.models import KeyWordEntry

# How many days of watching the initial assumption is worth: few, since the first page already shows the dates of fifty
# videos.
PRIOR_DAYS: Final = 0.05

# (days, weight): a day at most this many days ago has this weight.
WINDOWS: Final = [(1, 1.0), (3, 0.5), (7, 0.25), (14, 0.125)]

# At most this many of the newest videos are counted: they cover a day of any keyword whose videos searches can list.
MAX_COUNTED: Final = 2000


def measure(entry: KeyWordEntry, through: datetime) -> float:
    """Return the estimated new videos per day for `entry`, which was searched up to `through`. Two queries.

    Only exact dates count, and only the newest of very many videos. The estimate covers the time since the keyword was
    added, and before that since the oldest videos of the first page, except the very oldest few, whose dates may be
    misplaced.
    """
    found = entry.matches.filter(video__published_exact=True, published_at__lte=through)
    first = list(found.order_by("published_at").values_list("published_at", flat=True)[: MAX_OUTLIERS + 1])
    oldest = first[-1] if first else entry.created_at
    since = [through - timedelta(days=days) for days, _ in WINDOWS]
    newest = found.filter(published_at__gt=since[-1]).newest_first()[:MAX_COUNTED]
    counted = newest.aggregate(
        oldest=Min("published_at"),
        **{f"since_{number}": Count("pk", filter=Q(published_at__gt=start)) for number, start in enumerate(since)},
    )
    covered_from = min(oldest, entry.created_at)
    if counted[f"since_{len(since) - 1}"] == MAX_COUNTED:
        covered_from = counted["oldest"]
    covered = max(0.0, (through - covered_from) / timedelta(days=1))

    videos, days = KeyWordEntry.PRIOR_RATE * PRIOR_DAYS, PRIOR_DAYS
    newer_count, newer_days = 0, 0.0
    for number, (back, weight) in enumerate(WINDOWS):
        count, reach = counted[f"since_{number}"], min(covered, back)
        videos += weight * (count - newer_count)
        days += weight * (reach - newer_days)
        newer_count, newer_days = count, reach
    return videos / days
