"""Compare clocks: wrong ones lead to wrong days of quota, and to searches for the wrong dates."""

import socket
from datetime import datetime, timedelta

from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import MAX_SKEW, Incident


def bounded(ours: datetime, theirs: datetime | None) -> datetime:
    """Return `ours`, the time by our clock, or `theirs` if ours is ahead by more than networks explain."""
    return theirs if theirs and ours - theirs > MAX_SKEW else ours


def is_future(moment: datetime | None, now: datetime) -> bool:
    """Return whether `moment`, which was recorded as the time then, proves that the clock was set back since."""
    return moment is not None and moment - now > MAX_SKEW


def compare(other: str, theirs: datetime) -> None:
    """Open an incident if `theirs`, the time now by the clock of `other`, differs from ours; else close it.

    Of several machines that compare, only the one whose clock differed closes it, or after a day any: it may be gone.
    """
    now, host = timezone.now(), socket.gethostname()
    ahead = now - theirs
    if abs(ahead) <= MAX_SKEW:
        incidents.close_own(Incident.Kind.CLOCKS_DIFFER, subject=other)
        return
    minutes = round(abs(ahead).total_seconds() / 60)
    direction = "ahead" if ahead > timedelta() else "behind"
    message = f"The clocks of {host} and {other} differ: the first is {minutes} min {direction}."
    message += " Synchronize both with NTP."
    # Dated by the other clock: a machine that agrees with it would take a date by ours for old, and close it.
    incidents.open(Incident.Kind.CLOCKS_DIFFER, message, subject=other, opened_at=theirs)
