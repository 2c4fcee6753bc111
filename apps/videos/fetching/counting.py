"""Verify the stored numbers of videos, which exist so that no page has to count a million rows, and other copies."""

import logging
from typing import Any

from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.videos.models import KeyWordEntry, Match, Video, VideoLog, VideoTotal

logger = logging.getLogger(__name__)


def _number(matches: QuerySet[Match]) -> Coalesce:
    """Return the number of a keyword's `matches` as an expression."""
    own = matches.filter(keyword=OuterRef("pk")).order_by().values("keyword")
    return Coalesce(Subquery(own.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)


# What is kept of a keyword, what it is called, and how it is counted.
_KEPT: dict[str, tuple[str, Coalesce]] = {
    "video_count": ("videos", _number(Match.objects.all())),
    "hidden_count": ("hidden videos", _number(Match.objects.filter(hidden=True))),
}

# When a keyword found its last match, and how its last fetch ended.
_FOUND_LAST = Subquery(Match.objects.filter(keyword=OuterRef("pk")).order_by("-created_at").values("created_at")[:1])
_ENDED_LAST = Subquery(VideoLog.objects.filter(keyword=OuterRef("pk")).ended().newest_first().values("status")[:1])


def verify_counts() -> int:
    """Correct the stored numbers of videos, in total and of each keyword, and return how many were wrong.

    So it does with the other fields that keywords copy: `last_found_at` and `last_status`.

    Storing, marking and erasing keep them right, so a wrong one is logged: someone changed rows in another way, or
    Windhover has a bug. Other writers may run at the same time: a statement sees the number and the rows as of one
    moment, and every writer that changes them holds the lock on VideoTotal.
    """
    right = Q(**{kept: counted for kept, (_, counted) in _KEPT.items()})
    wrong = KeyWordEntry.objects.exclude(right).values_list("pk", flat=True)
    return sum([_correct_total(), *map(_correct_keyword, list(wrong)), _correct_copies()])


def _correct_copies() -> int:
    """Copy again what differs; not of a keyword that is being fetched, whose copies follow when its log is closed."""
    entries = KeyWordEntry.objects.unclaimed().annotate(found_last=_FOUND_LAST, ended_last=_ENDED_LAST)
    ended_otherwise = Q(ended_last__isnull=False) & ~Q(last_status=F("ended_last"))
    found_other = Q(found_last__isnull=False) & (Q(last_found_at=None) | ~Q(last_found_at=F("found_last")))
    wrong = list(entries.filter(ended_otherwise | found_other).values_list("pk", flat=True))
    if not wrong:
        return 0
    with transaction.atomic():
        VideoTotal.lock()  # as those who store videos do
        unclaimed = KeyWordEntry.objects.unclaimed().filter(pk__in=wrong)
        ids = [entry.pk for entry in unclaimed.lock()]
        entries = KeyWordEntry.objects.filter(pk__in=ids)
        entries.record_last_status()
        entries.update(last_found_at=Coalesce(_FOUND_LAST, F("last_found_at")))
    logger.warning("keywords %s: the copied end of the last fetch, or date of the last find, was wrong", ids)
    return len(ids)


def _correct_total() -> int:
    """Count all videos while other writers wait: tens of milliseconds for a million."""
    with transaction.atomic():
        total = VideoTotal.lock()
        counted = {"count": Video.objects.count(), "hidden_count": Video.objects.exclude(hidden_at=None).count()}
        wrong = {name: number for name, number in counted.items() if getattr(total, name) != number}
        if wrong:
            total.mark_changed()
            VideoTotal.objects.filter(pk=total.pk).update(**wrong)
    for name, number in wrong.items():
        of = "videos" if name == "count" else "hidden videos"
        logger.warning("the stored number of %s was %d, corrected to %d", of, getattr(total, name), number)
    return len(wrong)


def _correct_keyword(pk: int) -> int:
    """Count the keyword's matches again while other writers wait: another run may have corrected the numbers."""
    with transaction.atomic():
        total = VideoTotal.lock()
        counted = {f"counted_{kept}": number for kept, (_, number) in _KEPT.items()}
        entries = KeyWordEntry.objects.filter(pk=pk).annotate(**counted).select_for_update()
        row: dict[str, Any] = entries.values(*_KEPT, *counted).first() or {}
        wrong = {kept: row[f"counted_{kept}"] for kept in _KEPT if row and row[kept] != row[f"counted_{kept}"]}
        if wrong:
            total.mark_changed()
            KeyWordEntry.objects.filter(pk=pk).update(**wrong)
    for kept, number in wrong.items():
        logger.warning(
            "keyword %d: the stored number of %s was %d, corrected to %d", pk, _KEPT[kept][0], row[kept], number
        )
    return len(wrong)
