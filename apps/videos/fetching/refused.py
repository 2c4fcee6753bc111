"""What follows when YouTube refuses a keyword's query.

A refusal may be wrong: while a server is being replaced, it can refuse any query. So the keyword is tried again after
growing delays. Only if it is still refused hours later, while other keywords' searches succeed, does it count as
refused: it is no longer planned, an incident says so, and it is tried once a day.

YouTube is at fault if other keywords are also refused and none succeeds, or if it refuses a request without a reason,
unless other keywords' searches succeed between two refusals of this one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet, VideoFetchMethod, VideoLog

# The delay after a refusal, by the time since the first one: 15 minutes, 1 hour, 4 hours.
RETRY_DELAYS: Final = [
    (timedelta(0), timedelta(minutes=15)),
    (timedelta(minutes=15), timedelta(hours=1)),
    (timedelta(minutes=75), timedelta(hours=4)),
]
# From then on the query counts as refused.
REFUSED_AFTER: Final = timedelta(minutes=315)
DAILY: Final = timedelta(days=1)

# Refusals of several keywords within this time may have one cause.
SAME_CAUSE_WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal changes at a keyword.

    `retry_after` is the shortest time until the next attempt; None: the keyword's interval.
    """

    since: datetime
    retry_after: timedelta | None
    bad_query: str = ""


def assess(entry: KeyWordEntry, message: str, now: datetime) -> Refusal:
    """Return what follows from a refusal of the keyword's query at `now`; two or three database queries."""
    since = min(entry.refused_since or now, now)  # a later one was recorded before the clock was set back
    others = KeyWordEntry.objects.watched().exclude(pk=entry.pk)
    also_refused = others.filter(refused_since__gt=since - SAME_CAUSE_WINDOW).order_by("refused_since")
    if (first := also_refused.first()) and not _passed(others, min(since, first.refused_since)):
        # Start again: a refusal while YouTube fails says nothing about the query.
        return Refusal(since=now, retry_after=None)
    elapsed = now - since
    if elapsed < REFUSED_AFTER:
        return Refusal(since, next(delay for start, delay in reversed(RETRY_DELAYS) if elapsed >= start))
    if not entry.bad_query and not _passed(others, since):
        return Refusal(since, RETRY_DELAYS[-1][1])  # nothing shows that YouTube accepts other queries
    return Refusal(since, DAILY, message)


def others_are_accepted(entry: KeyWordEntry) -> bool:
    """Return whether YouTube did not accept the keyword's last query, but another's since; two database queries."""
    last = entry.logs.exclude(status=VideoLog.Status.RUNNING).newest_first().first()
    if last is None or (last.status, last.method) == (VideoLog.Status.DONE, VideoFetchMethod.YOUTUBE):
        return False
    return _passed(KeyWordEntry.objects.watched().exclude(pk=entry.pk), last.created_at)


def sync_incidents() -> None:
    """Open an incident for each watched keyword that counts as refused, and close those of others."""
    refused = KeyWordEntry.objects.watched().exclude(bad_query="")
    subjects = {str(entry.pk): entry for entry in refused}
    incidents.close(Incident.Kind.QUERY_REFUSED, except_subjects=subjects)
    for subject, entry in subjects.items():
        incidents.open(Incident.Kind.QUERY_REFUSED, f"“{entry}”: {entry.bad_query}", subject=subject)


def _passed(keywords: KeyWordEntryQuerySet, since: datetime) -> bool:
    """Return whether YouTube accepted the query of one of `keywords` at or after `since`."""
    done = Q(status=VideoLog.Status.DONE, method=VideoFetchMethod.YOUTUBE, created_at__gte=since)
    return VideoLog.objects.filter(done, keyword__in=keywords).exists()
