"""Compare clocks: wrong ones lead to wrong days of quota, and to searches for the wrong dates."""

from datetime import datetime, timedelta

from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident

# A difference that networks and busy machines do not explain.
MOST = timedelta(minutes=2)


def compare(other: str, theirs: datetime) -> None:
    """Open an incident if `theirs`, the time now by the clock of `other`, differs from ours; else close it."""
    ahead = timezone.now() - theirs
    if abs(ahead) <= MOST:
        incidents.close(Incident.Kind.CLOCKS_DIFFER, subject=other)
        return
    minutes = round(abs(ahead).total_seconds() / 60)
    direction = "ahead of" if ahead > timedelta() else "behind"
    message = f"This machine's clock is {minutes} min {direction} that of {other}. Set it by NTP."
    incidents.open(Incident.Kind.CLOCKS_DIFFER, message, subject=other)
