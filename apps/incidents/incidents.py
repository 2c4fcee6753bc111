"""Open and close incidents, each once, however many workers notice."""

import logging
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from apps.incidents import machine
from apps.incidents.models import MAX_SKEW, Incident

logger = logging.getLogger(__name__)

# A cooldown that ended this long ago, and was not extended, is over.
COOLDOWN_GRACE = timedelta(minutes=30)


def open(
    kind: Incident.Kind,
    message: str,
    *,
    subject: str = "",
    until: datetime | None = None,
    opened_at: datetime | None = None,
) -> None:
    """Open an incident; one that is already open only gets the new message with its machine, and a later `until`.

    `opened_at` is now, unless our clock may be wrong.
    """
    host = machine.name()
    # A pause that has ended and a new one are two incidents.
    close_expired()
    known = Incident.objects.filter(kind=kind, subject=subject, closed_at=None)
    not_sooner = Q(until=None) | Q(until__lte=until) if until else Q()
    known.filter(not_sooner).exclude(until=until, message=message).update(until=until, message=message, host=host)
    if known.exists():
        return
    try:
        with transaction.atomic():
            incident = Incident.objects.create(
                kind=kind,
                subject=subject,
                message=message,
                host=host,
                until=until,
                opened_at=opened_at or timezone.now(),
            )
    except IntegrityError:
        return  # another worker has just opened it
    logger.warning("incident opened: %s", incident)


def close(kind: Incident.Kind, *, subject: str | None = None, except_subjects: Iterable[str] = ()) -> None:
    """Close the open incidents of this kind: of one subject, or of all but `except_subjects`."""
    over = Incident.objects.filter(kind=kind, closed_at=None).exclude(subject__in=except_subjects)
    _close(over if subject is None else over.filter(subject=subject))


def close_own(kind: Incident.Kind, *, subject: str = "") -> None:
    """Close an open incident that this machine reported, or after a day any: its machine may be gone.

    For what one machine may see and another not. A machine that sees no problem would close it again and again.
    """
    now, day = timezone.now(), timedelta(days=1)
    # The host name alone, if the state folder could not be written when it reported it.
    may_close = Q(host__in=[machine.name(), socket.gethostname()]) | ~Q(opened_at__range=(now - day, now + day))
    _close(Incident.objects.filter(may_close, kind=kind, subject=subject, closed_at=None))


def close_expired() -> None:
    """Close the pauses that have ended, and those with an end that was set by a clock that was ahead."""
    now = timezone.now()
    ended = Q(kind__in=Incident.PAUSES, until__lte=now)
    cooled_down = Q(kind=Incident.Kind.KEYS_COOLING_DOWN, until__lt=now - COOLDOWN_GRACE)
    wrong = Q(opened_at__gt=now + MAX_SKEW, until__isnull=False)
    _close(Incident.objects.filter(ended | cooled_down | wrong, closed_at=None))


def repair_future_dates() -> None:
    """Date open incidents from the future as of now, because the clock was set back.

    Those with an end are closed instead. If clocks differ, ours may be the wrong one.
    """
    now = timezone.now()
    in_future = Incident.objects.filter(opened_at__gt=now + MAX_SKEW, until=None, closed_at=None)
    in_future = in_future.exclude(kind=Incident.Kind.CLOCKS_DIFFER)
    if in_future.exists():
        in_future.update(opened_at=now)


def is_open(kind: Incident.Kind) -> bool:
    return Incident.objects.open().filter(kind=kind).exists()


def _close(over: models.QuerySet[Incident]) -> None:
    # On SQLite even an UPDATE of no rows takes the write lock, so look first.
    for incident in over:
        if over.filter(pk=incident.pk).update(closed_at=timezone.now()):
            logger.info("incident closed: %s", incident)
