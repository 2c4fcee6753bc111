"""Troubles: begun and ended once, however many workers notice, and the admin told once of each.

The only writer of Trouble. Telling happens outside transactions and is tried again each minute for a day, so a
broker or a mail server that is away swallows nothing.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.quota.models import Trouble
from core.notify import notify

logger = logging.getLogger(__name__)

TELLING_AGE_LIMIT = timedelta(days=1)

# A source is away for a moment now and then, and a day's last search may go some minutes before midnight; only
# what lasts longer concerns a person.
BRIEF = timedelta(minutes=30)
_AWAY = [Trouble.Kind.YOUTUBE_AWAY, Trouble.Kind.INVIDIOUS_AWAY, Trouble.Kind.KEYS_REST]


def begin(kind: Trouble.Kind, message: str, *, subject: str = "", until: datetime | None = None) -> None:
    """Note that a trouble has begun; one that is open already only learns why and how long it lasts now."""
    # A pause that ended at its hour and a new one are two.
    end_lapsed()
    known = Trouble.objects.filter(kind=kind, subject=subject, ended_at=None)
    # Never sooner than was said before.
    sooner = Q(until=None) | Q(until__lte=until) if until else Q()
    known.filter(sooner).exclude(until=until, message=message).update(until=until, message=message)
    if known.exists():
        return
    try:
        with transaction.atomic():
            Trouble.objects.create(kind=kind, subject=subject, message=message, until=until)
    except IntegrityError:
        return  # another worker noticed at the same moment
    logger.warning("%s: %s", kind.label, message)


def end(kind: Trouble.Kind, *, subject: str | None = None, still: Iterable[str] = (), lapsed: bool = False) -> None:
    """Note that troubles of this kind are over: of this subject, of all but those in `still`, or such as lapsed."""
    over = Trouble.objects.filter(kind=kind, ended_at=None).exclude(subject__in=still)
    if subject is not None:
        over = over.filter(subject=subject)
    if lapsed:
        over = over.filter(until__lte=timezone.now())
    # Asked first, since an UPDATE of nothing, at each call, would take SQLite's only lock.
    if over.exists() and over.update(ended_at=timezone.now()):
        logger.info("%s: over", kind.label)


def end_lapsed() -> None:
    """Note the end of pauses whose hour has come: these troubles pass by themselves."""
    for kind in Trouble.PAUSES:
        end(kind, lapsed=True)
    # A key's rest that nobody has renewed since.
    unheard = Trouble.objects.filter(kind=Trouble.Kind.KEYS_REST, ended_at=None, until__lt=timezone.now() - BRIEF)
    if unheard.exists():
        unheard.update(ended_at=timezone.now())


def is_open(kind: Trouble.Kind, subject: str) -> bool:
    return Trouble.objects.open().filter(kind=kind, subject=subject).exists()


def tell() -> None:
    """Tell the admin of every beginning and end not yet told; what cannot be told now waits for the next call.

    Each is claimed by a conditional UPDATE before it is sent, so that of two workers one tells it.
    """
    now = timezone.now()
    untold = Trouble.objects.filter(begin_told_at=None)
    passed = Q(kind__in=_AWAY, ended_at__lt=F("began_at") + BRIEF)
    passes = Q(kind__in=Trouble.PAUSES, until__lt=F("began_at") + BRIEF)
    if untold.exists():
        untold.filter(passed | passes).update(begin_told_at=now, end_told_at=now)
    fresh = Trouble.objects.filter(Q(began_at__gt=now - TELLING_AGE_LIMIT) | Q(ended_at__gt=now - TELLING_AGE_LIMIT))
    brief = Q(kind__in=_AWAY, began_at__gt=now - BRIEF)
    for trouble in fresh.filter(begin_told_at=None).exclude(brief).order_by("began_at"):
        _tell(trouble, "begin_told_at", trouble.message)
    told = fresh.exclude(begin_told_at=None).exclude(ended_at=None)
    for trouble in told.filter(end_told_at=None).order_by("ended_at"):
        _tell(trouble, "end_told_at", f"This is over: {trouble.message}")


def _tell(trouble: Trouble, column: str, body: str) -> None:
    untold = Trouble.objects.filter(pk=trouble.pk)
    if not untold.filter(**{column: None}).update(**{column: timezone.now()}) or not settings.NOTIFY_URLS:
        return
    # One that took it must not get it again because another did not.
    title = f"Windhover: {trouble.get_kind_display()}"
    if not notify(settings.NOTIFY_URLS, title, body, all_must_take_it=False):
        untold.update(**{column: None})
