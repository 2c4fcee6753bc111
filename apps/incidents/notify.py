"""Notify the admin, through any service Apprise supports: mail, chat, push, webhooks.

Notifications are sent outside transactions and retried each minute for a day, so that none is lost while a mail
server is unreachable. The form of NOTIFY_URLS: https://github.com/caronc/apprise/wiki
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from apps.incidents.models import Incident

logger = logging.getLogger(__name__)

RETRY_FOR = timedelta(days=1)

# Short outages, and a search limit reached a few minutes before the reset, need no notification.
SHORT = timedelta(minutes=30)
_OFTEN_SHORT = [
    Incident.Kind.YOUTUBE_UNAVAILABLE,
    Incident.Kind.INVIDIOUS_UNAVAILABLE,
    Incident.Kind.KEYS_COOLING_DOWN,
]


def notify_pending() -> None:
    """Send a notification for each incident that opened or closed and was not notified yet.

    Each is claimed by a conditional UPDATE before it is sent, so that only one of several workers sends it. One
    that cannot be sent stays pending.
    """
    now = timezone.now()
    _skip_short()
    recent = Incident.objects.filter(Q(opened_at__gt=now - RETRY_FOR) | Q(closed_at__gt=now - RETRY_FOR))
    may_be_short = Q(kind__in=_OFTEN_SHORT, opened_at__gt=now - SHORT)
    for incident in recent.filter(opened_notified_at=None).exclude(may_be_short).order_by("opened_at"):
        _notify(incident, "opened_notified_at", incident.message)
    closed = recent.exclude(opened_notified_at=None).exclude(closed_at=None)
    for incident in closed.filter(closed_notified_at=None).order_by("closed_at"):
        _notify(incident, "closed_notified_at", f"Resolved: {incident.message}")


def send(addresses: str, title: str, body: str) -> list[bool]:
    """Send a message to each of `addresses` (Apprise URLs, separated by commas or spaces).

    Return for each valid address whether it accepted the message.
    """
    from apprise import Apprise  # imported here: it loads a hundred services, and most processes never notify

    messenger = Apprise()
    messenger.add(addresses)
    accepted = [bool(address.notify(title=title, body=body)) for address in messenger]
    if not accepted or not all(accepted):
        # The addresses contain passwords, so they are not logged.
        logger.warning("notification not accepted by every address: %s", title)
    return accepted


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
    if not any(send(settings.NOTIFY_URLS, f"Windhover: {incident.get_kind_display()}", body)):
        row.update(**{column: None})
