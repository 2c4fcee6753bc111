"""Keywords about which unusually long nothing new was published, although the searches for them succeed.

Something may be wrong that no error shows: YouTube lists them no more, or their group does not deliver them. Or there
is nothing to find; so it is a notice, not a problem.
"""

import math
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.videos.fetching.gaps import INDEX_DELAY
from apps.videos.models import KeyWordEntry, Match
from apps.videos.scheduling.silence import DAY, LONGEST_HISTORY, SHORTEST_HISTORY, UNLIKELY, Silence, unusual_silence

# At most so many of a keyword's videos are its history: many more than a silence of hours needs.
MOST: Final = 20_000


def sync() -> None:
    """Find out which watched keywords are unusually silent; open and close their notices.

    One query for all, and one for each that might be. `searched_through` is up to when YouTube was searched: it does
    not move while searches fail.
    """
    newest = Match.objects.filter(keyword=OuterRef("pk")).order_by("-published_at").values("published_at")[:1]
    entries = KeyWordEntry.objects.annotate(newest=Subquery(newest))
    silent = entries.filter(silent_since__isnull=False)
    if over := [one.pk for one in silent if one.state != KeyWordEntry.State.WATCHED or one.newest != one.silent_since]:
        silent.filter(pk__in=over).update(silent_since=None, usual_rate=None)
    long_enough = timezone.now() - SHORTEST_HISTORY
    known = entries.watched().filter(silent_since=None, created_at__lt=long_enough, searched_through__isnull=False)
    for entry in known.exclude(gaps__late=False).only("keyword", "created_at", "searched_through", "rate"):
        if silence := _silence(entry):
            _begin(entry, silence)
    incidents.close(Incident.Kind.KEYWORD_SILENT, except_subjects=map(str, silent.values_list("pk", flat=True)))


def _silence(entry: Any) -> Silence | None:
    end: datetime = entry.searched_through - INDEX_DELAY
    if entry.newest is None or not _may_be_unusual((end - entry.newest) / DAY, entry.rate):
        return None
    start = max(entry.created_at, entry.newest - LONGEST_HISTORY)
    history = entry.matches.filter(published_at__gte=start, published_at__lte=end).order_by("-published_at", "-video")
    published = list(history.values_list("published_at", flat=True)[:MOST])[::-1]
    if len(published) == MOST:
        start = published[0]
    return unusual_silence(published, start, end)


def _may_be_unusual(days: float, rate: float) -> bool:
    """Return whether it is worth reading the history of a keyword: by what is expected at most, of which nearly all
    keywords have too little.

    Without videos the rate halves in about three days (rates.py), and before it may have been half of the usual one.
    A silence of some days contains each hour of the day at most once more than that.
    """
    usual = 2 * rate * 2 ** (min(days, 30) / 3)
    return days > 0 and usual * (days + 1) >= -math.log(UNLIKELY)


def _begin(entry: KeyWordEntry, silence: Silence) -> None:
    KeyWordEntry.objects.filter(pk=entry.pk).update(silent_since=silence.since, usual_rate=silence.per_day)
    hours = round((timezone.now() - silence.since) / timedelta(hours=1))
    per_day = f"{silence.per_day:,.0f}" if silence.per_day >= 10 else f"{silence.per_day:.1f}"
    message = f"“{entry}”: usually about {per_day} new videos a day, none for {hours} hours."
    incidents.open(Incident.Kind.KEYWORD_SILENT, message, subject=str(entry.pk))
