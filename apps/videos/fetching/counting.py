"""Verify the stored numbers of videos, which exist so that no page has to count a million rows."""

import logging

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from apps.videos.models import KeyWordEntry, Match, Video, VideoTotal

logger = logging.getLogger(__name__)

# A keyword's number of matches.
_COUNTED = Coalesce(
    Subquery(
        Match.objects.filter(keyword=OuterRef("pk")).order_by().values("keyword").annotate(n=Count("pk")).values("n"),
        output_field=IntegerField(),
    ),
    0,
)


def verify_counts() -> int:
    """Correct the stored numbers of videos, in total and of each keyword, and return how many were wrong.

    Storing and erasing keep them right, so a wrong one is logged: someone changed rows in another way, or Windhover
    has a bug. Other writers may run at the same time: a statement sees the number and the rows as of one moment, and
    every writer that changes them holds the lock on VideoTotal.
    """
    wrong = KeyWordEntry.objects.exclude(video_count=_COUNTED).values_list("pk", flat=True)
    return sum([_correct_total(), *map(_correct_keyword, list(wrong))])


def _correct_total() -> bool:
    """Count all videos while other writers wait: tens of milliseconds for a million."""
    with transaction.atomic():
        total, counted = VideoTotal.lock(), Video.objects.count()
        if total.count == counted:
            return False
        total.mark_changed()
        VideoTotal.objects.filter(pk=total.pk).update(count=counted)
    logger.warning("the stored number of videos was %d, corrected to %d", total.count, counted)
    return True


def _correct_keyword(pk: int) -> bool:
    """Count the keyword's matches again while other writers wait: another run may have corrected the number."""
    with transaction.atomic():
        total = VideoTotal.lock()
        row = KeyWordEntry.objects.filter(pk=pk).select_for_update().values_list("video_count", _COUNTED).first()
        if row is None or row[0] == row[1]:
            return False
        total.mark_changed()
        KeyWordEntry.objects.filter(pk=pk).update(video_count=row[1])
    logger.warning("keyword %d: the stored number of videos was %d, corrected to %d", pk, *row)
    return True
