"""Where a keyword stands in a video that it found: YouTube's search also finds videos without it."""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from apps.videos import phrases
from apps.videos.models import KeyWordEntry, Match, Video, VideoTotal
from core.found_video import FoundVideo

# Where a keyword is looked for, in this order.
FIELDS: Final = {"title": Match.In.TITLE, "description": Match.In.DESCRIPTION, "channel_title": Match.In.CHANNEL}

# Matches of one transaction, and seconds between two, as in hiding.py.
CHUNK: Final = 500
INTERVAL: Final = 0.11


def matched_in(keyword: str, video: Mapping[str, Any]) -> str:
    """Return in which text of `video` all words of the keyword stand, in any order: the first of title, description
    and channel; SEVERAL if they stand in different ones, NOWHERE if one is missing.

    `video` has `title`, `description` and `channel_title`.
    """
    words = phrases.words(keyword)
    missing_everywhere = set(words)
    if not words:
        return Match.In.NOWHERE
    for field, place in FIELDS.items():
        folded = phrases.fold(video[field])
        absent = {word for word, pattern in words.items() if word not in folded or not pattern.search(folded)}
        if not absent:
            return place
        missing_everywhere = missing_everywhere & absent
    return Match.In.NOWHERE if missing_everywhere else Match.In.SEVERAL


def of_group(entries: Iterable[KeyWordEntry], videos: Sequence[FoundVideo]) -> dict[int, set[str]]:
    """Return which of `videos`, which a search for all these keywords found, each keyword is about, by their ids.

    Those that YouTube has given the full data of before are compared as they are stored: a search cuts descriptions.
    """
    ids = [video.video_id for video in videos if not video.complete]
    stored = {
        row["pk"]: row for row in Video.objects.filter(pk__in=ids, completed_at__isnull=False).values("pk", *FIELDS)
    }
    about: dict[int, set[str]] = {entry.pk: set() for entry in entries}
    keywords = {entry.pk: entry.normalized for entry in entries}
    for video in videos:
        texts = stored.get(video.video_id) or {name: getattr(video, name) for name in FIELDS}
        for pk, keyword in keywords.items():
            if matched_in(keyword, texts) != Match.In.NOWHERE:
                about[pk].add(video.video_id)
    return about


def attribute(matches: QuerySet[Match]) -> int:
    """Write where the keyword of each of these matches stands in its video, where that changed; return how many did.

    Run it in a transaction that locks VideoTotal.
    """
    texts = [f"video__{field}" for field in FIELDS]
    changed: dict[str, list[int]] = defaultdict(list)
    for pk, place, keyword, *values in matches.values_list("pk", "matched_in", "keyword__normalized", *texts):
        now = matched_in(keyword, dict(zip(FIELDS, values, strict=True)))
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
