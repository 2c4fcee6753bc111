"""Send messages through any service Apprise supports (mail, chat, push, webhooks), and notify the admin.

Notifications are sent outside transactions and retried each minute for a day, so that none is lost while a mail
server is unreachable. What is still open after that is notified as soon as an address accepts messages again. The form
of NOTIFY_URLS: https://github.com/caronc/apprise/wiki
"""

import logging
import math
import re
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from django import db
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F, Q
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident

logger = logging.getLogger(__name__)

RETRY_FOR = timedelta(days=1)

# After so many seconds an address has not accepted a message.
SEND_SECONDS = 15

# Short outages, a task that failed once, and a search limit reached a few minutes before the reset, need no
# notification.
SHORT = timedelta(minutes=30)
_OFTEN_SHORT = [
    Incident.Kind.YOUTUBE_UNAVAILABLE,
    Incident.Kind.INVIDIOUS_UNAVAILABLE,
    Incident.Kind.KEYS_COOLING_DOWN,
    Incident.Kind.CLOCKS_DIFFER,
    Incident.Kind.NOTIFICATION_FAILED,
    Incident.Kind.CHORE_FAILS,
]


@dataclass(frozen=True, slots=True)
class Address:
    """Where messages are sent. The URL may contain a password; `name` is what people see of it.

    `subject` is that of the incident while it accepts no messages.
    """

    url: str = field(repr=False)
    name: str
    subject: str
    is_webhook: bool = False


def notify_pending(deadline: float = math.inf) -> None:
    """Send a notification for each incident that opened or closed and was not notified yet.

    Each is claimed by a conditional UPDATE before it is sent, so that only one of several workers sends it. One
    that cannot be sent stays pending. None is begun after `deadline` (of time.monotonic()): if the process is
    killed while it sends one, that one is never sent.
    """
    now = timezone.now()
    subjects = {address.subject for address in named(settings.NOTIFY_URLS, "NOTIFY_URLS")}
    incidents.repair_future_dates()
    _skip_short()
    close_removed(subjects, "")
    in_time = Q(opened_at__gt=now - RETRY_FOR) | Q(closed_at__gt=now - RETRY_FOR)
    # An old date alone does not show that it was tried for long: the clock may have been behind.
    failed = Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED, opened_at__lte=now - RETRY_FOR)
    failed = failed.filter(subject__in=subjects)
    if subjects and failed.count() < len(subjects):
        in_time |= Q(closed_at=None)
    recent = Incident.objects.filter(in_time)
    may_be_short = Q(kind__in=_OFTEN_SHORT, opened_at__range=(now - SHORT, now))
    for incident in recent.filter(opened_notified_at=None).exclude(may_be_short).order_by("opened_at"):
        if time.monotonic() < deadline:
            _notify(incident, "opened_notified_at", incident.message)
    closed = recent.problems().exclude(opened_notified_at=None).exclude(closed_at=None)
    for incident in closed.filter(closed_notified_at=None).order_by("closed_at"):
        if time.monotonic() < deadline:
            _notify(incident, "closed_notified_at", f"Resolved: {incident.message}")


def addresses(text: str | None = None) -> list[str]:
    """Return the addresses in `text`: separated by spaces, or by commas before the next `scheme:`.

    Without `text` those of NOTIFY_URLS.
    """
    text = settings.NOTIFY_URLS if text is None else text
    return [address for address in re.split(r"\s+|,(?=\s*[A-Za-z][A-Za-z0-9+.-]*:/)", text) if address]


def named(text: str, where: str, owner: str = "") -> list[Address]:
    """Return the addresses in `text`, named by their position in `where`, without repeated ones."""
    found: dict[str, Address] = {}
    for position, url in enumerate(addresses(text), 1):
        # Addresses contain passwords, so only their scheme is shown.
        name = f"Entry {position} of {where} ({url.partition(':')[0]})"
        found.setdefault(url, Address(url, name, subject_of(url, owner)))
    return list(found.values())


def subject_of(url: str, owner: str = "") -> str:
    """Return a hash of an address, after a word that distinguishes those of another `owner` than NOTIFY_URLS."""
    return f"{owner} {sha256(url.encode()).hexdigest()[:16]}".strip()


def check(text: str | None = None, where: str = "NOTIFY_URLS") -> None:
    """Raise ImproperlyConfigured if an address in `text`, by default NOTIFY_URLS, is not a valid Apprise URL."""
    from apprise import Apprise  # imported here: it loads a hundred services, and most processes never notify

    for position, address in enumerate(addresses(text), 1):
        if not Apprise.instantiate(address):
            # The address may contain a password, so it is not repeated.
            raise ImproperlyConfigured(f"{where}: entry {position} is not a valid Apprise URL.")


def send(title: str, body: str) -> list[bool]:
    """Send a message to each address of NOTIFY_URLS; return for each whether it accepted the message.

    Addresses that do not are incidents, until they accept a message.
    """
    accepted = []
    for address in named(settings.NOTIFY_URLS, "NOTIFY_URLS"):
        accepted.append(deliver(address.url, title, body))
        if accepted[-1]:
            record_accepted(address)
        else:
            record_refused(address, title)
    return accepted


def deliver(url: str, title: str, body: str) -> bool:
    """Send a message in plain text to an Apprise URL; return whether it was accepted within SEND_SECONDS.

    Where the service shows HTML or Markdown, Apprise escapes the text. Redirects are not followed, unless the URL has
    `?redirect=yes`.
    """
    from apprise import Apprise, AppriseAsset, NotifyFormat

    messenger = Apprise(asset=AppriseAsset(http_redirects=False))
    if not messenger.add(url):
        return False
    return bool(messenger.notify(title=title, body=body, body_format=NotifyFormat.TEXT, timeout=SEND_SECONDS))


def record_accepted(address: Address) -> None:
    """Close the incident of an address that has accepted a message."""
    with suppress(db.Error):
        incidents.close(Incident.Kind.NOTIFICATION_FAILED, subject=address.subject)


def record_refused(
    address: Address, title: str, reason: str = "", until: datetime | None = None, lost: str = ""
) -> None:
    """Open an incident for an address that did not accept a message; it is tried again at `until`.

    `lost` is a sentence on what it will not get any more.
    """
    message = f"{address.name} did not accept a message{reason and f' ({reason})'}. {lost}".strip()
    logger.warning("%s Its title: %s", message, title)
    with suppress(db.Error):
        incidents.open(Incident.Kind.NOTIFICATION_FAILED, message, subject=address.subject, until=until)


def close_removed(subjects: Collection[str], *owners: str) -> None:
    """Close the incidents of these owners' addresses that are not used any more: all but `subjects`."""
    failed = Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED)
    for subject in failed.values_list("subject", flat=True):
        if subject.rpartition(" ")[0] in owners and subject not in subjects:
            incidents.close(Incident.Kind.NOTIFICATION_FAILED, subject=subject)


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
