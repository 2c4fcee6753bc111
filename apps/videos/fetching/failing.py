"""Keywords whose fetches fail again and again, and not because of a source: the worker dies, or Windhover has a bug.

Without an incident only their logs would say so, and that nothing new is found would not be noticed.
"""

from collections.abc import Mapping
from typing import Final

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.videos.models import KeyWordEntry, VideoLog

# One may have been stopped with its machine, or met a database that was not available.
FAILURES: Final = 2


def sync_incidents(error_codes: Mapping[KeyWordEntry, str]) -> None:
    """Open or close the incidents of keywords whose fetches have ended with these error codes; one query if none of
    them fails by itself or did so before."""
    subjects = [str(entry.pk) for entry in error_codes]
    opened = Incident.objects.filter(kind=Incident.Kind.KEYWORD_FAILS, closed_at=None, subject__in=subjects)
    failing = set(opened.values_list("subject", flat=True))
    for entry, error_code in error_codes.items():
        if error_code in VideoLog.OWN_FAILURES or str(entry.pk) in failing:
            sync_incident(entry)


def sync_incident(entry: KeyWordEntry) -> None:
    """Open an incident if the keyword's last fetches all failed by themselves, else close it."""
    ended = entry.logs.exclude(status__in=[VideoLog.Status.RUNNING, VideoLog.Status.WAITING])
    last = list(ended.newest_first()[:FAILURES])
    is_failing = len(last) == FAILURES and all(log.error_code in VideoLog.OWN_FAILURES for log in last)
    if is_failing and entry.state == KeyWordEntry.State.WATCHED:
        message = f"“{entry}”: its fetches fail again and again. {last[0].message}"
        incidents.open(Incident.Kind.KEYWORD_FAILS, message, subject=str(entry.pk))
    else:
        incidents.close(Incident.Kind.KEYWORD_FAILS, subject=str(entry.pk))


def close_incidents() -> None:
    """Close the incidents of keywords that are not watched any more."""
    failing = Incident.objects.open().filter(kind=Incident.Kind.KEYWORD_FAILS).values_list("subject", flat=True)
    watched = KeyWordEntry.objects.watched().filter(pk__in=list(failing)).values_list("pk", flat=True)
    incidents.close(Incident.Kind.KEYWORD_FAILS, except_subjects=map(str, watched))
