"""Notify the admin, through any service Apprise supports: mail, chat, push, webhooks.

Notifications are sent outside transactions and retried each minute for a day, so that none is lost while a mail
server is unreachable. What is still open after that is notified as soon as an address accepts messages again. The form
of NOTIFY_URLS: https://github.com/caronc/apprise/wiki
"""

import logging
import re
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models import F, Q
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident

logger = logging.getLogger(__name__)

RETRY_FOR = timedelta(days=1)

# Short outages, and a search limit reached a few minutes before the reset, need no notification.
SHORT = timedelta(minutes=30)
_OFTEN_SHORT = [
    Incident.Kind.YOUTUBE_UNAVAILABLE,
    Incident.Kind.INVIDIOUS_UNAVAILABLE,
    Incident.Kind.KEYS_COOLING_DOWN,
    Incident.Kind.CLOCKS_DIFFER,
    Incident.Kind.NOTIFICATION_FAILED,
]


def notify_pending() -> None:
    """Send a notification for each incident that opened or closed and was not notified yet.

    Each is claimed by a conditional UPDATE before it is sent, so that only one of several workers sends it. One
    that cannot be sent stays pending.
    """
    now = timezone.now()
    subjects = {_subject(address) for address in addresses()}
    incidents.repair_future_dates()
    _skip_short()
    incidents.close(Incident.Kind.NOTIFICATION_FAILED, except_subjects=subjects)
    in_time = Q(opened_at__gt=now - RETRY_FOR) | Q(closed_at__gt=now - RETRY_FOR)
    # An old date alone does not show that it was tried for long: the clock may have been behind.
    failed = Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED, opened_at__lte=now - RETRY_FOR)
    if subjects and failed.count() < len(subjects):
        in_time |= Q(closed_at=None)
    recent = Incident.objects.filter(in_time)
    may_be_short = Q(kind__in=_OFTEN_SHORT, opened_at__range=(now - SHORT, now))
    for incident in recent.filter(opened_notified_at=None).exclude(may_be_short).order_by("opened_at"):
        _notify(incident, "opened_notified_at", incident.message)
    closed = recent.exclude(opened_notified_at=None).exclude(closed_at=None)
    for incident in closed.filter(closed_notified_at=None).order_by("closed_at"):
        _notify(incident, "closed_notified_at", f"Resolved: {incident.message}")


def addresses() -> list[str]:
    """Return the addresses of NOTIFY_URLS: separated by spaces, or by commas before the next `scheme:`."""
    return [address for address in re.split(r"\s+|,(?=\s*[A-Za-z][A-Za-z0-9+.-]*:/)", settings.NOTIFY_URLS) if address]


def check() -> None:
    """Raise ImproperlyConfigured if an address is not a valid Apprise URL."""
    from apprise import Apprise

    for position, address in enumerate(addresses(), 1):
        if not Apprise.instantiate(address):
            # The address may contain a password, so it is not repeated.
            raise ImproperlyConfigured(f"NOTIFY_URLS: entry {position} is not a valid Apprise URL.")


def send(title: str, body: str) -> list[bool]:
    """Send a message to each address of NOTIFY_URLS; return for each whether it accepted the message.

    Addresses that do not are incidents, until they accept a message.
    """
    from apprise import Apprise  # imported here: it loads a hundred services, and most processes never notify

    accepted = []
    for position, address in enumerate(addresses(), 1):
        messenger = Apprise()
        accepted.append(messenger.add(address) and bool(messenger.notify(title=title, body=body)))
        _record_delivery(position, address, accepted[-1], title)
    return accepted


def _record_delivery(position: int, address: str, accepted: bool, title: str) -> None:
    # Addresses contain passwords, so only their scheme is shown.
    subject, scheme = _subject(address), address.partition(":")[0]
    with suppress(DatabaseError):
        if accepted:
            incidents.close(Incident.Kind.NOTIFICATION_FAILED, subject=subject)
        else:
            message = f"Entry {position} of NOTIFY_URLS ({scheme}) did not accept a message."
            logger.warning("%s Its title: %s", message, title)
            incidents.open(Incident.Kind.NOTIFICATION_FAILED, message, subject=subject)


def _subject(address: str) -> str:
    return sha256(address.encode()).hexdigest()[:16]


def _skip_short() -> None:
    """Mark short incidents as notified."""
    pending = Incident.objects.filter(opened_notified_at=None)
    passed = Q(kind__in=_OFTEN_SHORT, closed_at__lt=F("opened_at") + SHORT)
    will_pass = Q(kind__in=Incident.PAUSES, until__lt=F("opened_at") + SHORT)
    if pending.exists():
        now = timezone.now()
        pending.filter(passed | will_pass).update(opened_notified_at=now, closed_notified_at=now)


def _notify(incident: Incident, column: str, body: str) -> None:
    row = Incident.objects.filter(pk=incident.pk)
    if not row.filter(**{column: None}).update(**{column: timezone.now()}) or not settings.NOTIFY_URLS:
        return
    # If some addresses accepted it, do not send it to them again because of the others.
    if not any(send(f"Windhover: {incident.get_kind_display()}", body)):
        row.update(**{column: None})
