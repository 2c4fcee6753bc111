"""Marks of videos: seen, starred, hidden. They belong to the installation, not to an account.

Only this module writes them, hidden ones by hiding.py: rules hide videos, too, and what they hide stays hidden when a
person shows it. Like all that changes what lists show, it locks VideoTotal's row first.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.videos import hiding
from apps.videos.models import Video, VideoTotal

MARKS: Final = ("seen", "starred", "hidden")

# Videos that one transaction marks, so that other writers do not wait long; and those that a request may name.
MOST: Final = 1_000


def mark(
    videos: Iterable[str] | QuerySet[Video],
    *,
    seen: bool | None = None,
    starred: bool | None = None,
    hidden: bool | None = None,
) -> int:
    """Set (True) or clear (False) marks of videos, or of those with these ids; None leaves a mark as it is.

    What is marked already keeps its time. Return the number of videos that changed. One transaction for MOST videos.
    """
    ids = list(dict.fromkeys(videos.values_list("pk", flat=True) if isinstance(videos, QuerySet) else videos))
    wanted = {
        f"{name}_at": value for name, value in zip(MARKS, (seen, starred, hidden), strict=True) if value is not None
    }
    return sum(_mark(ids[start : start + MOST], wanted) for start in range(0, len(ids), MOST))


def _mark(ids: Sequence[str], wanted: dict[str, bool]) -> int:
    with transaction.atomic():
        total, now = VideoTotal.lock(), timezone.now()
        videos = Video.objects.filter(pk__in=ids).select_for_update().order_by("pk")
        stored = list(videos.values("pk", "hidden_by_rules", *wanted))
        changed = set[str]()
        for field, value in wanted.items():
            other = [row["pk"] for row in stored if _is_set(row, field) != value]
            changed.update(other)
            if other and field == "hidden_at":
                hiding.settle(total, other, by_hand=dict.fromkeys(other, value))
            elif other:
                Video.objects.filter(pk__in=other).update(**{field: now if value else None})
        if changed:
            total.mark_changed()
    return len(changed)


def _is_set(row: Mapping[str, Any], field: str) -> bool:
    """Return whether a person has set this mark; what rules hide is not hidden by hand."""
    return row[field] is not None and not (field == "hidden_at" and row["hidden_by_rules"])
