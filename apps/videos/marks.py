"""Marks of videos: seen, starred, hidden. They belong to the installation, not to an account.

Only this module writes them, hidden ones by hiding.py: rules hide videos, too, and what they hide stays hidden when a
person shows it. Like all that changes what lists show, it locks VideoTotal's row first.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.videos import hiding
from apps.videos.cursors import Order
from apps.videos.models import Video, VideoTotal

MARKS: Final = ("seen", "starred", "hidden")

# Videos that one transaction marks, so that other writers do not wait long; and those that a request may name.
MOST: Final = 1_000
# Seconds between two transactions. SQLite does not queue writers: with a shorter pause some would never get the lock.
INTERVAL: Final = 0.11
# Ids that are read at once.
_POSITIONS: Final = 20_000


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


def mark_all_seen(rows: QuerySet[Any], deadline: float = math.inf) -> int:
    """Mark videos, or the videos of matches, as seen, newest first, in short transactions with pauses between them.

    Those that are added meanwhile stay as they are if they are newer. Return the number that changed. It stops after
    `deadline` (of time.monotonic()); the next call continues.
    """
    order, changed = Order("published_at", descending=True), 0
    rows = rest = order.apply(rows)
    while positions := list(rest.values_list("published_at", "video_id")[:_POSITIONS]):
        for start in range(0, len(positions), MOST):
            portion = [video_id for _, video_id in positions[start : start + MOST]]
            unseen = Video.objects.filter(pk__in=portion, seen_at=None)
            if not (ids := list(unseen.values_list("pk", flat=True))):
                continue
            if changed:
                time.sleep(INTERVAL)
            if time.monotonic() > deadline:
                return changed
            changed += mark(ids, seen=True)
        rest = rows.filter(order.after(*positions[-1]))
    return changed


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
