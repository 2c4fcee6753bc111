"""Write again where keywords stand in stored videos: in those that changed, and in those of which it is unknown."""

import math
import time
from collections import defaultdict
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from apps.videos.fetching import attribution
from apps.videos.models import Match, VideoTotal

# Matches of one transaction, and seconds between two, as in hiding.py.
CHUNK: Final = 500
INTERVAL: Final = 0.11


def attribute(matches: QuerySet[Match]) -> int:
    """Write where the keyword of each of these matches stands in its video, where that changed; return how many did.

    Run it in a transaction that locks VideoTotal.
    """
    texts = [f"video__{field}" for field in attribution.FIELDS]
    changed: dict[str, list[int]] = defaultdict(list)
    for pk, place, keyword, *values in matches.values_list("pk", "matched_in", "keyword__normalized", *texts):
        now = attribution.matched_in(keyword, dict(zip(attribution.FIELDS, values, strict=True)))
        if now != place:
            changed[now].append(pk)
    for place, ids in changed.items():
        Match.objects.filter(pk__in=ids).update(matched_in=place)
    return sum(map(len, changed.values()))


def attribute_stored(deadline: float = math.inf) -> None:
    """Find out where keywords stand in the matches of which that is unknown, in short transactions.

    It stops after `deadline` (of time.monotonic()); the next call continues.
    """
    while ids := list(Match.objects.filter(matched_in=None).values_list("pk", flat=True)[:CHUNK]):
        if time.monotonic() > deadline:
            return
        with transaction.atomic():
            total = VideoTotal.lock()
            if attribute(Match.objects.filter(pk__in=ids)):
                total.mark_changed()
        time.sleep(INTERVAL)
